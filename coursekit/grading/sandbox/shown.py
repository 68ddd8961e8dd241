"""What a sandbox shows of this machine's disk, as options of bubblewrap: programs and libraries only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

from coursekit.files import campus_folders

_SYSTEM = ("usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32")
# Libraries, fonts and the clock; no user names, no host names, no certificates of a person.
_ETC = ("alternatives", "fonts", "ld.so.cache", "localtime", "timezone")
# Parts of an environment; never the folder itself, which may be the course folder, nor its settings.
_ENVIRONMENT = ("bin", "lib", "lib64", "share", "pyvenv.cfg")
# Lies in what is shown otherwise: nbgrader's exchange, with what everybody handed in.
_HIDDEN = ("/usr/local/share/nbgrader",)


def programs() -> Iterator[str]:
    """Show programs, libraries, and everything this Python needs to run and to import coursekit."""
    yield from _system()
    for path in _python():
        yield from shown("--ro-bind", path)
    yield from _links_to_python()


def shown(how: str, path: Path) -> Iterator[str]:
    """Show a path under its own name; `how` is bubblewrap's option "--ro-bind" or "--bind"."""
    yield from (*_folders_above(path), how, str(path), str(path))


def _system() -> Iterator[str]:
    for name in _SYSTEM:
        path = Path("/", name)
        if path.is_symlink():
            yield from ("--symlink", os.readlink(path), str(path))
        elif path.is_dir():
            yield from ("--ro-bind", str(path), str(path))
    yield from ("--dir", "/etc")  # or it would be one that only root may enter
    for name in _ETC:
        yield from ("--ro-bind-try", f"/etc/{name}", f"/etc/{name}")
    for path in filter(os.path.isdir, _HIDDEN):
        yield from ("--tmpfs", path, "--remount-ro", path)


def _python() -> list[Path]:
    """This Python by every name it is called, coursekit and its campus."""
    found = [Path(__file__).resolve().parents[2], *campus_folders()]
    for prefix in (sys.prefix, sys.base_prefix, sys.base_exec_prefix):
        for spelling in (Path(prefix), Path(prefix).resolve()):
            found += [spelling / part for part in _ENVIRONMENT]
    return [path for path in dict.fromkeys(found) if path.exists() and not path.is_relative_to("/usr")]


def _links_to_python() -> Iterator[str]:
    """Lay the links again by which this Python is found, where they lie outside of all that is shown."""
    folders = [Path("/usr"), *_python()]
    link = Path(sys.executable)
    while link.is_symlink():
        target = Path(os.readlink(link))
        if not any(link.is_relative_to(folder) for folder in folders):
            yield from (*_folders_above(link), "--symlink", str(target), str(link))
        link = Path(os.path.normpath(link.parent / target))


def _folders_above(path: Path) -> Iterator[str]:
    """Make the folders above a path, for everybody to pass; bubblewrap would make them for their owner."""
    for parent in reversed(Path(path).parents[:-1]):
        yield from ("--dir", str(parent))
