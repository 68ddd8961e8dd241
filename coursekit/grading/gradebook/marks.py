"""The class's marks as one table."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import pandas as pd
from nbgrader.api import Assignment, Student, SubmittedAssignment
from sqlalchemy import select
from sqlalchemy.orm import Session

from coursekit.grading.gradebook.penalties import seconds_late
from coursekit.grading.gradebook.reading import Cell, Points, cells_of, points_of

_TYPES = {
    **dict.fromkeys(["student", "first_name", "last_name", "email", "lms_id", "lesson", "status"], "string"),
    **dict.fromkeys(["auto", "manual", "penalty", "score", "max_score"], "Float64"),
    "timestamp": "datetime64[us]",
    "seconds_late": "Float64",
}


def marks(
    session: Session, lessons: Sequence[str], handed_in: Collection[tuple[str, str]] = ()
) -> pd.DataFrame:
    """One row for each learner and lesson, by learner and then in the order of `lessons`.

    Columns:
        student, first_name, last_name, email, lms_id: as in nbgrader's table of students; missing names NA.
        lesson: its key.
        status: "graded"; "needs manual grading" where a person has to look (again); "not graded" where
            tests have not run; "missing" where nothing was handed in.
        auto: points that tests gave; NA where they have not run.
        manual: what people added or took away on top of `auto`; NA until all of it is done.
        penalty: nbgrader's late penalty.
        score: auto + manual - penalty, never below 0; NA unless the status is "graded". A mark that is
            not complete is not a number, so nobody takes it for one.
        max_score: possible points; NA for a lesson that the gradebook does not know.
        timestamp: when it was handed in, in UTC; seconds_late: how long after the due date.

    Args: as `coursekit.grading.gradebook.Gradebook.marks`.
    """
    people = _people(session, [student for student, lesson in handed_in if lesson in lessons])
    rows = []
    for place, lesson in enumerate(lessons):
        cells, points = cells_of(session, lesson), points_of(session, lesson)
        submissions = _submissions(session, lesson)
        for person in people:
            name = person["student"]
            there = name in submissions or (name, lesson) in handed_in
            status = _status(cells, points.get(name), there)
            row = {**person, "lesson": lesson, "status": status, **submissions.get(name, {})}
            rows.append({"_place": place, **row, **_scores(cells, points.get(name, {}), row)})
    table = pd.DataFrame(rows, columns=["_place", *_TYPES]).astype(_TYPES)
    return table.sort_values(["student", "_place"], kind="stable", ignore_index=True)[list(_TYPES)]


def _people(session: Session, others: Collection[str]) -> list[dict[str, object]]:
    """Everybody in the gradebook and the `others`, who are not in it yet."""
    columns = {
        "student": Student.id,
        "first_name": Student.first_name,
        "last_name": Student.last_name,
        "email": Student.email,
        "lms_id": Student.lms_user_id,
    }
    known = [dict(zip(columns, row, strict=True)) for row in session.execute(select(*columns.values()))]
    unknown = set(others) - {person["student"] for person in known}
    return known + [dict.fromkeys(columns) | {"student": name} for name in sorted(unknown)]


def _submissions(session: Session, lesson: str) -> dict[str, dict[str, object]]:
    """Time and penalty of each submission."""
    columns = (
        SubmittedAssignment.student_id,
        SubmittedAssignment.timestamp,
        SubmittedAssignment.extension,
        SubmittedAssignment.late_submission_penalty,
        Assignment.duedate,
    )
    query = select(*columns).join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
    found = {}
    for student, timestamp, extension, penalty, due in session.execute(
        query.where(Assignment.name == lesson)
    ):
        late = seconds_late(timestamp, due, extension)
        found[student] = {"timestamp": timestamp, "seconds_late": late, "penalty": penalty}
    return found


def _status(cells: list[Cell], points: dict[str, Points] | None, there: bool) -> str:
    if points is None:
        return "not graded" if there else "missing"
    theirs = [points.get(cell.id) for cell in cells]
    tested = [one for one, cell in zip(theirs, cells, strict=True) if not cell.by_hand]
    if None in theirs or any(one.score is None for one in tested):
        return "not graded"
    return "needs manual grading" if any(one.pending for one in theirs) else "graded"


def _scores(cells: list[Cell], points: dict[str, Points], row: dict[str, object]) -> dict[str, object]:
    found: dict[str, object] = {"max_score": sum(cell.max_score for cell in cells) if cells else None}
    if row["status"] in ("missing", "not graded"):
        return found
    found["auto"] = sum(points[cell.id].auto or 0.0 for cell in cells)
    if row["status"] == "graded":
        total = sum(points[cell.id].score or 0.0 for cell in cells)
        found["manual"] = round(total - found["auto"], 9)
        found["score"] = max(0.0, total - (row["penalty"] or 0.0))
    return found
