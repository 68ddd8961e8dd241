"""Misconceptions: derived from mutants, recognised by what an answer returns."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

from coursekit.checking import Check, derive_misconceptions, hints
from coursekit.checking.plain import plain
from tests.checking.lessons import write_notebook


@pytest.fixture
def known(course, monkeypatch):
    text = derive_misconceptions("00_small", root=course)
    monkeypatch.setattr(hints, "_known", lambda: json.loads(text)["exercises"])


def check_of(answer):
    check = Check("half", answer, points=2)
    check.case(3, gives=1.5)
    check.case(0, gives=0.0)
    check.part("fresh numbers")
    check.case(7, gives=3.5)
    return check


def test_file_holds_what_each_mutant_returns_on_the_visible_cases(course):
    entry = json.loads(derive_misconceptions("00_small", root=course))["exercises"]["half"]
    assert entry["visible"] == 2
    assert entry["mutants"] == [
        {"name": "double", "says": "You doubled.", "outcomes": [{"value": 6.0}, "right"]},
        {"name": "whole", "says": "You dropped the half.", "outcomes": [{"value": 1.0}, "right"]},
    ]


def test_deriving_twice_gives_the_same_bytes_and_leaves_no_module_behind(course):
    before = {name for name in sys.modules if name.startswith("tests.lessons.mutants")}
    assert derive_misconceptions("00_small", root=course) == derive_misconceptions("00_small", root=course)
    assert {name for name in sys.modules if name.startswith("tests.lessons.mutants")} == before


@pytest.mark.usefixtures("known")
def test_misconception_is_named_whatever_the_code_looks_like():
    text = check_of(lambda x: sum([x, x])).message
    assert text.startswith("half: 0 of 2 points. You doubled.\n  half(3)\n  expected: 1.5\n  received: 6")


@pytest.mark.usefixtures("known")
def test_learner_s_numbers_may_differ_a_little_from_the_mutant_s():
    assert "You doubled." in check_of(lambda x: 2.0001 * x).message
    assert "You doubled." not in check_of(lambda x: 2.01 * x).message


@pytest.mark.usefixtures("known")
def test_right_answer_and_other_mistakes_name_no_misconception():
    assert check_of(lambda x: x / 2).message == ""
    assert "0 of 2 points. It is 0.75 where 1.5 was expected." in check_of(lambda x: x / 4).message
    assert "You doubled" not in check_of(lambda x: [2.0 * x]).message


def test_lesson_without_mutants_has_no_file(course):
    (course / "tests" / "lessons" / "mutants" / "m00_small.py").unlink()
    assert derive_misconceptions("00_small", root=course) == ""


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("x + x", "'double' and 'again' of 'half' do the same on the visible cases"),
        ("x / 2 if x < 5 else 0", "'again' of 'half' passes every visible case"),
    ],
)
def test_mutant_that_the_visible_cases_do_not_show_is_refused(course, body, complaint):
    path = course / "tests" / "lessons" / "mutants" / "m00_small.py"
    more = f"\n\n@mutant('half', name='again', says='Again.')\ndef again(x):\n    return float({body})\n"
    path.write_text(path.read_text() + more)
    with pytest.raises(ValueError, match=complaint):
        derive_misconceptions("00_small", root=course)


def test_mutant_of_an_unknown_exercise_is_refused(course):
    path = course / "tests" / "lessons" / "mutants" / "m00_small.py"
    path.write_text(path.read_text().replace('"half", name="double"', '"halve", name="double"'))
    with pytest.raises(ValueError, match="'double' is for 'halve', no exercise of 00_small"):
        derive_misconceptions("00_small", root=course)


def test_solution_that_fails_its_own_test_is_refused(course, cells):
    cells[3]["source"] = "divisor = 3"
    write_notebook(course / "solutions" / "00_small" / "00_small.ipynb", cells)
    with pytest.raises(ValueError, match="solution of 'half' fails its own visible test"):
        derive_misconceptions("00_small", root=course)


@pytest.mark.parametrize(
    "pair",
    [
        ([1], (1,)),
        ([1.0], np.array([1.0])),
        (np.array([1]), np.array([1.0])),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.r_[np.zeros(90), 1], np.r_[np.zeros(90), 2]),
        (pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [1]})),
        (float("nan"), None),
        ("1", 1),
        (1, True),
    ],
)
def test_encoding_keeps_different_data_apart(pair):
    one, other = (json.dumps(hints.encode(plain(value))) for value in pair)
    assert one != other
