"""Submissions that want others to lose: their files, marks and start-up files."""

from __future__ import annotations

from tests.grading.corpus.entry import Entry, answered

HONEST = """

def overlap(a, b):
    return len(set(a) & set(b))
"""


def vandal(name: str, text: str, *, right: bool = True, **more: object) -> Entry:
    """Code that harms, and then a right answer, which counts all the same unless the process is gone."""
    earns = {"overlap": 2} if right else {}
    answers = {"overlap": text + (HONEST if right else "")}
    return answered(f"destroy-{name}", "destroy", answers, earns=earns, **{"flagged": None, **more})


ENTRIES = [
    vandal(
        "everything",
        """
import os
import shutil

for folder in ("COURSE_ROOT", "HOME_FOLDER"):
    shutil.rmtree(folder, ignore_errors=True)
    for path, folders, files in os.walk(folder, topdown=False):
        for file in files:
            try:
                os.remove(os.path.join(path, file))
            except OSError:
                pass
""",
    ),
    vandal("by-shell", "!rm -rf COURSE_ROOT HOME_FOLDER/.ipython\n%rm -rf COURSE_ROOT\n%cd COURSE_ROOT\n"),
    vandal(
        "gradebook",
        """
import os

for name in ("gradebook.db", "gradebook.db-wal", "gradebook.db-journal"):
    for way in (os.remove, lambda path: os.truncate(path, 0), lambda path: os.rename(path, path + ".bak")):
        try:
            way("COURSE_ROOT/" + name)
        except OSError:
            pass
""",
        flagged=True,
    ),
    vandal(
        "others-marks",
        """
import sqlite3

try:
    base = sqlite3.connect("COURSE_ROOT/gradebook.db")
    base.execute("UPDATE grade SET auto_score = 0, manual_score = 0")
    base.commit()
except sqlite3.Error:
    pass
""",
        flagged=True,
    ),
    vandal(
        "others-submissions",
        """
from pathlib import Path

for path in [*Path("COURSE_ROOT/submitted").glob("*/*/*"), *Path("..").rglob("*.ipynb")]:
    try:
        path.write_text("{}")
    except OSError:
        pass
""",
    ),
    vandal(
        "start-up-files",
        """
import os
import site
import sys

import coursekit

text = "# left by a submission of the tests\\n"
folders = [*site.getsitepackages(), *map(os.path.dirname, (coursekit.__file__, np.__file__)), sys.prefix]
folders += ["HOME_FOLDER/.ipython/profile_default/startup", "/tmp", "/etc", "/dev/shm", "COURSE_ROOT"]
folders += [os.path.expanduser("~/.ipython/profile_default/startup")]
for folder in folders:
    for name in ("stolen.pth", "00-stolen.py", "stolen_module.py", "__pycache__/stolen.pyc"):
        try:
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, name), "x") as file:
                file.write(text)
        except OSError:
            pass
""",
    ),
    vandal(
        "hard-links",
        """
import os

for way in (os.link, os.symlink):
    try:
        way("COURSE_ROOT/gradebook.db", "mine.db")
        with open("mine.db", "wb") as file:
            file.write(b"")
    except OSError:
        pass
""",
    ),
]
