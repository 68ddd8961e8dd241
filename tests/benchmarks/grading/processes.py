"""A process with all that it started: how much memory they hold together, and who is left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import threading
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans() -> None:
    """From now on, whoever loses its parent below this process becomes its child: `below` finds it."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def below(root: int) -> list[int]:
    """Every living process that descends from `root`, without itself and without the dead."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            with contextlib.suppress(OSError):
                state, parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[:2]
                if state not in "ZX":
                    children.setdefault(int(parent), []).append(int(folder.name))
    found = [*children.get(root, [])]
    for process in found:  # grows on the way
        found += children.get(process, [])
    return found


def name_of(process: int) -> str:
    """Its command line, for telling."""
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes().replace(b"\0", b" ").decode()[:120].strip()
    except OSError:
        return "gone"


def memory_of(process: int) -> int:
    """Its proportional share of memory (PSS) in bytes: what several share is counted once in a sum.

    Where the kernel does not let us read that, its resident size, which counts shared pages in full.
    """
    for file, label in (("smaps_rollup", "Pss:"), ("status", "VmRSS:")):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process}/{file}").read_text().splitlines():
                if line.startswith(label):
                    return int(line.split()[1]) * 1024
    return 0


class MemoryWatch(threading.Thread):
    """Samples the memory of a process and all below it until it ends; a context manager.

    Attributes:
        peak: the largest sum, in bytes; `peak_alone`: the largest of the process itself.
        most: the largest number of processes at a time.
    """

    def __init__(self, process: int, every: float = 0.5):
        super().__init__(daemon=True)
        self.process, self.every = process, every
        self.peak = self.peak_alone = self.most = 0
        self._end = threading.Event()

    def __enter__(self) -> MemoryWatch:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self.join()

    def run(self) -> None:
        while not self._end.wait(self.every):
            alone, others = memory_of(self.process), below(self.process)
            self.peak = max(self.peak, alone + sum(map(memory_of, others)))
            self.peak_alone, self.most = max(self.peak_alone, alone), max(self.most, 1 + len(others))


def left_behind() -> dict[int, str]:
    """What still lives below this process, by number."""
    return {process: name_of(process) for process in below(os.getpid())}
