"""Replaying a lesson up to one exercise: only what it needs runs, and any answer can be put in place."""

import ast
import copy
import os

import pytest

from coursekit.checking.replay import exercises
from coursekit.checking.slicing import needed, statements
from tests.checking.lessons import code, graded, write_notebook


def only(path, cells):
    return exercises(write_notebook(path / "lesson.ipynb", cells))[0]


def test_statements_that_the_exercise_does_not_need_do_not_run(tmp_path, cells):
    exercise = only(tmp_path, cells)
    assert (exercise.name, exercise.variable, exercise.points) == ("half", "half", 2)
    assert exercise.run(exercise.namespace()["half"]).earned == 2


def test_any_answer_takes_the_solution_s_place(tmp_path, cells):
    exercise = only(tmp_path, cells)
    assert exercise.run(lambda x: x / 2 if x < 5 else 0.0).earned == 1
    assert exercise.run(lambda x: x / 2 if x < 5 else 0.0, hidden=False).earned == 2
    assert exercise.run(lambda x: 0.0).earned == 0


def test_stub_is_what_nbgrader_makes_of_the_answer(tmp_path, cells):
    import nbformat
    from nbgrader.preprocessors import ClearSolutions

    indented = code(
        "def f(x):\n    if x:\n        ### BEGIN SOLUTION\n        y = 1\n        ### END SOLUTION\n"
    )
    for answer in (cells[4], indented):
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.from_dict(copy.deepcopy(answer) | {"id": "half"})]
        )
        notebook.cells[0].metadata = nbformat.from_dict(graded("half", solution=True))
        cleared, _ = ClearSolutions().preprocess(notebook, {})
        cells[4]["source"] = answer["source"]
        assert only(tmp_path, cells).stub.strip() == cleared.cells[0].source.strip()


def test_stub_earns_nothing(tmp_path, cells):
    check = only(tmp_path, cells).run_stub()
    assert check.earned == 0
    assert "`half` is not written yet" in check.message


def test_hidden_tests_are_taken_out_of_the_visible_test(tmp_path, cells):
    visible = only(tmp_path, cells).visible_test
    assert "HIDDEN" not in visible
    assert "check.case(7" not in visible
    assert visible.endswith("check.marks()")


def test_whole_story_runs_when_the_needed_part_is_not_enough(tmp_path, cells):
    cells[2]["source"] = "globals()['divisor'] = 2"
    cells[3]["source"] = "pass"
    exercise = only(tmp_path, cells)
    assert exercise.run(exercise.namespace()["half"]).earned == 2


def test_reader_s_leaderboard_is_out_of_reach(tmp_path, cells, monkeypatch):
    monkeypatch.setenv("COURSEKIT_LEADERBOARD", "mine.csv")
    cells[3]["source"] = "import os\ndivisor = 2 if os.environ['COURSEKIT_LEADERBOARD'] != 'mine.csv' else 1"
    exercise = only(tmp_path, cells)
    assert exercise.run(exercise.namespace()["half"]).earned == 2
    assert os.environ["COURSEKIT_LEADERBOARD"] == "mine.csv"


def test_test_cell_without_answer_cell_is_named(tmp_path, cells):
    with pytest.raises(ValueError, match="no answer cell called 'half'"):
        only(tmp_path, [*cells[:4], cells[5]])


def test_test_cell_without_check_is_named(tmp_path, cells):
    cells[5]["source"] = "assert half(2) == 1"
    with pytest.raises(ValueError, match="makes no Check"):
        only(tmp_path, cells)


@pytest.mark.parametrize(
    ("story", "kept"),
    [
        ("a = 1\nb = 2", ["a = 1"]),
        ("b = 1\na = b\nc = b", ["b = 1", "a = b"]),
        ("a = []\na.append(1)", ["a = []", "a.append(1)"]),
        ("a = {}\na['x'] = 1\nc = a['x']", ["a = {}", "a['x'] = 1"]),
        ("a = [2, 1]\nshuffle(a)", ["a = [2, 1]", "shuffle(a)"]),
        ("import numpy as np\nnp.random.seed(0)\na = np.random.rand()", 3),
        (
            "import pandas as pd\nc = 1\na = pd.NA\npd.DataFrame({'x': [c]})",
            ["import pandas as pd", "a = pd.NA"],
        ),
        ("for i in range(3):\n    a = i\nb = 1", 1),
        ("def g():\n    return b\nb = 1\na = g()", 3),
        ("def a():\n    b = 1\n    return [c for c in b]\nb = 1\nc = 2", 1),
        ("a = 1\na += b\nb = 2", 3),
        ("b = 1\nfor b, c in [(1, 2)]:\n    c = b\na = 3", ["a = 3"]),
    ],
)
def test_statements_that_a_name_depends_on_are_kept(story, kept):
    found = [ast.unparse(statement) for statement in needed(statements([story]), statements(["a"]))]
    assert found == kept if isinstance(kept, list) else len(found) == kept


def test_a_name_that_a_loop_sets_before_it_reads_it_comes_from_nowhere_else():
    story = statements(["s = slow()\nt = 1\nk = 2"])
    own = statements(["for s in rows:\n    t = s + k\n    print(t)"])
    assert [ast.unparse(statement) for statement in needed(story, own)] == ["k = 2"]


def test_a_name_that_a_loop_reads_before_it_sets_it_comes_from_the_story():
    story = statements(["s = 1"])
    own = statements(["for i in range(3):\n    s = s + i"])
    assert len(needed(story, own)) == 1


def test_magics_are_no_python():
    assert len(statements(["%%bash\nls -l", "%matplotlib inline\n!ls\na = 1", "%%time\nb = 2"])) == 6
