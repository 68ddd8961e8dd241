"""What stands in a gradebook."""

from __future__ import annotations

from pathlib import Path


def marks_in(root: Path, lesson: str) -> dict[str, dict[str, float | None]]:
    """Automatic points by student and grade_id, of everybody who has a submission there."""
    from nbgrader.api import Gradebook, MissingEntry

    found = {}
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        try:
            submissions = gradebook.assignment_submissions(lesson)
        except MissingEntry:
            return {}
        for submission in submissions:
            grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
            found[submission.student.id] = {grade.name: grade.auto_score for grade in grades}
    return found
