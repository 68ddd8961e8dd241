"""The examiner's own decisions: what is run again, what is remembered, what is nobody's fault."""

import pytest

from coursekit.grading.examiner import ExaminationError, Examiner
from coursekit.grading.limits import Limits
from coursekit.grading.sandbox import sandbox_problem

pytestmark = pytest.mark.skipif(sandbox_problem() is not None, reason=f"{sandbox_problem()}")


@pytest.fixture(scope="module")
def examiner(template):
    with Examiner(template) as opened:
        yield opened


def mark(examiner, name, text):
    marks, flags = examiner.examine({name: text})
    return next(mark for mark in marks if mark.exercise == name), flags


@pytest.mark.parametrize("hidden", ['globals()["courses"]', 'eval("courses")'])
def test_a_name_that_the_text_does_not_show_is_looked_up_in_the_story(examiner, hidden):
    text = f"""
def precision_at_k(recommended, chosen, k):
    assert len({hidden}) == 6
    return len([course for course in recommended[:k] if course in chosen]) / k
"""
    assert mark(examiner, "precision-at-k", text)[0].points == 3


def test_a_name_that_is_nowhere_is_told(examiner):
    found, _ = mark(examiner, "overlap", "def overlap(a, b):\n    return helper(a, b)")
    assert found.points == 0
    assert "NameError: name 'helper' is not defined, on line 2" in found.message


def test_the_same_text_is_graded_once(examiner, monkeypatch):
    opened = []
    open_room = examiner._rooms.open
    monkeypatch.setattr(examiner._rooms, "open", lambda **how: opened.append(how) or open_room(**how))
    text = "def overlap(a, b):\n    return len(set(a) & set(b))  # once"
    first, second = (mark(examiner, "overlap", text)[0] for _ in range(2))
    assert first == second
    assert first.points == 2
    assert len(opened) in (1, len(examiner.template.exercises))  # the others may have been remembered before


def test_what_ran_out_of_time_is_not_remembered(template):
    slow = "import time\ndef overlap(a, b):\n    time.sleep(0.9)\n    return len(set(a) & set(b))"
    with Examiner(template, Limits(seconds=0.5, submission_seconds=60)) as hurried:
        found, _ = mark(hurried, "overlap", slow)
        assert "it ran longer than 0.5 s" in found.message
        assert not any(entry.message == found.message for entry, _ in hurried._done.values())


def test_exercises_after_the_time_for_all_is_used_up_are_told_so(template):
    # Preparing marks the solution under the same limits: on a busy machine a second is too short for that.
    with Examiner(template, Limits(seconds=20, submission_seconds=5)) as hurried:
        hurried.prepare()
        loop = "while True:\n    pass"
        marks, _ = hurried.examine({"overlap": loop, "cosine-rows": "def cosine_rows(a, b):\n    return 7.5"})
    assert "ran longer than" in marks[0].message
    assert marks[1].message.startswith("cosine-rows: 0 of 3 points. Not reached: ")


def test_our_own_test_that_breaks_on_an_answer_is_told_and_flagged_for_nobody(examiner, monkeypatch):
    exercise = examiner.template.exercises[0]
    monkeypatch.setattr(exercise, "run", lambda answer: 1 / 0)
    found, _ = mark(examiner, "overlap", "def overlap(a, b):\n    return 5  # breaks")
    assert found.points == 0
    assert "The test could not judge this answer (ZeroDivisionError): tell your instructor." in found.message


def test_a_sandbox_in_which_the_solution_fails_is_refused(template, monkeypatch):
    with Examiner(template) as broken:
        monkeypatch.setattr(broken, "examine", lambda answers: (broken_marks(template), ()))
        with pytest.raises(ExaminationError, match="the solution of 00_welcome does not pass"):
            broken.prepare()


def broken_marks(template):
    from coursekit.grading.results import Mark

    return tuple(Mark(one.name, f"{one.name}-test", 0, one.points, "Wrong.") for one in template.exercises)


def test_suspicious_code_is_flagged_and_judged_by_what_it_returns(examiner):
    text = "import gc\ndef overlap(a, b):\n    gc.get_objects\n    return len(set(a) & set(b))"
    found, flags = mark(examiner, "overlap", text)
    assert found.points == 2
    assert {(flag.exercise, flag.line) for flag in flags} >= {("overlap", 1)}
