"""Proof, for every exercise of every lesson, that its test pays for the solution and for nothing else.

`python -m pytest tests/lessons/test_exercises.py -s` prints the counts of exercises and mutants at the end;
`-k cosine` runs one exercise, and executes only the cells that this exercise needs.
"""

import copy
import functools
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import coursekit.models  # noqa: F401  imported here, or a shortcut would import it while it is being watched
from coursekit.checking import derive_misconceptions
from coursekit.checking.derive import mutants_of, put_in_place
from coursekit.checking.replay import exercises

ROOT = Path(__file__).parents[2]
SOURCES = {path.stem: path for path in sorted(ROOT.glob("solutions/*/*.ipynb"))}
LESSONS = list(SOURCES)
CONSTANTS = {"None": None, "0": 0, "1": 1, "True": True, "[]": [], "nan": float("nan")}


def harmless(value):
    """The constant of a value's kind that says least: 0, an empty list, an array of zeros, no rows."""
    if isinstance(value, tuple):
        return tuple(map(harmless, value))
    if isinstance(value, np.ndarray):
        return np.zeros_like(value)
    return value.iloc[:0].copy() if isinstance(value, pd.DataFrame) else type(value)()


# What a lookup table of the visible cases returns for any other input.
FALLBACKS = {
    "KeyError": lambda book: book["an input that is not in the table"],
    "first": lambda book: copy.deepcopy(next(iter(book.values()))),
    "harmless": lambda book: harmless(next(iter(book.values()))),
}


@functools.cache
def known(lesson):
    return {exercise.name: exercise for exercise in exercises(SOURCES[lesson])}


@functools.cache
def mutants(lesson):
    try:
        return mutants_of(ROOT, lesson)
    except FileNotFoundError:
        return [], {}


def every(kind=lambda exercise: [()]):
    """Parametrise over exercises, and for each over what `kind` gives; ids name lesson, exercise and kind."""

    def label(lesson, name, one):
        return "-".join([lesson[:2], name, *(getattr(part, "name", str(part)) for part in one)])

    return [
        pytest.param(exercise, *one, id=label(lesson, name, one))
        for lesson in LESSONS
        for name, exercise in known(lesson).items()
        for one in kind(exercise)
    ]


def lesson_of(exercise):
    return next(lesson for lesson in LESSONS if exercise in known(lesson).values())


def mutants_for(exercise):
    return [(mutant,) for mutant in mutants(lesson_of(exercise))[0] if mutant.exercise == exercise.name]


@functools.cache
def run_mutant(exercise, mutant):
    return exercise.run(put_in_place(mutant, exercise))


def functions(exercise):
    return [()] if exercise.is_function else []


def with_fallbacks(exercise):
    return [(name,) for name in FALLBACKS] if exercise.is_function else []


def solution(exercise):
    return exercise.namespace()[exercise.variable]


@functools.cache
def visible_answers(exercise):
    """The right answer to every visible case, by its arguments as text."""
    right, book = solution(exercise), {}

    def learn(*args, **kwargs):
        return copy.deepcopy(book.setdefault(written(args, kwargs), right(*args, **kwargs)))

    exercise.run(learn, hidden=False)
    return book


@pytest.mark.parametrize("exercise", every())
def test_solution_earns_full_marks(exercise):
    check = exercise.run(solution(exercise))
    assert check.message == ""
    assert check.earned == check.points == exercise.points


@pytest.mark.parametrize("exercise", every())
def test_released_stub_earns_nothing_and_is_told_kindly(exercise):
    check = exercise.run_stub()
    assert check.earned == 0
    assert "is not written yet" in check.message


@pytest.mark.parametrize(("exercise", "constant"), every(lambda exercise: [(name,) for name in CONSTANTS]))
def test_constant_answer_earns_nothing(exercise, constant):
    value = CONSTANTS[constant]
    answer = (lambda *args, **kwargs: value) if exercise.is_function else value
    assert exercise.run(answer).earned == 0


@pytest.mark.parametrize("exercise", every(functions))
def test_returning_the_first_argument_earns_nothing(exercise):
    assert exercise.run(lambda *args, **kwargs: [*args, *kwargs.values(), None][0]).earned == 0


