"""One submission's result in the gradebook; what people wrote there is never touched."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime

from nbgrader.api import (
    Assignment,
    Base,
    BaseCell,
    Comment,
    Grade,
    GradeCell,
    Notebook,
    SolutionCell,
    Student,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from coursekit.grading.gradebook.database import GRADING
from coursekit.grading.gradebook.penalties import Rule, write_penalty
from coursekit.grading.gradebook.reading import Points, results
from coursekit.grading.results import Mark, Result
from coursekit.grading.template import Slot, Template

_NO_RESPONSE = "No response."  # nbgrader's words for an answer that is as it was released


def record(
    session: Session, result: Result, template: Template, timestamp: datetime | None, rule: Rule | None
) -> None:
    """Write a result; see `coursekit.grading.gradebook.Gradebook.record`.

    `rule` gives late penalties; without one, the penalty that is there stays.
    """
    _check_name(result.student)
    before = results(session, result.lesson, result.student).get(result.student)
    master = _master(session, result.lesson)
    submission = _submission(session, result, master)
    if timestamp is not None:
        submission.timestamp = _utc(timestamp)
    sheet = _sheet(session, submission, master)
    slots = {slot.id: slot for slot in template.slots}
    for mark in result.marks:
        _write_mark(sheet, mark, changed=_changed(slots[mark.exercise], before, result))
    for slot in slots.values():
        if slot.id in sheet.grades:  # an answer cell that carries points itself is graded by hand
            _write_prose(sheet, slot, result, changed=_changed(slot, before, result))
    if result.flags and (before is None or before.flags != result.flags):
        sheet.notebook.flagged = True  # formgrader's own mark; an instructor who took it away has looked
    if rule is not None:
        write_penalty(submission, sheet.notebook, sheet.score, rule)
    _remember(session, result)


@dataclass(frozen=True)
class _Sheet:
    """A submitted notebook's rows by grade_id."""

    notebook: SubmittedNotebook
    grades: dict[str, Grade]
    comments: dict[str, Comment]

    @property
    def score(self) -> float:
        """What counts so far."""
        return sum(Points.of(grade).score or 0.0 for grade in self.grades.values())

    def grade(self, name: str) -> Grade:
        if name not in self.grades:
            raise LookupError(f"the gradebook has no grade cell {name!r}: call register(template) first")
        return self.grades[name]


def _master(session: Session, lesson: str) -> Notebook:
    """The lesson's notebook as it was registered."""
    same = Assignment.id == Notebook.assignment_id
    wanted = select(Notebook).join(Assignment, same).where(Assignment.name == lesson, Notebook.name == lesson)
    notebook = session.scalar(wanted)
    if notebook is None:
        raise LookupError(f"the gradebook has no lesson {lesson!r}: call register(template) first")
    return notebook


def _submission(session: Session, result: Result, master: Notebook) -> SubmittedAssignment:
    """The learner's submission, made where it is missing, as the learner is."""
    if session.get(Student, result.student) is None:
        session.add(Student(id=result.student))
        session.flush()
    keys = {"assignment_id": master.assignment_id, "student_id": result.student}
    return _row(session, SubmittedAssignment, **keys)


def _sheet(session: Session, submission: SubmittedAssignment, master: Notebook) -> _Sheet:
    """The rows for each cell of the lesson, made where they are missing, as nbgrader makes them."""
    notebook = _row(session, SubmittedNotebook, notebook_id=master.id, assignment_id=submission.id)
    cells = session.scalars(select(BaseCell).where(BaseCell.notebook_id == master.id)).all()
    graded = [cell for cell in cells if isinstance(cell, GradeCell | TaskCell)]
    commented = [cell for cell in cells if isinstance(cell, SolutionCell | TaskCell)]
    grades = _rows(session, Grade, notebook, graded)
    return _Sheet(notebook, grades, _rows(session, Comment, notebook, commented))


def _row(session: Session, kind: type, **keys: str) -> Base:
    row = session.scalar(select(kind).filter_by(**keys))
    if row is None:
        row = kind(**keys)
        session.add(row)
        session.flush()
    return row


def _rows(session: Session, kind: type, notebook: SubmittedNotebook, cells: list[BaseCell]) -> dict:
    found = {row.cell_id: row for row in session.scalars(select(kind).where(kind.notebook_id == notebook.id))}
    for cell in cells:
        if cell.id not in found:
            found[cell.id] = kind(cell_id=cell.id, notebook_id=notebook.id)
            session.add(found[cell.id])
    session.flush()
    return {cell.name: found[cell.id] for cell in cells}


def _write_mark(sheet: _Sheet, mark: Mark, *, changed: bool) -> None:
    grade = sheet.grade(mark.test)
    changed = changed or grade.auto_score != mark.points
    grade.auto_score = float(mark.points)
    grade.needs_manual_grade = _needs_a_person(grade, changed)
    # nbgrader keeps and shows comments at answer cells, never at test cells.
    sheet.comments[mark.exercise].auto_comment = _verbatim(mark.message) if mark.message else None


def _write_prose(sheet: _Sheet, slot: Slot, result: Result, *, changed: bool) -> None:
    grade, answered = sheet.grades[slot.id], not slot.is_unanswered(result.answers.get(slot.id))
    grade.auto_score = None if answered else 0.0
    grade.needs_manual_grade = _needs_a_person(grade, changed)
    sheet.comments[slot.id].auto_comment = None if answered else _NO_RESPONSE


def _needs_a_person(grade: Grade, changed: bool) -> bool:
    """A score given by hand stands until the answer changes; without one, the automatic score does."""
    if grade.manual_score is None:
        return grade.auto_score is None
    return changed or bool(grade.needs_manual_grade)


def _changed(slot: Slot, before: Result | None, now: Result) -> bool:
    """Whether the answer is another than last time; also true when nobody knows the last one."""
    return before is None or _text(slot, before) != _text(slot, now)


def _text(slot: Slot, result: Result) -> str:
    return result.answers.get(slot.id, slot.stub).strip()


def _verbatim(message: str) -> str:
    """The message as a block of Markdown that is shown letter by letter.

    nbgrader's feedback page renders comments as Markdown with HTML; a message may quote a learner's code.
    """
    message = message.encode("utf-8", "replace").decode().replace("\0", "")
    longest = max((len(run) for run in re.findall("`+", message)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{message}\n{fence}"


def _check_name(student: str) -> None:
    try:
        student.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(f"the folder name {student!r} is no text: rename the learner's folder") from error


def _utc(moment: datetime) -> datetime:
    """nbgrader keeps times in UTC and without a zone."""
    try:
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:  # a file may claim the year 1 or 9999
        return moment.replace(tzinfo=None)


def _remember(session: Session, result: Result) -> None:
    of_both = (GRADING.c.student == result.student) & (GRADING.c.lesson == result.lesson)
    session.execute(delete(GRADING).where(of_both))
    session.execute(
        insert(GRADING).values(
            student=result.student,
            lesson=result.lesson,
            fingerprint=result.fingerprint,
            points=result.points,
            result_json=json.dumps(result.to_json()),
            graded_at=datetime.now(UTC).replace(tzinfo=None, microsecond=0),
        )
    )
