"""Every lesson of the course satisfies the rules; tests/lessons_tooling proves that each rule can fail."""

import json
from collections import Counter

import pytest

from coursekit.lessons import Course, read_notebook
from coursekit.lessons.rules import RULES, leaks

COURSE = Course.find()
LESSONS = {lesson.key: lesson for lesson in COURSE.lessons}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("key", LESSONS)
def test_lesson_satisfies_the_rule(key, rule):
    assert list(RULES[rule](read_notebook(LESSONS[key].source))) == []


@pytest.mark.parametrize("key", LESSONS)
def test_students_get_no_solution_hidden_test_or_mutant(key):
    released = read_notebook(LESSONS[key].released)
    text = "\n".join(cell["source"] for cell in released["cells"])
    mutants = COURSE.root / "tests" / "lessons" / "mutants" / f"m{key}.py"
    text_of_mutants = mutants.read_text("utf-8") if mutants.is_file() else ""
    assert leaks(read_notebook(LESSONS[key].source), text, text_of_mutants) == []


@pytest.mark.parametrize("key", LESSONS)
def test_students_get_no_outputs(key):
    cells = read_notebook(LESSONS[key].released)["cells"]
    assert [cell["id"] for cell in cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.parametrize("key", LESSONS)
def test_every_answer_of_the_released_lesson_is_a_stub(key):
    cells = read_notebook(LESSONS[key].released)["cells"]
    answers = [cell for cell in cells if cell["metadata"].get("nbgrader", {}).get("solution")]
    stubs = ("# YOUR CODE HERE\nraise NotImplementedError", "YOUR ANSWER HERE")
    bare = ["\n".join(line.strip() for line in cell["source"].split("\n")) for cell in answers]
    assert answers
    assert [text for text in bare if not any(stub in text for stub in stubs)] == []


def test_cell_ids_are_unique_in_the_course():
    ids = Counter(cell["id"] for lesson in COURSE.lessons for cell in read_notebook(lesson.source)["cells"])
    assert [name for name, count in ids.items() if count > 1] == []


def test_every_folder_of_solutions_holds_one_notebook_of_its_name():
    folders = sorted(path for path in (COURSE.root / "solutions").iterdir() if not path.name.startswith("."))
    assert [folder.name for folder in folders] == list(LESSONS)
    for lesson in COURSE.lessons:
        beside = [path.name for path in lesson.source.parent.iterdir() if path.name != ".ipynb_checkpoints"]
        assert beside == [lesson.source.name]


def test_every_released_notebook_names_the_python_kernel():
    for lesson in COURSE.lessons:
        metadata = json.loads(lesson.released.read_text("utf-8"))["metadata"]
        assert metadata["kernelspec"]["name"] == "python3"
