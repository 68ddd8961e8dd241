"""Results and gradebooks of one lesson, and what instructors and stock nbgrader do to them."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

from coursekit.grading.results import Mark, Result
from coursekit.grading.template import Template
from coursekit.lessons import Course

REPOSITORY = Path(__file__).resolve().parents[2]
LESSON, PROSE = "00_welcome", "open-00"


def lesson_template() -> Template:
    return Template.of(Course(REPOSITORY).lesson(LESSON))


def make_result(template, student="ann", share=1.0, fingerprint="one", prose=None, **changes) -> Result:
    """A result with `share` of the points of each exercise."""
    marks = tuple(
        Mark(one.name, f"{one.name}-test", one.points * share, one.points, "" if share == 1 else "Not yet.")
        for one in template.exercises
    )
    answers = {one.name: f"share = {share}" for one in template.exercises}
    if prose is not None:
        answers[PROSE] = prose
    return dataclasses.replace(Result(student, LESSON, fingerprint, marks, answers), **changes)


def table(file: Path, name: str, skip=("id", "notebook_id", "assignment_id")) -> list[dict]:
    """A table's rows without the keys that are drawn at random."""
    with sqlite3.connect(file) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute(f"SELECT * FROM {name}")]
    connection.close()
    return [{key: value for key, value in row.items() if key not in skip} for row in rows]


def dump(file: Path) -> list[str]:
    """All of the database as SQL statements."""
    with sqlite3.connect(file) as connection:
        return list(connection.iterdump())


def grade_by_hand(file: Path, student: str, cell: str, score: float | None, **more) -> None:
    """What formgrader does when an instructor types a score (and a comment, and extra credit)."""
    from nbgrader.api import Gradebook as StockGradebook

    with StockGradebook(f"sqlite:///{file}") as stock:
        grade = stock.find_grade(cell, LESSON, LESSON, student)
        grade.manual_score, grade.needs_manual_grade = score, score is None and grade.auto_score is None
        grade.extra_credit = more.get("extra_credit")
        answer = cell.removesuffix("-test")
        stock.find_comment(answer, LESSON, LESSON, student).manual_comment = more.get("comment")
        stock.db.commit()
