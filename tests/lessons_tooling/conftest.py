"""A small course in a temporary folder: two lessons, made on the spot."""

import json
import shutil
from pathlib import Path

import pytest

from coursekit.lessons import Course

REPOSITORY = Path(__file__).resolve().parents[2]
PYPROJECT = (
    '[project]\nname = "coursekit"\n[project.urls]\nRepository = "https://github.com/someone/course"\n'
)

TITLE = """# 00 Welcome

**Minutes:** 10. **Objectives:**

- count
- add
- stop"""
STORY = "Two and two are $2 + 2 = 4$:"
EXERCISE = "### Exercise\nAdd two numbers."
ANSWER = '''def add(a, b):
    """Add a and b."""
    ### BEGIN SOLUTION
    secret_sum = a + b
    return secret_sum
    ### END SOLUTION'''
TESTS = """check = Check("{name}", add, points=3)
check.case(1, 2, gives=3)
### BEGIN HIDDEN TESTS
check.part("hidden numbers")
check.case(hidden_number := 5, 0, gives=hidden_number)
### END HIDDEN TESTS
check.marks()"""
OPEN = "My model answer: because."


def cell(kind: str, source: str, name: str | None = None, **metadata) -> dict:
    """A cell as an editor might write it."""
    made = {"cell_type": kind, "source": source, "metadata": metadata}
    if kind == "code":
        made |= {"execution_count": None, "outputs": []}
    return made | ({"id": name} if name else {})


def notebook(*cells: dict) -> dict:
    """A notebook of these cells."""
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def sample(prefix: str = "", extra: tuple[dict, ...] = ()) -> dict:
    """A lesson with one autograded and one open exercise; `prefix` makes its names unique in the course."""
    answer, tests, answer_open = f"{prefix}add", f"{prefix}add-test", f"{prefix}open"
    return notebook(
        cell("markdown", TITLE, f"{prefix}title"),
        cell("code", "fast = True\nseed = 0", f"{prefix}parameters", tags=["parameters"]),
        cell("code", "from coursekit import Check", f"{prefix}import"),
        cell("markdown", STORY, f"{prefix}story"),
        cell("code", "2 + 2", f"{prefix}four"),
        cell("markdown", EXERCISE, f"{prefix}exercise"),
        cell("code", ANSWER, nbgrader={"grade_id": answer, "solution": True}),
        cell("code", TESTS.format(name=answer), nbgrader={"grade_id": tests, "grade": True, "points": 3}),
        cell(
            "markdown", OPEN, nbgrader={"grade_id": answer_open, "grade": True, "solution": True, "points": 2}
        ),
        *extra,
    )


def write_lesson(root: Path, key: str, content: dict) -> Path:
    """Put a source notebook into a course."""
    path = root / "solutions" / key / f"{key}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    return path


def write_course(root: Path) -> Course:
    """A course with the lessons 00_welcome and 01_more."""
    (root / "pyproject.toml").write_text(PYPROJECT, "utf-8")
    shutil.copy(REPOSITORY / "nbgrader_config.py", root)
    write_lesson(root, "00_welcome", sample())
    write_lesson(root, "01_more", sample("more-"))
    return Course(root)


@pytest.fixture
def course(tmp_path: Path) -> Course:
    """A small course, its own for each test."""
    return write_course(tmp_path)


@pytest.fixture
def lesson_content() -> dict:
    """The small lesson, as an editor might have written it."""
    return sample()


@pytest.fixture(name="make_cell", scope="session")
def _make_cell():
    return cell


@pytest.fixture(name="make_notebook", scope="session")
def _make_notebook():
    return notebook


@pytest.fixture(name="make_lesson", scope="session")
def _make_lesson():
    return sample


@pytest.fixture(name="put_lesson", scope="session")
def _put_lesson():
    return write_lesson


@pytest.fixture(name="make_course", scope="session")
def _make_course():
    return write_course
