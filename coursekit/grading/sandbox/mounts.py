"""What a learner's process sees of the disk: all read-only, an empty /tmp of its own, no /proc."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from coursekit.files import campus_folders
from coursekit.grading.sandbox import linux

_PACKAGE = str(Path(__file__).resolve().parents[2])
_MOST_FILES = 16_384  # in /tmp: each costs memory of the kernel that no other limit counts
_NO_PRIVILEGES = linux.NO_SETUID | linux.NO_DEVICES


def cover_files(size: int) -> None:
    """Make all that is there read-only, /tmp and /dev/shm new and empty, /proc and the terminals void.

    The process must be the first one of new namespaces for users and mounts.

    Args:
        size: bytes that fit in /tmp and /dev/shm together.

    Raises:
        OSError: when the kernel refuses a step.
    """
    linux.make_tree_read_only()
    with contextlib.ExitStack() as stack:
        shown = [(path, stack.enter_context(_opened(path))) for path in _needed_in_tmp()]
        options = f"size={size},nr_inodes={_MOST_FILES},mode=1777"
        linux.mount("tmpfs", "/tmp", "tmpfs", _NO_PRIVILEGES, options)
        for path, descriptor in shown:
            _show_again(path, descriptor)
    # One folder behind both names, so that `size` bounds all files together.
    os.mkdir("/tmp/.shm")
    linux.mount("/tmp/.shm", "/dev/shm", "", linux.BIND)
    # The grader's own terminal, which bubblewrap shows when it was started from one.
    if os.path.exists("/dev/console"):
        linux.mount("/dev/null", "/dev/console", "", linux.BIND)
    # A terminal that one learner's process opens could be read by another's.
    for folder in ("/dev/pts", "/proc"):
        if os.path.isdir(folder):
            void = "size=4k,nr_inodes=1,mode=555"
            linux.mount("tmpfs", folder, "tmpfs", _NO_PRIVILEGES | linux.READ_ONLY, void)


def _needed_in_tmp() -> list[str]:
    """What lies below /tmp and must stay: mounts of bubblewrap, this Python, coursekit and its campus."""
    with open("/proc/self/mountinfo") as lines:
        # The fifth field; a blank in a path is written \040.
        paths = {line.split()[4].replace("\\040", " ") for line in lines}
    paths |= {sys.prefix, sys.base_prefix, _PACKAGE, *map(str, campus_folders())}
    found: list[str] = []
    for path in sorted(paths):
        outermost = not any(path.startswith(f"{above}/") for above in found)
        if path.startswith("/tmp/") and outermost and os.path.exists(path):
            found.append(path)
    return found


@contextlib.contextmanager
def _opened(path: str) -> Iterator[int]:
    descriptor = os.open(path, os.O_PATH)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _show_again(path: str, descriptor: int) -> None:
    """Mount what `descriptor` stands for at `path`, which the new /tmp hides."""
    source, target = f"/proc/self/fd/{descriptor}", Path(path)
    if os.path.isdir(source):
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.touch()
    linux.mount(source, path, "", linux.BIND | linux.WITH_SUBMOUNTS)
