"""Files that appear whole or not at all, one writer at a time, and where the shipped campus lies."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: str | Path) -> Iterator[Path]:
    """Give a temporary neighbour of `path` to write to, which takes its place when the block ends well.

    A reader, an interrupt or an error in the block meets the old file or the new one, never half of one.
    Missing folders are made.

    Example:
        >>> with whole_file("build/answer.txt") as draft:  # doctest: +SKIP
        ...     draft.write_text("42")
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        yield draft
        _take_place(draft, path)
    finally:
        draft.unlink(missing_ok=True)


def _take_place(draft: Path, path: Path, attempts: int = 50) -> None:
    for attempt in range(attempts):
        try:
            return os.replace(draft, path)
        except PermissionError:
            # Windows refuses while somebody reads the old file: a matter of milliseconds.
            if os.name != "nt" or attempt == attempts - 1:
                raise
            time.sleep(0.02)


@contextmanager
def locked(path: str | Path) -> Iterator[None]:
    """Wait for `<path>.lock`, hold it, and let go at the end; a process that is killed lets go too.

    Raises:
        OSError: when the folder cannot be written, or its file system knows no locks.
    """
    from filelock import FileLock

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    try:
        lock.acquire()
    except NotImplementedError as error:
        raise OSError(f"the file system of {path.parent} knows no locks") from error
    try:
        yield
    finally:
        lock.release()


def campus_folders() -> list[Path]:
    """Where the shipped campus files may lie: in the installed package, or in the checkout."""
    package = Path(__file__).resolve().parent
    return [package / "_data" / "campus", package.parent / "datasets" / "campus"]
