"""A whole class, the grader killed in the middle and started again: what is lost, what is done twice."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from coursekit.lessons import Course
from tests.benchmarks.grading.marks import marks_in
from tests.benchmarks.grading.processes import MemoryWatch, adopt_orphans, left_behind
from tests.benchmarks.grading.pupils import Pupil, handed_in, mutants
from tests.benchmarks.grading.race import environment

LESSON = "00_welcome"
_PATIENCE = 5.0  # seconds for processes to follow the one that was killed
Rows = dict[str, tuple]


def grade_a_class(course: Course, count: int) -> None:
    """Grade `count` submissions of lesson 00 in two runs, the first of them killed, and print what came."""
    adopt_orphans()
    pupils = handed_in(course, LESSON, [f"s{number:04}" for number in range(count)], mutants(LESSON))
    print(f"{count} submissions of {LESSON}; kill -9 after {count // 2}", flush=True)
    _run(course.root, "first", count, kill_at=count // 2)
    before = rows_of(course.root)
    print(f"  {len(before)} in the gradebook; integrity: {_integrity(course.root)}", flush=True)
    _run(course.root, "second", count)
    after = rows_of(course.root)
    _tell(course.root, pupils, before, after)


def _run(root: Path, words: str, count: int, kill_at: int | None = None) -> None:
    """One run of `coursekit grade`, killed when so many are in the gradebook."""
    command = [sys.executable, "-m", "coursekit", "grade", LESSON, "--jobs", "2"]
    begin = time.perf_counter()
    with (root / f"log-{words}.txt").open("w") as log:
        pipes = {"stdout": log, "stderr": log}
        process = subprocess.Popen(command, cwd=root, env=environment(root), **pipes)
        with MemoryWatch(process.pid) as watch:
            told = time.perf_counter()
            while process.poll() is None:
                done = len(rows_of(root))
                if kill_at is not None and done >= kill_at:
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                elif time.perf_counter() - told > 10:
                    told = time.perf_counter()
                    print(f"  {words} run: {done} of {count} after {told - begin:.0f} s", flush=True)
                time.sleep(0.1)
    seconds = time.perf_counter() - begin
    print(f"{words} run: {seconds:.1f} s, status {process.returncode}, {_memory(watch)}")
    _tell_who_is_left()


def rows_of(root: Path) -> Rows:
    """What the grader has noted, by student: fingerprint, points, result and time."""
    file = root / "gradebook.db"
    if not file.is_file():
        return {}
    query = "SELECT student, fingerprint, points, result_json, graded_at FROM coursekit_grading"
    with contextlib.closing(sqlite3.connect(file, timeout=60)) as database:
        try:
            return {student: tuple(rest) for student, *rest in database.execute(query)}
        except sqlite3.OperationalError:  # no table yet
            return {}


def _integrity(root: Path) -> str:
    with contextlib.closing(sqlite3.connect(root / "gradebook.db")) as database:
        return database.execute("PRAGMA integrity_check").fetchone()[0]


def _memory(watch: MemoryWatch) -> str:
    return (
        f"peak memory {watch.peak / 2**20:.0f} MiB (sum of PSS of up to {watch.most} processes, sampled "
        f"every {watch.every} s; the grader alone {watch.peak_alone / 2**20:.0f} MiB)"
    )


def _tell_who_is_left() -> None:
    begin = time.perf_counter()
    while (left := left_behind()) and time.perf_counter() - begin < _PATIENCE:
        time.sleep(0.01)
    print(f"  {len(left)} processes left behind after {time.perf_counter() - begin:.2f} s", *left.values())
    for process in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _tell(root: Path, pupils: Sequence[Pupil], before: Rows, after: Rows) -> None:
    marks = marks_in(root, LESSON)
    missing = [pupil.name for pupil in pupils if pupil.name not in marks]
    wrong = [pupil.name for pupil in pupils if pupil.name in marks and not _right(pupil, marks[pupil.name])]
    pages = [pupil.name for pupil in pupils if not _page(root, pupil.name).is_file()]
    twice = [student for student, row in before.items() if after.get(student) != row]
    print(f"lost: {len(missing)} without marks, {len(wrong)} with wrong marks, {len(pages)} without a page")
    print(f"graded twice: {len(twice)}; in the first run {len(before)}, in both together {len(after)}")
    for words, names in (("without marks", missing), ("wrong", wrong), ("no page", pages), ("twice", twice)):
        if names:
            print(f"  {words}: {', '.join(names[:20])}")


def _right(pupil: Pupil, marks: dict[str, float | None]) -> bool:
    return all(marks.get(f"{exercise}-test") == earned for exercise, earned in pupil.earns.items())


def _page(root: Path, student: str) -> Path:
    return root / "feedback" / student / LESSON / f"{LESSON}.html"
