"""Only what an answer needs runs beside it, and a learner's cell runs whole or not at all."""

import json

import pytest

from coursekit.checking.replay import exercises
from coursekit.grading.plan import steps_for
from coursekit.grading.template import Template

TEST = 'check = Check("{name}", {name}, points=1)\ncheck.case(1, gives=2)\ncheck.marks()'


def cell(identity, source, *, tags=(), **nbgrader):
    metadata = {"tags": list(tags)} | ({"nbgrader": {"grade_id": identity, **nbgrader}} if nbgrader else {})
    return {"cell_type": "code", "id": identity, "source": source, "metadata": metadata, "outputs": []}


def answer(name, source):
    return cell(name, source, solution=True, grade=False)


def test_cell(name):
    return cell(f"{name}-test", TEST.format(name=name), solution=False, grade=True, points=1)


test_cell.__test__ = False


@pytest.fixture
def template(tmp_path):
    solved = [
        cell("setup", "import coursekit", tags=["setup"]),
        cell("parameters", "seed = 0", tags=["parameters"]),
        cell("story-1", "import numpy as np\nslow = np.ones(3)\ntable = np.zeros(2)"),
        answer("one", "def one(x):\n    return 2"),
        test_cell("one"),
        cell("story-2", "ones = one(1)\nunused = slow.sum()"),
        answer("two", "def two(x):\n    return one(x)"),
        test_cell("two"),
        cell("story-3", "later = 1"),
    ]
    path = tmp_path / "00_a.ipynb"
    path.write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": solved}))
    stub = "# YOUR CODE HERE\nraise NotImplementedError"
    released = [
        {**each, "source": stub if each["id"] in ("one", "two") else each["source"]} for each in solved
    ]
    return Template("00_a", {"cells": solved}, {"cells": released}, tuple(exercises(path)))


def texts(steps):
    return [step.text for step in steps]


PRELUDE = ["import coursekit", "seed = 0"]


@pytest.mark.parametrize(
    ("written", "story"),
    [
        ("def one(x):\n    return 2", []),
        ("def one(x):\n    return table[0]", ["import numpy as np", "table = np.zeros(2)"]),
        ("%time table\ndef one(x):\n    return 1", []),
        ("here = !ls\ndef one(x):\n    return len(slow)", ["import numpy as np", "slow = np.ones(3)"]),
        ("def one(x:\n    return table", []),
        ("", []),
        ("-" * 100_000 + "1", []),
    ],
    ids=["nothing", "a name of the story", "magic", "shell", "no Python", "empty", "too deep to read"],
)
def test_the_statements_that_the_cell_depends_on_run_before_it(template, written, story):
    assert texts(steps_for(template, "one", {"one": written})) == [*PRELUDE, *story, written]


def test_an_earlier_answer_runs_whole_where_it_is_used(template):
    mine = "print('my own')\ndef one(x):\n    return 7"
    steps = steps_for(template, "two", {"one": mine, "two": "def two(x):\n    return one(x)"})
    assert texts(steps) == [*PRELUDE, mine, "def two(x):\n    return one(x)"]
    assert [step.kind for step in steps] == ["story", "story", "answer", "answer"]


def test_an_earlier_answer_that_is_no_python_is_left_out(template):
    steps = steps_for(template, "two", {"one": "def one(", "two": "def two(x):\n    return one(x)"})
    assert texts(steps) == [*PRELUDE, "def two(x):\n    return one(x)"]


def test_the_released_stub_stands_for_what_is_missing(template):
    stub = "# YOUR CODE HERE\nraise NotImplementedError"
    assert texts(steps_for(template, "one", {})) == [*PRELUDE, stub]


def test_a_name_found_only_at_run_time_can_be_asked_for(template):
    written = "def one(x):\n    return globals()['table']"
    steps = steps_for(template, "one", {"one": written}, also=["table"])
    assert texts(steps) == [*PRELUDE, "import numpy as np", "table = np.zeros(2)", written]


def test_no_test_cell_and_nothing_after_the_exercise_runs(template):
    steps = steps_for(template, "two", {"two": "def two(x):\n    return ones, unused, slow, later, check"})
    assert not [text for text in texts(steps) if "Check(" in text or "later =" in text]


def test_an_exercise_that_is_not_there_is_an_error(template):
    with pytest.raises(LookupError, match="00_a has no answer cell 'three'"):
        steps_for(template, "three", {})