@pytest.mark.parametrize(("exercise", "mutant"), every(mutants_for))
def test_mutant_loses_marks_and_is_told_its_own_misconception(exercise, mutant):
    check = run_mutant(exercise, mutant)
    assert check.earned < exercise.points
    assert mutant.says in check.message


@pytest.mark.parametrize("exercise", every())
def test_exercise_has_at_least_four_mutants_with_sentences_of_their_own(exercise):
    sentences = [mutant.says for (mutant,) in mutants_for(exercise)]
    assert len(sentences) >= 4
    assert len(set(sentences)) == len(sentences)


@pytest.mark.parametrize("exercise", every(functions))
def test_calling_the_course_s_own_answer_is_caught(exercise):
    shortcuts = mutants(lesson_of(exercise))[1]
    assert exercise.name in shortcuts, "add it to SHORTCUTS (None where coursekit has no such function)"
    if shortcuts[exercise.name] is None:
        pytest.skip("coursekit has no function that answers this")
    check = exercise.run(shortcuts[exercise.name])
    assert check.earned == 0
    assert "write it yourself: your function calls" in check.message


@pytest.mark.parametrize("exercise", every(functions))
def test_answer_that_changes_its_arguments_prints_and_warns_earns_full_marks(exercise, capsys):
    right = solution(exercise)

    def untidy(*args, **kwargs):
        found = right(*copy.deepcopy(args), **copy.deepcopy(kwargs))
        print("working on", args)
        warnings.warn("careful", stacklevel=1)
        for argument in [*args, *kwargs.values()]:
            spoil(argument)
        return found

    assert exercise.run(untidy).earned == exercise.points
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(("exercise", "fallback"), every(with_fallbacks))
def test_lookup_table_of_the_visible_cases_earns_nothing(exercise, fallback):
    book, otherwise = visible_answers(exercise), FALLBACKS[fallback]

    def by_heart(*args, **kwargs):
        asked = written(args, kwargs)
        return copy.deepcopy(book[asked]) if asked in book else otherwise(book)

    assert exercise.run(by_heart, hidden=False).earned == exercise.points
    assert exercise.run(by_heart).earned == 0


@pytest.mark.parametrize("exercise", every())
def test_messages_never_hold_a_traceback_or_the_tests_own_code(exercise):
    answer = (lambda *args, **kwargs: [][1]) if exercise.is_function else object()
    text = exercise.run(answer).message
    for forbidden in ("Traceback", "File ", "gives=", "check.case", "BEGIN", "<cell>"):
        assert forbidden not in text
    assert len(text) < 1500


@pytest.mark.parametrize("lesson", LESSONS)
def test_misconceptions_file_is_what_the_mutants_give(lesson):
    shipped = ROOT / "coursekit" / "checking" / "misconceptions" / f"{lesson}.json"
    assert shipped.read_text(encoding="utf-8") == derive_misconceptions(lesson, root=ROOT)


def test_exercise_names_are_unique_in_the_course():
    names = [name for lesson in LESSONS for name in known(lesson)]
    assert len(set(names)) == len(names)


def test_counts_are_printed():
    rows = [(lesson, exercise) for lesson in LESSONS for exercise in known(lesson).values()]
    made = [(exercise, mutant) for _, exercise in rows for (mutant,) in mutants_for(exercise)]
    caught = sum(
        mutant.says in check.message and check.earned < exercise.points
        for exercise, mutant in made
        for check in [run_mutant(exercise, mutant)]
    )
    print(f"\n{len(rows)} exercises, {len(made)} mutants, {caught} caught, each told its own misconception")
    assert caught == len(made)


def written(args, kwargs):
    """Arguments as text, large arrays in full."""
    with np.printoptions(threshold=sys.maxsize):
        return repr((args, kwargs))


def spoil(argument):
    """Change an argument in place as far as it lets us."""
    if isinstance(argument, np.ndarray) and argument.dtype.kind in "iufb":
        argument[...] = 0
    elif isinstance(argument, (list, dict, set)):
        argument.clear()
    elif hasattr(argument, "zero_"):
        argument.zero_()
    elif hasattr(argument, "columns"):
        argument.drop(columns=list(argument.columns), inplace=True)
