"""`Check`: points, parts and the one message."""

import sys
import warnings

import numpy as np
import pytest

from coursekit.checking import Check, NotYet, Outcome


def double(x):
    return 2 * x


def run(answer, **options):
    check = Check("double", answer, points=4, **options)
    check.case(2, gives=4)
    check.case(5, gives=10)
    check.part("negative numbers")
    check.case(-3, gives=-6)
    return check


def test_right_answer_earns_the_points_and_says_nothing(capsys):
    assert run(double).marks() == 4
    assert capsys.readouterr() == ("", "")


def test_marks_are_plain_numbers_that_nbgrader_reads():
    assert repr(run(double).marks()) == "4"
    assert repr(run(abs_double).marks()) == "2"
    thirds = Check("third", double, points=1)
    for part in "abc":
        thirds.part(part)
        thirds.case(1, gives=2 if part != "c" else 3)
    assert repr(thirds.earned) == "0.67"


def abs_double(x):
    return 2 * abs(x)


def test_part_earns_its_share_and_the_message_names_the_failing_one(capsys):
    assert run(abs_double).marks() == 2
    assert capsys.readouterr().out.splitlines() == [
        'double: 2 of 4 points. It is 6 where -6 was expected (part "negative numbers").',
        "  abs_double(-3)",
        "  expected: -6",
        "  received: 6",
    ]


def test_no_part_counts_unless_the_first_one_passes():
    check = run(lambda x: -6)
    assert check.earned == 0
    with pytest.raises(AssertionError, match="double: 0 of 4 points"):
        check.marks()


def test_smallest_failing_input_is_shown():
    check = Check("total", lambda numbers: 0, points=1)
    check.case([1, 2, 3, 4], gives=10)
    check.case([5], gives=5)
    check.case([1, 1], gives=2)
    assert "total([5])" in check.message


def test_unsolved_answer_is_told_kindly():
    def double(x):
        raise NotImplementedError()

    check = run(double)
    assert check.earned == 0
    assert "`double` is not written yet" in check.message


def test_exception_is_told_with_its_line_and_without_traceback():
    def double(x):
        unused = 1
        return unused / (x - x)

    line = double.__code__.co_firstlineno + 2
    assert f"Your function raised ZeroDivisionError: division by zero, on line {line}." in run(double).message
    assert "Traceback" not in run(double).message


def test_jupyter_shows_the_message_alone():
    with pytest.raises(NotYet) as caught:
        run(lambda x: None).marks()
    assert caught.value._render_traceback_() == [str(caught.value)]


@pytest.mark.parametrize("answer", [3, None, "double", [1]])
def test_something_else_than_a_function_is_told(answer):
    assert "should be a function, and is" in run(answer).message


def test_arguments_are_copies_and_changing_them_does_no_harm():
    def total(numbers):
        found = sum(numbers)
        numbers.clear()
        return found

    given = [1, 2]
    check = Check("total", total, points=1)
    check.case(given, gives=3)
    check.case(given, gives=3)
    assert check.marks() == 1
    assert given == [1, 2]


def test_prints_warnings_and_stderr_of_an_answer_stay_out_of_the_cell(capsys, recwarn):
    def noisy(x):
        print("thinking")
        print("careful", file=sys.stderr)
        warnings.warn("careful", stacklevel=1)
        return 2 * x

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run(noisy).marks() == 4
    assert capsys.readouterr() == ("", "")


def test_what_a_failing_answer_printed_is_shown():
    def noisy(x):
        print("x is", x)
        return x

    assert "  printed:  'x is 2'" in run(noisy).message


def test_exit_is_an_answer_like_any_other():
    assert "Your function raised SystemExit" in run(lambda x: sys.exit()).message


def test_interrupt_is_let_through():
    def stuck(x):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(stuck)


def test_keyword_arguments_are_passed_and_shown():
    check = Check("power", lambda x, to=2: x * to, points=1)
    check.case(3, kwargs={"to": 2}, gives=9)
    assert "(3, to=2)" in check.message


def test_expected_error_passes_and_its_absence_is_told():
    def strict(x):
        if x < 0:
            raise ValueError("negative")
        return x

    right, wrong = Check("root", strict, points=1), Check("root", abs, points=1)
    for check in (right, wrong):
        check.case(-1, raises=ValueError)
    assert right.marks() == 1
    assert "ValueError should have been raised" in wrong.message


def test_property_stands_for_answers_with_more_than_one_right_result():
    def shuffled(items):
        return items[::-1]

    check = Check("shuffled", shuffled, points=1)
    check.case([1, 2], holds=lambda got: sorted(got) == [1, 2], says="every item comes back once")
    assert check.marks() == 1
    wrong = Check("shuffled", lambda items: 7, points=1)
    wrong.case([1, 2], holds=lambda got: sorted(got) == [1, 2], says="every item comes back once")
    assert "Every item comes back once." in wrong.message


def test_case_without_expectation_is_an_error_of_the_author():
    with pytest.raises(TypeError, match="exactly one of gives="):
        Check("double", double, points=1).case(1)
    with pytest.raises(ValueError, match="has no case"):
        Check("double", double, points=1).marks()


def test_value_exercise_hides_the_expected_value():
    check = Check("density", 0.5, points=1)
    check.value(gives=0.123)
    assert check.message == "density: 0 of 1 points. It is 0.5, which is too large.\n  density is 0.5"
    right = Check("density", np.float64(0.123), points=1)
    right.value(gives=0.123)
    assert right.marks() == 1


def test_value_left_at_none_is_unsolved():
    check = Check("density", None, points=1)
    check.value(gives=0.123)
    assert "`density` is not written yet" in check.message


def test_a_part_can_be_gone_on_with_and_the_first_one_decides():
    seen = {1: 2, -1: -2}
    check = Check("double", lambda x: seen.get(x), points=2)
    check.case(1, gives=2)
    check.part("negative numbers")
    check.case(-1, gives=-2)
    assert check.earned == 2
    check.part("")
    check.case(7, gives=14)
    assert check.parts == ["", "negative numbers"]
    assert check.earned == 0
    check.part("negative numbers")
    check.case(-7, gives=-14)
    assert [case.part for case in check.cases] == [0, 1, 0, 1]


def test_first_part_can_be_named():
    check = Check("double", double, points=1)
    check.part("whole numbers")
    check.case(1, gives=2)
    assert check.parts == ["whole numbers"]


def test_proxy_callable_is_checked_like_a_function():
    class Proxy:
        def __call__(self, x):
            return 2 * x

    assert run(Proxy()).marks() == 4


def test_remote_answer_is_examined_where_it_lives():
    class Remote:
        def examine(self, args, kwargs, rules):
            assert rules.forbid == ("coursekit", "sklearn")
            return Outcome("raised", errors=("KeyError", "Exception"), message="'sql'", line=3)

    text = run(Remote(), forbid=("sklearn",)).message
    assert "Your function raised KeyError: 'sql', on line 3." in text


def test_long_values_are_shortened():
    check = Check("zeros", lambda n: np.ones((500, 20)), points=1)
    check.case(500, gives=np.zeros((500, 20)))
    assert (
        "received: array of shape (500, 20), decimal numbers: [1.0, 1.0, 1.0, 1.0, 1.0, …]" in check.message
    )
    assert len(check.message) < 500
