"""What a learner's process may use while one exercise is graded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limits:
    """Bounds on one learner's process; one exercise of one submission is graded in each.

    Attributes:
        seconds: wall time for an exercise: its cell, what that needs, and every call of the answer. The
            same number bounds the CPU time of all its threads together, times `threads`.
        submission_seconds: wall time for all exercises of one submission together.
        memory: bytes of address space on top of what the warm process already holds.
        files: bytes it may keep in its temporary folder, all files together; also the largest single file.
        answer: bytes that one answer may send back.
        threads: threads it may run at a time. It may start no other process.
        open_files: files it may hold open.
    """

    seconds: float = 60.0
    submission_seconds: float = 240.0
    memory: int = 2 * 2**30
    files: int = 64 * 2**20
    answer: int = 32 * 2**20
    threads: int = 16
    open_files: int = 128
