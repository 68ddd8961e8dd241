"""`check_notebook`: what a learner's own notebook has earned."""

import pytest

from coursekit.checking import check_notebook, print_marks
from tests.checking.lessons import code, graded, write_notebook

SETUP = code("import time\nfrom coursekit import Check")


def exercise(name, answer, points=2):
    variable = name.replace("-", "_")
    test = f'check = Check("{name}", {variable}, points={points})\ncheck.case(3, gives=6)\n'
    test += 'check.part("negative")\ncheck.case(-3, gives=-6)\ncheck.marks()'
    return [
        code(answer, **graded(name, solution=True)),
        code(test, **graded(f"{name}-test", grade=True, points=points)),
    ]


@pytest.fixture(scope="module")
def marks(tmp_path_factory):
    old = {"output_type": "execute_result", "data": {"text/plain": "2"}, "metadata": {}, "execution_count": 1}
    answers = {
        "right": "def right(x):\n    print('hello')\n    return 2 * x",
        "half-right": "def half_right(x):\n    return 2 * abs(x)",
        "unsolved": "def unsolved(x):\n    # YOUR CODE HERE\n    raise NotImplementedError()",
        "misnamed": "def other_name(x):\n    return 2 * x",
        "endless": "def endless(x):\n    while True:\n        time.sleep(0.1)",
    }
    cells = [SETUP, code("1 / 0"), *(cell for name, text in answers.items() for cell in exercise(name, text))]
    changed = exercise("changed", "def changed(x):\n    return 2 * x")
    changed[1]["source"] = "pass"
    changed[1]["outputs"] = [old]
    path = write_notebook(tmp_path_factory.mktemp("lesson") / "lesson.ipynb", [*cells, *changed])
    before = path.read_bytes()
    table = check_notebook(path, cell_timeout=5)
    assert path.read_bytes() == before
    return table


def row(marks, name):
    found = marks[marks["exercise"] == name].iloc[0]
    return found["points"], found["message"]


def test_table_has_a_row_an_exercise(marks):
    assert list(marks.columns) == ["exercise", "points", "max_points", "message"]
    expected = ["right", "half-right", "unsolved", "misnamed", "endless", "changed"]
    assert list(marks["exercise"]) == expected
    assert set(marks["max_points"]) == {2}


def test_right_answer_has_all_points_and_no_message(marks):
    assert row(marks, "right") == (2, "")


def test_partly_right_answer_has_its_part_and_the_message(marks):
    points, message = row(marks, "half-right")
    assert points == 1
    assert 'It is 6 where -6 was expected (part "negative")' in message


def test_unsolved_exercise_has_no_points(marks):
    points, message = row(marks, "unsolved")
    assert points == 0
    assert "`unsolved` is not written yet" in message
    assert "Traceback" not in message


def test_missing_name_is_explained(marks):
    assert row(marks, "misnamed") == (
        0,
        "Name 'misnamed' is not defined. Is the answer's name the one that the exercise asks for?",
    )


def test_endless_loop_costs_only_its_own_exercise(marks):
    points, message = row(marks, "endless")
    assert points == 0
    assert "took too long" in message


def test_changed_test_cell_and_outputs_of_earlier_runs_earn_nothing(marks):
    points, message = row(marks, "changed")
    assert points == 0
    assert "has it been changed?" in message


def test_marks_are_printed_as_a_plain_table(marks, capsys):
    print_marks(marks)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "exercise    points"
    assert lines[1:5] == [
        "right       2 of 2",
        "half-right  1 of 2",
        '    It is 6 where -6 was expected (part "negative").',
        "      half_right(-3)",
    ]
    assert lines[-1] == "in all      3 of 12"
    assert max(map(len, lines)) <= 100


def test_dead_kernel_is_told(tmp_path):
    cells = [SETUP, *exercise("twice", "import os\nos._exit(1)")]
    table = check_notebook(write_notebook(tmp_path / "lesson.ipynb", cells))
    assert table["points"].tolist() == [0]
    assert "the kernel died" in table["message"][0]


@pytest.mark.parametrize(
    "text", ["", "not JSON", "[]", '{"cells": 3}', '{"cells": [{"x": 1}], "nbformat": 4}']
)
def test_broken_file_gives_a_clear_error(tmp_path, text):
    path = tmp_path / "broken.ipynb"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"broken\.ipynb"):
        check_notebook(path)


def test_missing_file_and_notebook_without_exercise_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no notebook at"):
        check_notebook(tmp_path / "nowhere.ipynb")
    with pytest.raises(ValueError, match="holds no exercise"):
        check_notebook(write_notebook(tmp_path / "empty.ipynb", [code("1")]))
