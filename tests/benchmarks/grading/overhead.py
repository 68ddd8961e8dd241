"""What the sandbox costs: the same submissions graded with it and without it, in turn, in one process.

Without the sandbox there is no bubblewrap, but most walls around each learner's process are built all the
same where they can be. What these cost is measured by themselves, on forks of this process.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

from coursekit.grading.examiner import modules_of
from coursekit.grading.grader import Grader
from coursekit.grading.limits import Limits
from coursekit.grading.room import Rooms, Step
from coursekit.grading.sandbox.confine import confine, drop_root
from coursekit.grading.template import Template
from coursekit.lessons import Course
from tests.benchmarks.grading.pupils import handed_in

WAYS = {"sandboxed": True, "open": False}
_STEP = Step("answer", "cell", "def f(x):\n    return x")


def measure_overhead(course: Course, lesson: str, wrong: Mapping[str, list[str]], count: int) -> None:
    """Print milliseconds of submissions and of rooms, both ways, and the median difference."""
    template = Template.of(course.lesson(lesson))
    pupils = handed_in(course, lesson, [f"s{number:03}" for number in range(count + 1)], wrong)
    folders = [course.root / "submitted" / pupil.name / lesson for pupil in pupils]
    _submissions(template, folders)
    _rooms(template, max(10, count))
    _walls(max(10, count))


def _submissions(template: Template, folders: Sequence) -> None:
    # Two graders: neither remembers what the other has done.
    graders = {way: Grader(template, sandboxed=sandboxed) for way, sandboxed in WAYS.items()}
    try:
        first = {way: _timed(grader.grade_folder, "x", folders[0]) for way, grader in graders.items()}
        print(f"{template.key}: the first submission, with the start of the warm process: {_words(first)}")
        spent: dict[str, list[float]] = {way: [] for way in WAYS}
        for number, folder in enumerate(folders[1:]):
            for way in sorted(WAYS, reverse=bool(number % 2)):
                spent[way].append(_timed(graders[way].grade_folder, folder.parent.name, folder))
        _tell(f"{template.key}: a submission of {len(template.exercises)} exercises", spent)
    except KeyboardInterrupt:
        _tell(f"{template.key}: interrupted; a submission", spent)
        raise
    finally:
        for grader in graders.values():
            grader.close()


def _rooms(template: Template, count: int) -> None:
    rooms = {way: Rooms(modules_of(template), sandboxed=sandboxed) for way, sandboxed in WAYS.items()}
    spent: dict[str, dict[str, list[float]]] = {part: {way: [] for way in WAYS} for part in ("open", "close")}
    try:
        for way in WAYS:
            rooms[way].open().close()  # starts the warm process
        for number in range(count):
            for way in sorted(WAYS, reverse=bool(number % 2)):
                begin = time.perf_counter()
                room = rooms[way].open()
                spent["open"][way].append(time.perf_counter() - begin)
                room.run([_STEP])
                spent["close"][way].append(_timed(room.close))
    finally:
        for one in rooms.values():
            one.close()
    for part, times in spent.items():
        _tell(f"{template.key}: {part} a room", times)


def _walls(count: int) -> None:
    """From the fork to a confined process that is ready, and beside it to one that is only forked."""
    spent: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(count):
        for way in sorted(WAYS, reverse=bool(number % 2)):
            begin = time.perf_counter()
            child = _forked(confined=WAYS[way])
            spent[way].append(time.perf_counter() - begin)
            os.waitpid(child, 0)
    _tell("the walls around one process (open: a fork without any)", spent)


def _forked(*, confined: bool) -> int:
    """The number of a child, which has just said that it is ready."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            drop_root()
            if confined:
                confine(Limits(), keep=writing, strict=False)
            os.write(writing, b".")
        finally:
            os._exit(0)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    return child


def _timed(run: Callable, *args: object) -> float:
    begin = time.perf_counter()
    run(*args)
    return time.perf_counter() - begin


def _tell(words: str, spent: Mapping[str, Sequence[float]]) -> None:
    pairs = list(zip(spent["sandboxed"], spent["open"], strict=False))
    if not pairs:
        return
    medians = {way: statistics.median(times) for way, times in spent.items()}
    most = {way: f"{1000 * min(times):.1f} to {1000 * max(times):.1f}" for way, times in spent.items()}
    more = 1000 * statistics.median(one - other for one, other in pairs)
    print(f"{words}: {_words(medians)}; the sandbox costs {more:.1f} ms (median of {len(pairs)} pairs)")
    print(f"    ranges in ms: {most}", flush=True)


def _words(seconds: Mapping[str, float]) -> str:
    return ", ".join(f"{way} {1000 * one:.1f} ms" for way, one in seconds.items())
