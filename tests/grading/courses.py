"""A copy of the course in a temporary folder, and submissions to it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from coursekit.checking.replay import exercises
from coursekit.lessons import Course

REPOSITORY = Path(__file__).resolve().parents[2]


def course_copy(folder: Path, *lessons: str) -> Course:
    """The course with these lessons only, nothing handed in yet."""
    for name in ("pyproject.toml", "nbgrader_config.py"):
        shutil.copy(REPOSITORY / name, folder)
    for lesson in lessons:
        for part in ("solutions", "lessons"):
            shutil.copytree(REPOSITORY / part / lesson, folder / part / lesson)
    return Course(folder)


def hand_in(course: Course, student: str, lesson: str, answers: dict[str, str]) -> Path:
    """Hand in the released notebook with these texts in the answer cells; returns its path."""
    notebook = json.loads(course.lesson(lesson).released.read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["id"] in answers:
            cell["source"] = answers[cell["id"]]
    path = course.root / "submitted" / student / lesson / f"{lesson}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), "utf-8")
    return path


def solved(course: Course, lesson: str) -> dict[str, str]:
    """The answers of the solution, without the marks around them."""
    found = {}
    for exercise in exercises(course.lesson(lesson).source):
        lines = exercise.answer.splitlines()
        found[exercise.name] = "\n".join(line for line in lines if "### " not in line)
    return found
