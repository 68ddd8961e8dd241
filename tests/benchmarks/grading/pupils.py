"""Honest submissions of which no two are alike, and what each must earn."""

from __future__ import annotations

import ast
import contextlib
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from coursekit.checking.derive import mutants_of
from coursekit.checking.replay import Exercise, exercises
from coursekit.lessons import Course
from tests.grading.corpus.mutants import mutant_text
from tests.grading.courses import REPOSITORY, hand_in, solved

# In this order, so that the even and the odd places of eight have both much and little in them.
KINDS = ("solution", "renamed", "one wrong", "all wrong", "helper", "prints", "half", "not solved")


@dataclass(frozen=True)
class Pupil:
    """One submission: the text of each answer cell, and the points that it must earn."""

    name: str
    kind: str
    answers: Mapping[str, str]
    earns: Mapping[str, float]


def mutants(lesson: str) -> dict[str, list[str]]:
    """The known wrong answers to a lesson of this repository as text, by exercise."""
    found: dict[str, list[str]] = {}
    known = {one.name: one for one in exercises(Course(REPOSITORY).lesson(lesson).source)}
    for mutant in mutants_of(REPOSITORY, lesson)[0]:
        text = mutant_text(lesson, known[mutant.exercise], mutant)
        found.setdefault(mutant.exercise, []).append(text)
    return found


def handed_in(
    course: Course, lesson: str, names: list[str], wrong: Mapping[str, list[str]], again: int = 0
) -> list[Pupil]:
    """Hand in a submission for each name; the kinds take turns.

    Args:
        lesson: its key.
        wrong: wrong answers as text, by exercise.
        again: begin so far on in the turns.
    """
    source = course.lesson(lesson).source
    pupils = [_pupil(name, place, source, wrong) for place, name in enumerate(names, start=again)]
    question = f"open-{lesson[:2]}"
    for pupil in pupils:
        prose = {} if pupil.kind == "not solved" else {question: f"What I, {pupil.name}, think of it."}
        hand_in(course, pupil.name, lesson, {**pupil.answers, **prose})
    return pupils


def _pupil(name: str, place: int, source: Path, wrong: Mapping[str, list[str]]) -> Pupil:
    kind, turn = KINDS[place % len(KINDS)], place // len(KINDS)
    answers, earns = {}, {}
    known = _known(source)
    for number, exercise in enumerate(known.values()):
        text = _text(kind, number, turn, exercise, source, wrong)
        earns[exercise.name] = _worth(source, exercise.name, text)
        # The comment makes each text one of a kind: nothing can be remembered from another submission.
        own = f'print("{name}")\n{text}' if kind == "prints" else text
        answers[exercise.name] = f"# This is how I, {name}, do it\n{own}"
    return Pupil(name, kind, answers, earns)


def _text(
    kind: str, number: int, turn: int, exercise: Exercise, source: Path, wrong: Mapping[str, list[str]]
) -> str:
    known = _known(source)
    right = _solved(source)[exercise.name]
    if kind == "all wrong" or (kind == "one wrong" and number == turn % len(known)):
        texts = wrong[exercise.name]
        return texts[turn % len(texts)]
    if kind == "not solved" or (kind == "half" and number >= len(known) / 2):
        return exercise.stub
    if kind == "renamed":
        return _renamed(right, f"_{turn}")
    if kind == "helper" and exercise.is_function:
        name = exercise.variable
        return f"{right}\n\n\nfirst_{name} = {name}\n\n\ndef {name}(*given):\n    return first_{name}(*given)"
    return right


def _renamed(text: str, end: str) -> str:
    """The same code with other names for what is local to its functions."""
    tree = ast.parse(text)
    for function in (node for node in tree.body if isinstance(node, ast.FunctionDef)):
        nodes = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
        kept = {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
        local = {node.id for node in nodes if isinstance(node.ctx, ast.Store)} - kept
        for node in nodes:
            node.id += end if node.id in local else ""
    return ast.unparse(tree)


@cache
def _known(source: Path) -> dict[str, Exercise]:
    return {exercise.name: exercise for exercise in exercises(source)}


@cache
def _solved(source: Path) -> dict[str, str]:
    return solved(Course(source.parents[2]), source.stem)


@cache
def _worth(source: Path, name: str, text: str) -> float:
    """Points of an answer, found without the grader: the text runs here, in this process."""
    exercise = _known(source)[name]
    if text == exercise.stub:
        return 0.0
    names = exercise.namespace()
    with warnings.catch_warnings(), contextlib.redirect_stdout(None):
        warnings.simplefilter("ignore")
        exec(compile(text, "<answer>", "exec"), names)
        return float(exercise.run(names[exercise.variable]).earned)
