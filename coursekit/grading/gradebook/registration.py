"""A lesson's cells in the gradebook, row for row what nbgrader's own `SaveCells` would write."""

from __future__ import annotations

import json
from collections.abc import Iterator

import nbformat
from nbgrader import utils
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Course,
    Grade,
    GradeCell,
    Notebook,
    SolutionCell,
    SourceCell,
    TaskCell,
)
from sqlalchemy import select
from sqlalchemy.orm import Session

from coursekit.grading.template import Template


def register(session: Session, template: Template, course_id: str) -> tuple[str, ...]:
    """Make or update the assignment; see `coursekit.grading.gradebook.Gradebook.register`."""
    notebook = _notebook(session, template.key, course_id)
    notebook.kernelspec = json.dumps(template.source["metadata"].get("kernelspec", {}))
    cells = list(_cells(template))
    _write_sources(session, notebook, cells)
    return _write_roles(session, notebook, cells)


def _notebook(session: Session, key: str, course_id: str) -> Notebook:
    """The row of the lesson's notebook, with course and assignment, made where it is missing."""
    assignment = session.scalar(select(Assignment).where(Assignment.name == key))
    if assignment is None:
        if session.get(Course, course_id) is None:
            session.add(Course(id=course_id))
            session.flush()
        assignment = Assignment(name=key, course_id=course_id)
        session.add(assignment)
        session.flush()
    wanted = select(Notebook).where(Notebook.name == key, Notebook.assignment_id == assignment.id)
    notebook = session.scalar(wanted)
    if notebook is None:
        notebook = Notebook(name=key, assignment_id=assignment.id)
        session.add(notebook)
        session.flush()
    return notebook


def _cells(template: Template) -> Iterator[nbformat.NotebookNode]:
    """Our own cells that nbgrader knows: tests with their hidden part, answers as they were released.

    In this state nbgrader saves them: with solutions cleared and hidden tests still there.
    """
    released = {cell["id"]: cell["source"] for cell in template.released["cells"]}
    for cell in nbformat.from_dict(template.source["cells"]):
        if utils.is_solution(cell):
            cell.source = released[cell.id]
        if any(test(cell) for test in (utils.is_grade, utils.is_solution, utils.is_locked, utils.is_task)):
            yield cell


def _write_sources(session: Session, notebook: Notebook, cells: list[nbformat.NotebookNode]) -> None:
    found = session.scalars(select(SourceCell).where(SourceCell.notebook_id == notebook.id))
    rows = {row.name: row for row in found}
    for cell in cells:
        name = cell.metadata.nbgrader.grade_id
        row = rows.pop(name, None) or SourceCell(name=name, notebook_id=notebook.id)
        row.cell_type, row.source = cell.cell_type, cell.source
        row.locked = utils.is_locked(cell)
        row.checksum = None if utils.is_task(cell) else utils.compute_checksum(cell)
        session.add(row)
    for row in rows.values():  # no grade refers to these
        session.delete(row)


def _write_roles(session: Session, notebook: Notebook, cells: list[nbformat.NotebookNode]) -> tuple[str, ...]:
    """Write grade, solution and task cells; the names of those that are gone but have grades."""
    found = session.scalars(select(BaseCell).where(BaseCell.notebook_id == notebook.id))
    rows = {(type(row), row.name): row for row in found}
    for kind, cell in _roles(cells):
        name = cell.metadata.nbgrader.grade_id
        row = rows.pop((kind, name), None) or kind(name=name, notebook_id=notebook.id)
        if kind is not SolutionCell:
            row.max_score, row.cell_type = float(cell.metadata.nbgrader.points), cell.cell_type
        session.add(row)
    used = [row for row in rows.values() if _is_used(session, row)]
    for row in rows.values():
        if row not in used:
            session.delete(row)
    return tuple(sorted({row.name for row in used if not isinstance(row, SolutionCell)}))


def _roles(cells: list[nbformat.NotebookNode]) -> Iterator[tuple[type[BaseCell], nbformat.NotebookNode]]:
    """Each cell with each of its roles, in the order in which nbgrader saves them."""
    tests = {GradeCell: utils.is_grade, SolutionCell: utils.is_solution, TaskCell: utils.is_task}
    return ((kind, cell) for kind, test in tests.items() for cell in cells if test(cell))


def _is_used(session: Session, row: BaseCell) -> bool:
    """Whether a learner has a grade or a comment for it."""
    found = [
        session.scalar(select(kind.id).where(kind.cell_id == row.id).limit(1)) for kind in (Grade, Comment)
    ]
    return any(found)
