"""Submissions per minute of `coursekit grade` and of stock `nbgrader autograde`, block by block in turn."""

from __future__ import annotations

import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coursekit.lessons import Course
from tests.benchmarks.grading.marks import marks_in
from tests.benchmarks.grading.pupils import Pupil, handed_in

HALVES = ("left", "right")


@dataclass(frozen=True)
class Block:
    """Seconds and submissions of one block, both graders."""

    seconds: Mapping[str, float]
    submissions: Mapping[str, int]

    def per_minute(self, grader: str) -> float:
        return 60 * self.submissions[grader] / self.seconds[grader]

    @property
    def ratio(self) -> float:
        return self.per_minute("coursekit") / self.per_minute("stock")


@dataclass
class Race:
    """One lesson, graded in blocks by both.

    Args:
        course: with the lesson released; nothing handed in yet. Stock nbgrader gets a copy of it.
        lesson: its key.
        wrong: wrong answers as text, by exercise.
        submissions, stock: how many in all; how many of these stock grades.
        blocks: in how many blocks.
    """

    course: Course
    lesson: str
    wrong: Mapping[str, list[str]]
    submissions: int
    stock: int
    blocks: int
    pupils: list[list[Pupil]] = field(default_factory=list, init=False)
    done: list[Block] = field(default_factory=list, init=False)

    def run(self) -> None:
        """Grade and print a line for each block; Ctrl-C or a failed run end it with the figures so far."""
        self._prepare()
        try:
            for number in range(self.blocks):
                self.done.append(self._block(number))
                print(f"block {number + 1} of {self.blocks}: {_words(self.done[-1])}", flush=True)
        except (KeyboardInterrupt, RuntimeError) as error:
            print(
                f"{str(error) or 'interrupted'}\nthe figures are of {len(self.done)} blocks of {self.blocks}"
            )
        if self.done:
            self._tell()

    @property
    def _stock_root(self) -> Path:
        return self.course.root.parent / "stock"

    def _prepare(self) -> None:
        """Make stock's copy, let it know the lesson, and hand the same files in to both."""
        shutil.copytree(self.course.root, self._stock_root)
        command = [*_NBGRADER, "generate_assignment", self.lesson, "--force"]
        _finish([_start(command, self._stock_root)])
        sizes = _shares(self.submissions, self.blocks), _shares(self.stock, self.blocks)
        for number, (size, stock) in enumerate(zip(*sizes, strict=True)):
            names = [_name(number, place, stock) for place in range(size)]
            begin = sum(map(len, self.pupils))
            self.pupils.append(handed_in(self.course, self.lesson, names, self.wrong, begin))
        shutil.copytree(self.course.root / "submitted", self._stock_root / "submitted")
        print(f"{self.lesson}: {self.submissions} submissions in {self.blocks} blocks", flush=True)

    def _block(self, number: int) -> Block:
        names = [pupil.name for pupil in self.pupils[number]]
        runs = {
            "coursekit": (self.course.root, [self._ours(names)], len(names)),
            "stock": (
                self._stock_root,
                [self._stock(number, half) for half in HALVES],
                sum("rest" not in name for name in names),
            ),
        }
        seconds = {}
        for grader in sorted(runs, reverse=bool(number % 2)):
            root, commands, _ = runs[grader]
            begin = time.perf_counter()
            _finish([_start(command, root) for command in commands])
            seconds[grader] = time.perf_counter() - begin
        return Block(seconds, {grader: count for grader, (_, _, count) in runs.items()})

    def _ours(self, names: Sequence[str]) -> list[str]:
        chosen = [part for name in names for part in ("--student", name)]
        return [sys.executable, "-m", "coursekit", "grade", self.lesson, "--jobs", "2", *chosen]

    def _stock(self, number: int, half: str) -> list[str]:
        return [*_NBGRADER, "autograde", self.lesson, "--student", f"b{number:02}-{half}-*"]

    def _tell(self) -> None:
        for grader in ("coursekit", "stock"):
            rates = [block.per_minute(grader) for block in self.done]
            spent = sum(block.seconds[grader] for block in self.done)
            count = sum(block.submissions[grader] for block in self.done)
            each = f"{count} in {spent:.1f} s, {spent / count:.2f} s each"
            print(f"{grader:>10}: {_spread(rates)} a minute; {each}")
        print(f"     ratio: {_spread([block.ratio for block in self.done])} times")
        pupils = [pupil for block in self.pupils[: len(self.done)] for pupil in block]
        compare(pupils, marks_in(self.course.root, self.lesson), marks_in(self._stock_root, self.lesson))


def compare(pupils: Sequence[Pupil], ours: Mapping, stock: Mapping) -> None:
    """Print every mark in which coursekit, stock nbgrader and the points that were earned differ."""
    marks, differences = 0, []
    for pupil in pupils:
        for exercise, earned in pupil.earns.items():
            found = {"coursekit": ours.get(pupil.name, {}).get(f"{exercise}-test")}
            if "rest" not in pupil.name:
                found["stock"] = stock.get(pupil.name, {}).get(f"{exercise}-test")
            marks += 1
            if set(found.values()) != {earned}:
                differences.append(f"  {pupil.name} ({pupil.kind}) {exercise}: earned {earned:g}, {found}")
    print(f"{marks} marks of {len(pupils)} submissions compared, {len(differences)} differ")
    print("\n".join(differences), end="\n" if differences else "")


_NBGRADER = [sys.executable, "-m", "nbgrader"]


def environment(root: Path) -> dict[str, str]:
    """One thread a process for both graders, and a leaderboard that is nobody's."""
    threads = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    return {**os.environ, **threads, "COURSEKIT_LEADERBOARD": str(root / "leaderboard.csv")}


def _start(command: list[str], root: Path) -> tuple[subprocess.Popen, Path]:
    log = root / f"log-{time.time_ns()}.txt"
    with log.open("w") as file:
        process = subprocess.Popen(command, cwd=root, env=environment(root), stdout=file, stderr=file)
    return process, log


def _finish(started: Sequence[tuple[subprocess.Popen, Path]]) -> None:
    """Wait for all; RuntimeError with the end of what it printed when one failed: its time means nothing."""
    try:
        for process, log in started:
            if process.wait():
                end = "\n".join(log.read_text("utf-8").splitlines()[-5:])
                raise RuntimeError(f"status {process.returncode} of {' '.join(process.args[1:5])}:\n{end}")
    finally:
        for process, _ in started:
            process.terminate()
            process.wait()


def _name(block: int, place: int, stock: int) -> str:
    """Stock is told its two lists by patterns of names; those it does not grade have another."""
    part = HALVES[place % 2] if place < stock else "rest"
    return f"b{block:02}-{part}-{place:02}"


def _shares(count: int, parts: int) -> list[int]:
    return [math.ceil((count - part) / parts) for part in range(parts)]


def _words(block: Block) -> str:
    each = [
        f"{grader} {block.submissions[grader]} in {block.seconds[grader]:.1f} s"
        f" ({block.per_minute(grader):.1f} a minute)"
        for grader in ("coursekit", "stock")
    ]
    return f"{', '.join(each)}, ratio {block.ratio:.2f}"


def _spread(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.2f} ({min(values):.2f} to {max(values):.2f})"
