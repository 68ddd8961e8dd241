"""Grade a whole class: who needs it, in parallel, one transaction a submission, resumable at any moment."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from coursekit.grading.gradebook import Gradebook
from coursekit.grading.limits import Limits
from coursekit.grading.pages.autograded import write_autograded
from coursekit.grading.pages.feedback import page_fingerprint, write_feedback
from coursekit.grading.pages.receipt import write_receipts
from coursekit.grading.pool import Order, Reply, Worker, graded
from coursekit.grading.results import Result
from coursekit.grading.sandbox import sandbox_problem
from coursekit.grading.template import Template
from coursekit.lessons.course import Course, Lesson

# A worker takes seconds to start: fewer submissions than this are sooner done by those there are.
_WORTH_A_WORKER = 8
# Takes orders and yields replies in any order; `pool.graded` on this machine, `cluster` on many.
Engine = Callable[[list[Order]], Iterable[Reply]]


@dataclass(frozen=True)
class Places:
    """The folders and files of one lesson's submissions, as nbgrader lays them out."""

    course: Course
    lesson: Lesson

    @property
    def students(self) -> list[str]:
        """Those who handed something in, sorted."""
        folder = self.course.root / "submitted"
        found = folder.glob(f"*/{self.lesson.key}") if folder.is_dir() else []
        return sorted(path.parent.name for path in found if not path.parent.name.startswith("."))

    def submitted(self, student: str) -> Path:
        """The folder that the learner handed in."""
        return self.course.root / "submitted" / student / self.lesson.key

    def autograded(self, student: str) -> Path:
        """The rebuilt notebook that formgrader shows."""
        return self.course.root / "autograded" / student / self.lesson.key / f"{self.lesson.key}.ipynb"

    def feedback(self, student: str) -> Path:
        """The page that goes back to the learner."""
        return self.course.root / "feedback" / student / self.lesson.key / f"{self.lesson.key}.html"


def grade_lesson(
    course: Course,
    lesson: Lesson,
    *,
    students: Iterable[str] | None = None,
    jobs: int = 1,
    force: bool = False,
    sandboxed: bool = True,
    limits: Limits | None = None,
    engine: Engine | None = None,
    progress: Callable[[Reply, int], None] | None = None,
    warn: Callable[[str], None] = warnings.warn,
) -> list[Result]:
    """Grade what was handed in for a lesson and write the marks into nbgrader's gradebook.

    A submission whose fingerprint is known is left as it is, so that an interrupted run goes on where it
    was. Each result is one transaction; the notebook and the page of it are written after that, and written
    again by the next run when this one ends in between.

    Args:
        course: the checkout with `submitted/`.
        lesson: which lesson.
        students: only these; everybody by default.
        jobs: submissions graded at a time on this machine.
        force: grade again what has not changed.
        sandboxed: False runs learners' code with your own rights.
        limits: what a learner's process may use.
        engine: who does the work instead of local processes, see `coursekit.grading.cluster`.
        progress: called with each reply and the number of all orders.
        warn: called with a sentence on what the instructor should know about the lesson as a whole.

    Returns:
        The new results, in the order of the students' names.

    Raises:
        LookupError: when a named student handed nothing in.
        RuntimeError: when there is no sandbox, with the way to get one.
    """
    problem = sandbox_problem() if sandboxed and engine is None else None
    if problem:
        raise RuntimeError(f"{problem} Or, at your own risk, pass --no-sandbox.")
    places, template = Places(course, lesson), Template.of(lesson)
    chosen = _chosen(places.students, students)
    results = []
    with ExitStack() as stack:
        if engine is None:
            numbers = range(min(jobs, math.ceil(len(chosen) / _WORTH_A_WORKER)))
            workers = [Worker(course.root, lesson.key, limits or Limits(), sandboxed) for _ in numbers]
            engine = stack.enter_context(_started(workers))
        gradebook = stack.enter_context(Gradebook.of(course.root))
        if gone := gradebook.register(template):
            warn(f"{lesson.key} has no {', '.join(gone)} any more; the gradebook keeps those marks")
        orders = _orders(places, gradebook, chosen, force)
        replies = stack.enter_context(closing(iter(engine(orders))))
        for reply in replies:
            reply = _kept(places, template, gradebook, reply)
            if reply.result is not None:
                results.append(reply.result)
            if progress is not None:
                progress(reply, len(orders))
    return sorted(results, key=lambda result: result.student)


def write_pages(course: Course, lesson: Lesson, students: Iterable[str] | None = None) -> list[Path]:
    """Write the feedback pages anew, as after marking by hand, from what the gradebook holds."""
    places, template, written = Places(course, lesson), Template.of(lesson), []
    with Gradebook.of(course.root) as gradebook:
        results = gradebook.results(lesson.key)
        for student in _chosen(list(results), students):
            path = places.feedback(student)
            write_feedback(template, results[student], gradebook.manual(student, lesson.key), path)
            written.append(path)
    return written


def _kept(places: Places, template: Template, gradebook: Gradebook, reply: Reply) -> Reply:
    """Write marks, then files; what cannot be written for one learner is told, and is theirs alone."""
    try:
        if reply.result is not None:
            gradebook.record(reply.result, template, timestamp=_time_of(reply.result))
        _write_files(places, template, gradebook, reply)
    except (ValueError, OSError) as error:
        return Reply(reply.student, failed=f"{type(error).__name__}: {error}")
    return reply


def _write_files(places: Places, template: Template, gradebook: Gradebook, reply: Reply) -> None:
    """The rebuilt notebook and, last, the page; a run that was killed before it wrote them is made good."""
    student, result = reply.student, reply.result
    if reply.unchanged:
        result = gradebook.results(template.key, student)[student]
        if _is_there(places, student, result):
            return
    if result is not None:
        notebook, page = places.autograded(student), places.feedback(student)
        write_receipts(places.submitted(student), result.handed_in, notebook.parent, page.parent)
        write_autograded(template, result, notebook)
        write_feedback(template, result, gradebook.manual(student, template.key), page)


def _is_there(places: Places, student: str, result: Result) -> bool:
    """Whether the page is this result's and the notebook, which is written before it, still lies there."""
    shown = page_fingerprint(places.feedback(student))
    return shown == result.fingerprint and places.autograded(student).is_file()


def _time_of(result: Result) -> datetime | None:
    return datetime.fromisoformat(result.handed_in) if result.handed_in else None


@contextmanager
def _started(workers: list[Worker]) -> Iterator[Engine]:
    """This machine's engine: its processes get ready while the gradebook is opened, which takes as long."""
    try:
        for worker in workers:
            worker.start()
        yield lambda orders: graded(orders, workers)
    finally:
        for worker in workers:
            worker.close()


def _orders(places: Places, gradebook: Gradebook, chosen: list[str], force: bool) -> list[Order]:
    known = {} if force else gradebook.fingerprints(places.lesson.key)
    return [Order(student, places.submitted(student), known.get(student, "")) for student in chosen]


def _chosen(there: list[str], wanted: Iterable[str] | None) -> list[str]:
    if wanted is None:
        return there
    wanted = list(dict.fromkeys(wanted))
    missing = [student for student in wanted if student not in there]
    if missing:
        raise LookupError(
            f"no submission of {', '.join(missing)}; there are {', '.join(there[:20]) or 'none'}"
        )
    return wanted
