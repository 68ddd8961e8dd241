"""What the gradebook holds: points by cell, what people gave, what we wrote last."""

from __future__ import annotations

import json
from dataclasses import dataclass

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    GradeCell,
    Notebook,
    SolutionCell,
    SourceCell,
    SubmittedAssignment,
    SubmittedNotebook,
    TaskCell,
)
from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from coursekit.grading.gradebook.database import GRADING
from coursekit.grading.gradebook.gradebook import ManualGrade
from coursekit.grading.results import Result


@dataclass(frozen=True)
class Cell:
    """A cell that carries points; `by_hand` when no test gives them."""

    id: str
    name: str
    max_score: float
    by_hand: bool


@dataclass(frozen=True)
class Points:
    """One learner's points for one cell, as nbgrader keeps them."""

    auto: float | None
    manual: float | None
    extra: float | None
    pending: bool

    @classmethod
    def of(cls, grade: Grade) -> Points:
        """The points in a row of nbgrader's."""
        return cls(grade.auto_score, grade.manual_score, grade.extra_credit, grade.needs_manual_grade)

    @property
    def score(self) -> float | None:
        """What counts: the manual score before the automatic one, and extra credit; None without either."""
        given = self.auto if self.manual is None else self.manual
        return None if given is None else given + (self.extra or 0.0)


def cells_of(session: Session, lesson: str) -> list[Cell]:
    """The lesson's cells that carry points, without those that it no longer has."""
    present = set(session.scalars(_of(select(SourceCell.name), SourceCell, lesson)))
    answers = set(session.scalars(_of(select(SolutionCell.name), SolutionCell, lesson)))
    found = []
    for kind in (GradeCell, TaskCell):
        for key, name, points in session.execute(
            _of(select(kind.id, kind.name, kind.max_score), kind, lesson)
        ):
            if name in present:
                found.append(Cell(key, name, points, by_hand=kind is TaskCell or name in answers))
    return found


def points_of(session: Session, lesson: str, student: str | None = None) -> dict[str, dict[str, Points]]:
    """Points by learner and then by cell id; of one learner only, where one is named."""
    columns = (Grade.auto_score, Grade.manual_score, Grade.extra_credit, Grade.needs_manual_grade)
    query = _submitted(
        select(SubmittedAssignment.student_id, Grade.cell_id, *columns), Grade, lesson, student
    )
    found: dict[str, dict[str, Points]] = {}
    for name, cell, *values in session.execute(query):
        found.setdefault(name, {})[cell] = Points(*values)
    return found


def results(session: Session, lesson: str, student: str | None = None) -> dict[str, Result]:
    """See `coursekit.grading.gradebook.Gradebook.results`."""
    query = _recorded(GRADING.c.student, GRADING.c.result_json, lesson=lesson)
    if student is not None:
        query = query.where(GRADING.c.student == student)
    found = {name: _result(text) for name, text in session.execute(query)}
    return {name: result for name, result in found.items() if result is not None}


def _result(text: str) -> Result | None:
    try:
        return Result.from_json(json.loads(text))
    except (KeyError, TypeError, ValueError):
        return None  # written by another version of coursekit: as good as none


def fingerprints(session: Session, lesson: str) -> dict[str, str]:
    """See `coursekit.grading.gradebook.Gradebook.fingerprints`."""
    tests = [cell.id for cell in cells_of(session, lesson) if not cell.by_hand]
    points = points_of(session, lesson)
    found = {}
    columns = (GRADING.c.student, GRADING.c.fingerprint, GRADING.c.points)
    for student, fingerprint, expected in session.execute(_recorded(*columns, lesson=lesson)):
        theirs = points.get(student, {})
        given = [theirs[cell].auto for cell in tests if cell in theirs]
        if None not in given and abs(sum(given) - expected) < 1e-9:
            found[student] = fingerprint
    return found


def manual(session: Session, student: str, lesson: str) -> dict[str, ManualGrade]:
    """See `coursekit.grading.gradebook.Gradebook.manual`."""
    theirs = points_of(session, lesson, student).get(student, {})
    comments = _comments(session, lesson, student)
    last = results(session, lesson, student).get(student)
    answer = {mark.test: mark.exercise for mark in last.marks} if last else {}
    found = {}
    for cell in cells_of(session, lesson):
        by_person, by_grader = comments.get(answer.get(cell.name, cell.name), (None, None))
        points = theirs.get(cell.id)
        if points is None or not (cell.by_hand or by_person or points.manual is not None or points.extra):
            continue
        comment = by_person or (by_grader if cell.by_hand else "") or ""
        score = None if points.pending else points.score
        found[cell.name] = ManualGrade(score, cell.max_score, comment, points.pending)
    return found


def _comments(session: Session, lesson: str, student: str) -> dict[str, tuple[str | None, str | None]]:
    query = select(BaseCell.name, Comment.manual_comment, Comment.auto_comment)
    query = _submitted(query, Comment, lesson, student).join(BaseCell, BaseCell.id == Comment.cell_id)
    return {name: (by_person, by_grader) for name, by_person, by_grader in session.execute(query)}


def _of(query: Select, kind: type, lesson: str) -> Select:
    """Narrow a query on cells to those of the lesson's notebook."""
    query = query.join(Notebook, Notebook.id == kind.notebook_id)
    query = query.join(Assignment, Assignment.id == Notebook.assignment_id)
    return query.where(Assignment.name == lesson, Notebook.name == lesson)


def _submitted(query: Select, kind: type, lesson: str, student: str | None) -> Select:
    """Narrow a query on grades or comments to the submissions of a lesson, or to one learner's."""
    query = query.select_from(kind).join(SubmittedNotebook, SubmittedNotebook.id == kind.notebook_id)
    query = query.join(SubmittedAssignment, SubmittedAssignment.id == SubmittedNotebook.assignment_id)
    query = query.join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
    query = query.where(Assignment.name == lesson)
    return query if student is None else query.where(SubmittedAssignment.student_id == student)


def _recorded(*columns: object, lesson: str) -> Select:
    """Columns of our own table for learners whose submission the gradebook still has."""
    query = select(*columns).join(SubmittedAssignment, SubmittedAssignment.student_id == GRADING.c.student)
    query = query.join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
    return query.where(GRADING.c.lesson == lesson, Assignment.name == lesson).order_by(GRADING.c.student)
