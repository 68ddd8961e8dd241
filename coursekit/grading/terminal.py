"""What the commands about grading print: progress with an estimate, a summary, where to look."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path

from coursekit.grading.batch import Places, grade_lesson, write_pages
from coursekit.grading.exports import write_canvas, write_csv, write_moodle
from coursekit.grading.gradebook import Gradebook
from coursekit.grading.limits import Limits
from coursekit.grading.pool import Reply
from coursekit.grading.results import Result
from coursekit.lessons.course import Course

_SHOWN = 20  # lines of a kind on the terminal; all of them stand in the report


def grade_and_tell(
    name: str,
    *,
    students: Sequence[str] = (),
    jobs: int = 1,
    force: bool = False,
    sandboxed: bool = True,
    seconds: float | None = None,
    cluster: str | None = None,
) -> int:
    """`coursekit grade LESSON`: grade, show progress, tell what to look at; status 1 when one failed."""
    course = Course.find()
    lesson = course.lesson(name)
    limits = Limits() if seconds is None else Limits(seconds=seconds, submission_seconds=4 * seconds)
    with ExitStack() as stack:
        engine = None
        if cluster is not None:
            from coursekit.grading.cluster import connected

            engine = stack.enter_context(connected(cluster, lesson, limits, sandboxed=sandboxed))
        bar = stack.enter_context(_Bar(lesson.key))
        try:
            results = grade_lesson(
                course,
                lesson,
                students=list(students) or None,
                jobs=jobs,
                force=force,
                sandboxed=sandboxed,
                limits=limits,
                engine=engine,
                progress=bar.step,
                warn=print,
            )
        except KeyboardInterrupt:
            bar.close()
            print(
                f"interrupted after {bar.graded} submissions; their marks are kept. The same command goes on."
            )
            raise
    with Gradebook.of(course.root) as gradebook:
        everything = gradebook.results(lesson.key)
    report = _write_report(everything, course.root / "build" / "grading" / f"{lesson.key}.csv")
    _tell(results, bar)
    print(f"Notes and flags of all {len(everything)}: {report.relative_to(course.root)}")
    return int(bool(bar.failed))


def write_pages_and_tell(name: str, students: Sequence[str] = ()) -> int:
    """`coursekit feedback LESSON`: write the pages anew, as after marking by hand."""
    course = Course.find()
    written = write_pages(course, course.lesson(name), list(students) or None)
    print(f"pages written to {course.root / 'feedback'}: {len(written)}")
    return 0


def export_and_tell(names: Sequence[str], layout: str, path: Path, roster: Path | None = None) -> int:
    """`coursekit grades`: write the marks of these lessons (default: all) in one of three layouts."""
    if roster is not None and layout != "canvas":
        raise ValueError(f"--roster is Canvas' own export: it goes with --canvas, not with --{layout}")
    course = Course.find()
    lessons = [course.lesson(name).key for name in names] or [lesson.key for lesson in course.lessons]
    handed_in = {(student, key) for key in lessons for student in Places(course, course.lesson(key)).students}
    with Gradebook.of(course.root) as gradebook:
        marks = gradebook.marks(lessons, handed_in)
    if layout == "canvas":
        for student in write_canvas(marks, path, roster):
            print(f"not in {roster}, left out: {student}")
    else:
        (write_moodle if layout == "moodle" else write_csv)(marks, path)
    pending = int((marks["status"] == "needs manual grading").sum())
    print(f"{path}: students: {marks['student'].nunique()}, lessons: {len(lessons)}")
    if pending:
        print(f"left empty, because they wait for grading by hand: {pending}")
    return 0


def _tell(results: Sequence[Result], bar: _Bar) -> None:
    flagged = [result for result in results if result.flags]
    failed = len(bar.failed)
    print(f"{bar.graded} graded, {bar.unchanged} unchanged, {failed} not graded, {len(flagged)} flagged")
    _list("Not graded", (f"{reply.student}: {reply.failed}" for reply in bar.failed))
    _list("To look at", (f"{result.student}: {_flags(result)}" for result in flagged))
    _list("Damaged", (f"{result.student}: {note}" for result in results for note in result.notes))


def _list(title: str, lines: Iterable[str]) -> None:
    lines = list(lines)
    if lines:
        print(f"{title}:")
        print("\n".join(f"  {line}" for line in lines[:_SHOWN]))
    if len(lines) > _SHOWN:
        print(f"  … and {len(lines) - _SHOWN} more, in the report")


def _flags(result: Result) -> str:
    """The first of a submission's flags, and how many more there are."""
    first, *others = result.flags
    place = first.exercise if first.line is None else f"{first.exercise} line {first.line}"
    return f"{place}: {first.reason}" + (f" (and {len(others)} more)" if others else "")


def _write_report(results: dict[str, Result], path: Path) -> Path:
    import pandas as pd

    columns = ["student", "kind", "exercise", "line", "text"]
    rows = []
    for student, result in sorted(results.items()):
        rows += [(student, "note", "", "", note) for note in result.notes]
        rows += [(student, "flag", flag.exercise, str(flag.line or ""), flag.reason) for flag in result.flags]
    write_csv(pd.DataFrame(rows, columns=columns), path)
    return path


class _Bar:
    """A progress bar with an estimate of what is left, and the counts for the summary."""

    def __init__(self, words: str):
        self.words, self.bar = words, None
        self.graded, self.unchanged, self.failed = 0, 0, []

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()

    def step(self, reply: Reply, total: int) -> None:
        """One more submission is done."""
        from tqdm import tqdm

        if self.bar is None:
            self.bar = tqdm(total=total, desc=self.words, unit="submission", disable=None, file=sys.stderr)
        if reply.failed:
            self.failed.append(reply)
        elif reply.unchanged:
            self.unchanged += 1
        else:
            self.graded += 1
        self.bar.update()
