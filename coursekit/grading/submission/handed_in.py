"""Read the two files of a submission that count, whatever lies under their names.

Only regular files are read, and no link is followed from the learner's folder downward, so that a file can
neither block the grader nor stand for somebody else's notebook or for the solved lesson.
"""

from __future__ import annotations

import difflib
import itertools
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

NOTEBOOK_BYTES = 100 * 2**20
TIMESTAMP_BYTES = 100
_ENTRIES, _TRIED = 1000, 5
_MISSING = "is not there"
_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_LINK = getattr(os, "O_NOFOLLOW", 0)
# Without O_NONBLOCK a pipe that took the file's place after the look at it would be waited for.
_FILE = os.O_RDONLY | _NO_LINK | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
_KINDS = {
    stat.S_IFLNK: "a link, and links are not followed",
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Unreadable(Exception):
    """A file is not there or must not be read; the text is the rest of a sentence that names it."""


@dataclass(frozen=True)
class HandedIn:
    """What lay in a submission's folder.

    Attributes:
        name: of the notebook that was read; empty when there was none.
        notebook: its bytes.
        timestamp: the bytes of `timestamp.txt`; empty when there is none.
        notes: sentences on what was odd.
    """

    name: str = ""
    notebook: bytes = b""
    timestamp: bytes = b""
    notes: tuple[str, ...] = ()


def read_files(folder: Path, key: str) -> HandedIn:
    """Read the notebook and the timestamp of one submission.

    Args:
        folder: `submitted/<student>/<lesson>`. `submitted` itself may be a link, the two below may not.
        key: the lesson's key. `<key>.ipynb` is read; where it is missing or cannot be read, the notebook
            beside it whose name is most like it.

    Returns:
        What was found; nothing is raised, whatever is there.
    """
    notes: list[str] = []
    try:
        with ExitStack() as stack:
            place = _opened_folder(folder, stack)
            name, notebook = _notebook(place, f"{key}.ipynb", notes)
            return HandedIn(name, notebook, _timestamp(place, notes), tuple(notes))
    except OSError as error:
        why = f"The submission's folder cannot be read ({error.strerror}); it must be a folder, not a link."
        return HandedIn(notes=(*notes, why))


def shown(name: str) -> str:
    """A file name as notes show it: on one line, not too long, whatever characters are in it."""
    return repr(name if len(name) <= 80 else f"{name[:77]}...")[1:-1]


def _opened_folder(folder: Path, stack: ExitStack) -> int:
    """A descriptor of the folder: what is opened through it stays inside, even if names change meanwhile."""
    folder = Path(os.path.abspath(folder))
    place = _kept_open(stack, os.open(folder.parent.parent, _FOLDER))
    for name in (folder.parent.name, folder.name):
        place = _kept_open(stack, os.open(name, _FOLDER | _NO_LINK, dir_fd=place))
    return place


def _kept_open(stack: ExitStack, descriptor: int) -> int:
    stack.callback(os.close, descriptor)
    return descriptor


def _notebook(place: int, wanted: str, notes: list[str]) -> tuple[str, bytes]:
    """The name and bytes of the first notebook that can be read and is not empty."""
    for name in itertools.islice(_candidates(place, wanted), _TRIED):
        try:
            data = _read(place, name, NOTEBOOK_BYTES)
            if not data.strip():
                raise Unreadable("is empty")
        except Unreadable as trouble:
            notes.append(f"`{shown(name)}` {trouble}.")
            continue
        if name != wanted:
            notes.append(f"`{shown(name)}` was graded in its place.")
        return name, data
    notes.append("No notebook was graded: every exercise counts as not handed in.")
    return "", b""


def _candidates(place: int, wanted: str) -> Iterator[str]:
    """`wanted`, then other notebooks, those with the likest names first; hidden files are copies of editors.

    A browser may have added an ending, as in `lesson.ipynb.txt`.
    """
    yield wanted
    with os.scandir(place) as entries:
        names = [entry.name for entry in itertools.islice(entries, _ENTRIES)]
    others = [name for name in names if ".ipynb" in name.lower() and name[0] != "." and name != wanted]
    yield from sorted(others, key=lambda name: (-_likeness(name, wanted), name))


def _likeness(name: str, wanted: str) -> float:
    return difflib.SequenceMatcher(None, name.lower(), wanted.lower()).ratio()


def _timestamp(place: int, notes: list[str]) -> bytes:
    try:
        return _read(place, "timestamp.txt", TIMESTAMP_BYTES)
    except Unreadable as trouble:
        if str(trouble) != _MISSING:
            notes.append(f"`timestamp.txt` {trouble}; the time of handing in is not known.")
        return b""


def _read(place: int, name: str, limit: int) -> bytes:
    """The bytes of a regular file of at most `limit` bytes; `Unreadable` says what else it is."""
    try:
        _check(os.stat(name, dir_fd=place, follow_symlinks=False), limit)
        descriptor = os.open(name, _FILE, dir_fd=place)
        with open(descriptor, "rb") as file:
            _check(os.fstat(descriptor), limit)
            data = file.read(limit + 1)
    except FileNotFoundError:
        raise Unreadable(_MISSING) from None
    except OSError as error:
        raise Unreadable(f"cannot be read ({error.strerror})") from None
    if len(data) > limit:
        raise Unreadable(f"is larger than {limit:,} bytes")
    return data


def _check(status: os.stat_result, limit: int) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        raise Unreadable(f"is {_KINDS.get(kind, 'no ordinary file')}; hand in the notebook itself")
    if status.st_nlink > 1:
        # A second name of the solved lesson, or of another learner's notebook, looks like an ordinary file.
        raise Unreadable("is a hard link to a file that has another name as well; replace it by a copy")
    if status.st_size > limit:
        raise Unreadable(f"is larger than {limit:,} bytes")
