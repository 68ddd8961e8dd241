"""Submissions that look for the answer: on disk, in the gradebook, at a neighbour's."""

from __future__ import annotations

import os
from pathlib import Path

from tests.grading.corpus.entry import Entry, Place, answered, as_bytes, full, put, released


def looker(name: str, text: str, *, exercise: str = "overlap", **more: object) -> Entry:
    """An answer that returns what it found, and 0 or None when it found nothing; all others are right."""
    return answered(f"look-{name}", "look", {exercise: text}, **{"flagged": True, **more})


_SOLVED = """
import json
from pathlib import Path

def _text(path, name):
    cells = json.loads(Path(path).read_text())["cells"]
    found = [c for c in cells if c["metadata"].get("nbgrader", {}).get("grade_id") == name]
    return "".join("".join(cell["source"]) for cell in found)
"""

ON_DISK = [
    looker(
        "solutions",
        _SOLVED
        + """
places = [Path("COURSE_ROOT"), Path.cwd(), *Path.cwd().parents]
for root in places:
    try:
        exec(_text(root / "solutions/00_welcome/00_welcome.ipynb", "overlap"))
    except OSError:
        pass
""",
    ),
    looker(
        "solutions-by-coursekit",
        _SOLVED
        + """
import coursekit
from coursekit.lessons import Course

root = Path(coursekit.__file__).parents[1]
for way in (lambda: Course.find().lesson("0").source, lambda: root / "solutions/00_welcome/00_welcome.ipynb"):
    try:
        exec(_text(way(), "overlap"))
    except Exception:
        pass
""",
    ),
    looker(
        "solutions-by-search",
        _SOLVED
        + """
import os

def search(folder, left=2000):
    for here, folders, files in os.walk(folder):
        left -= 1
        if left < 0:
            return
        for file in files:
            if file.endswith(".ipynb"):
                try:
                    exec(_text(Path(here) / file, "overlap"), globals())
                except Exception:
                    pass

for folder in ("COURSE_ROOT", "HOME_FOLDER", "/home", "/srv", "/mnt", "/tmp", "/proc/1/root", "/"):
    search(folder)
""",
    ),
    looker(
        "solutions-by-magic",
        """
        %cd COURSE_ROOT
        %run solutions/00_welcome/00_welcome.ipynb
        lines = !cat COURSE_ROOT/solutions/00_welcome/00_welcome.ipynb
        """,
    ),
    looker(
        "neighbour",
        _SOLVED
        + """
for path in Path("COURSE_ROOT/submitted").glob("*/00_welcome/*.ipynb"):
    exec(_text(path, "overlap"))
for path in Path("..").glob("*/*/*.ipynb"):
    exec(_text(path, "overlap"))
""",
    ),
    looker(
        "gradebook",
        """
        import sqlite3

        base = sqlite3.connect("COURSE_ROOT/gradebook.db")
        base.execute("UPDATE grade SET auto_score = 99, manual_score = 99")
        base.commit()

        def overlap(a, b):
            return None
        """,
    ),
    looker(
        "processes",
        """
        import os
        from pathlib import Path

        def overlap(a, b):
            for folder in Path("/proc").glob("[0-9]*"):
                for file in ("environ", "cmdline", "maps", "mem"):
                    try:
                        if b"solutions" in (folder / file).open("rb").read(100_000):
                            return 2
                    except (OSError, ValueError):
                        pass
            return -1
        """,
        flagged=None,
    ),
    looker(
        "misconceptions",
        """
        import json
        from importlib import resources

        def overlap(a, b):
            folder = resources.files("coursekit.checking") / "misconceptions"
            known = json.loads((folder / "00_welcome.json").read_text())["exercises"]["overlap"]
            return known["mutants"][0]["outcomes"][0]
        """,
        flagged=None,
    ),
]

# One learner leaves the answer where the next one can find it, if anything lasts from one to the other.
_DROPS = '("/tmp/drop.py", "/dev/shm/drop.py", "HOME_FOLDER/drop.py", "/var/tmp/drop.py", "drop.py")'
DROP_BOX = [
    answered(
        "look-drop-1-writes",
        "look",
        {
            "overlap": f"""
            import os

            def overlap(a, b):
                return len(set(a) & set(b))

            for place in {_DROPS}:
                try:
                    with open(place, "w") as file:
                        file.write("def overlap(a, b):\\n    return len(set(a) & set(b))")
                except OSError:
                    pass
            os.environ["DROP"] = "def overlap(a, b):\\n    return len(set(a) & set(b))"
            """
        },
        earns={"overlap": 2},
    ),
    answered(
        "look-drop-2-reads",
        "look",
        {
            "overlap": f"""
            import os

            for place in {_DROPS}:
                if os.path.exists(place):
                    exec(open(place).read())
            exec(os.environ.get("DROP", ""))
            """
        },
    ),
]


def _linked_source(folder: Path, place: Place) -> None:
    folder.mkdir(parents=True)
    os.symlink(place.course / "solutions/00_welcome/00_welcome.ipynb", folder / "00_welcome.ipynb")


def _linked_neighbour(folder: Path, place: Place) -> None:
    """The folder is a link to the folder of somebody whose answers are right."""
    folder.parent.mkdir(parents=True)
    os.symlink(place.course / "submitted/bystander-a/00_welcome", folder)


def _linked_beside(folder: Path, place: Place) -> None:
    put(folder, {"00_welcome.ipynb": as_bytes(released("00_welcome"))})
    os.symlink(place.course / "solutions", folder / "solutions")
    os.symlink("/", folder / "root")


LINKS = [
    Entry("look-linked-source", "look", "00_welcome", _linked_source, {}, noted=True),
    # The link itself may be refused or read: it must not do more than its target's own text is worth.
    Entry(
        "look-linked-folder",
        "look",
        "00_welcome",
        _linked_neighbour,
        {},
        unsure=frozenset(full("00_welcome")),
    ),
    Entry("look-linked-beside", "look", "00_welcome", _linked_beside, {}),
]

ENTRIES = [*ON_DISK, *DROP_BOX, *LINKS]
