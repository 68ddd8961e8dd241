"""A course in a temporary folder with things that attackers aim at, and the watch over them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coursekit.lessons import Course
from tests.grading.corpus.entry import ROOT, Entry, Place, as_bytes, fill, put, released, solutions

# What grading makes, and what matplotlib keeps in a new home.
EXPECTED = ("autograded", "feedback", "gradebook.db", ".cache", ".config")


@dataclass
class Town:
    """The course, the home folder, a process and a few listening sockets, none of which may be touched."""

    place: Place
    doors: list[socket.socket] = field(repr=False)
    victim: subprocess.Popen = field(repr=False)
    before: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def course(self) -> Course:
        """The course in which everybody hands in."""
        return Course(self.place.course)

    def hand_in(self, entry: Entry) -> None:
        """Write a submission of the corpus."""
        entry.write(self._folder(entry.folder, entry.lesson), self.place)

    def hand_in_right(self, student: str, lesson: str) -> None:
        """A bystander: everything right, and no text equal to anybody else's, so that it is really run."""
        texts = {name: f"# {student}\n{text}" for name, text in solutions(lesson).items()}
        notebook = fill(released(lesson), texts)
        put(self._folder(student, lesson), {f"{lesson}.ipynb": as_bytes(notebook)})

    def remember(self) -> None:
        """Note what lies on disk now."""
        self.before = _written(self.place)

    def changes(self) -> list[str]:
        """What is not as it was: files, the process, somebody at a door."""
        after = _written(self.place)
        names = self.before.keys() | after.keys()
        found = [f"changed: {name}" for name in sorted(names) if self.before.get(name) != after.get(name)]
        if self.victim.poll() is not None:
            found.append("another process was ended")
        return found + [f"somebody came to {door.getsockname()!r}" for door in self.doors if _visited(door)]

    def _folder(self, student: str, lesson: str) -> Path:
        return self.place.course / "submitted" / student / lesson


@contextlib.contextmanager
def town(folder: Path) -> Iterator[Town]:
    """Build it; on leaving, end the process and close the doors."""
    course, home = folder / "course", folder / "home"
    for name in ("solutions", "lessons"):
        shutil.copytree(ROOT / name, course / name)
    for name in ("pyproject.toml", "nbgrader_config.py"):
        shutil.copy(ROOT / name, course)
    put(home / ".ipython/profile_default/startup", {"README": b"start-up files go here"})
    victim = subprocess.Popen(["sleep", "600"])
    with contextlib.ExitStack() as stack:
        stack.callback(victim.wait)
        stack.callback(victim.kill)
        doors = [stack.enter_context(door) for door in _doors(course)]
        yield Town(Place(course, home, doors[0].getsockname()[1], victim.pid), doors, victim)


def _doors(course: Path) -> Iterator[socket.socket]:
    """Listening sockets: of the internet, with a name, and with a name that no folder shows."""
    here = os.getcwd()
    os.chdir(course)  # the name of a socket may have 108 characters only
    try:
        for family, name in (
            (socket.AF_INET, ("127.0.0.1", 0)),
            (socket.AF_UNIX, "talk.sock"),
            (socket.AF_UNIX, f"\0coursekit-talk-{os.getpid()}"),
        ):
            door = socket.socket(family, socket.SOCK_STREAM)
            door.bind(name)
            door.listen()
            door.setblocking(False)
            yield door
    finally:
        os.chdir(here)


def _visited(door: socket.socket) -> bool:
    try:
        door.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def _written(place: Place) -> dict[str, str]:
    """Every file of the course and of the home folder that grading does not make, with a digest."""
    found: dict[str, str] = {}
    for folder in (place.course, place.home):
        for path in folder.rglob("*"):
            name = str(path.relative_to(folder.parent))
            if path.relative_to(folder).parts[0].startswith(EXPECTED):
                continue
            small = path.is_file() and not path.is_symlink() and path.stat().st_size < 2**28
            found[name] = (
                hashlib.sha256(path.read_bytes()).hexdigest() if small else str(path.lstat().st_mode)
            )
    return found
