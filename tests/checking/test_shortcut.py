"""Calling the course's own answer is noticed; allowed calls and the reader's profiler are left alone."""

import contextlib
import sys
import threading

import numpy as np
import pytest
from scipy import sparse

import coursekit
from coursekit.checking import Check


def marks_of(answer, **options):
    check = Check("best", answer, points=1, **options)
    check.case(np.array([[3.0, 1.0, 2.0]]), gives=np.array([[0, 2]]))
    return check


def by_library(scores):
    return coursekit.top_k(scores, 2)


def test_call_into_coursekit_is_the_shortcut():
    check = marks_of(by_library)
    assert check.earned == 0
    assert "write it yourself: your function calls coursekit.top_k" in check.message


def test_function_of_coursekit_itself_is_the_shortcut():
    check = Check("best", coursekit.top_k, points=1)
    check.case(np.array([[3.0, 1.0]]), 1, gives=np.array([[0]]))
    assert "your function calls coursekit.top_k" in check.message


def test_allowed_function_and_what_it_calls_are_welcome():
    assert marks_of(by_library, allow=("top_k",)).marks() == 1


def test_allowing_one_function_does_not_allow_another():
    def precision(scores):
        coursekit.precision(np.array([[True]]), [1], 1)
        return coursekit.top_k(scores, 2)

    assert "calls coursekit.precision" in marks_of(precision, allow=("top_k",)).message


def test_shortcut_is_noticed_even_when_the_answer_swallows_exceptions():
    def sly(scores):
        with contextlib.suppress(BaseException):
            coursekit.top_k(scores, 2)
        return np.array([[0, 2]])

    assert marks_of(sly).earned == 0


def test_importing_coursekit_lazily_is_no_shortcut():
    def lazy(scores):
        coursekit.Leaderboard  # noqa: B018
        return np.argsort(-scores, kind="stable")[:, :2]

    assert marks_of(lazy).marks() == 1


@pytest.mark.parametrize("forbid", ["numpy.corrcoef", "numpy.lib"])
def test_functions_and_modules_of_others_can_be_forbidden(forbid):
    check = Check("correlation", lambda a, b: np.corrcoef(a, b)[0, 1], points=1, forbid=(forbid,))
    check.case([1.0, 2.0], [2.0, 4.0], gives=1.0)
    assert check.earned == 0
    assert "your function calls numpy." in check.message


def test_builtin_can_be_forbidden():
    check = Check("order", lambda items: sorted(items), points=1, forbid=("builtins.sorted",))
    check.case([2, 1], gives=[1, 2])
    assert "calls builtins.sorted" in check.message


def test_other_libraries_are_welcome_by_default():
    check = Check("dot", lambda a: float((sparse.csr_array(a) @ a.T)[0, 0]), points=1)
    check.case(np.array([[1.0, 2.0]]), gives=5.0)
    assert check.marks() == 1


def test_profiler_that_was_active_before_is_active_again():
    def mine(frame, event, argument):
        pass

    before = sys.getprofile()
    sys.setprofile(mine)
    try:
        marks_of(by_library)
        marks_of(lambda scores: 1 / 0)
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(before)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_forbidden_call_in_a_thread_that_the_answer_starts_is_noticed():
    def in_a_thread(scores):
        found = []
        helper = threading.Thread(target=lambda: found.append(by_library(scores)))
        helper.start()
        helper.join()
        return found[0]

    before = threading.getprofile()
    assert "your function calls coursekit.top_k" in marks_of(in_a_thread).message
    assert threading.getprofile() is before
