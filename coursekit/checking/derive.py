"""Derive `misconceptions/<lesson>.json` from a lesson's source and its mutants.

A mutant is a plausible wrong answer, kept in `tests/lessons/mutants/mNN_topic.py` where no learner meets
it. What each returns on the visible cases is all that ships.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from coursekit.checking.hints import outcomes
from coursekit.checking.replay import Exercise, exercises

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PACKAGE = "tests.lessons.mutants"


@dataclass(frozen=True)
class Mutant:
    """A wrong answer: for which exercise, the misconception's name, the learner's sentence, the function."""

    exercise: str
    name: str
    says: str
    function: Callable


def mutants_of(root: Path, lesson: str) -> tuple[list[Mutant], dict[str, Callable]]:
    """The mutants of a lesson and its table of forbidden shortcuts {exercise: function}.

    Raises:
        FileNotFoundError: when `tests/lessons/mutants/m<lesson>.py` is missing.
    """
    folder = Path(root) / "tests" / "lessons" / "mutants"
    if not (folder / f"m{lesson}.py").is_file():
        raise FileNotFoundError(f"lesson {lesson} has no mutants: write {folder / f'm{lesson}.py'}")
    with _package(folder) as package:
        module = importlib.import_module(f"{_PACKAGE}.m{lesson}")
        registry = package.REGISTRY
    made = [Mutant(*entry) for where, *entry in registry if where == module.__name__]
    return made, dict(getattr(module, "SHORTCUTS", {}))


def derive_misconceptions(lesson: str, *, root: Path) -> str:
    """What the lesson's file `coursekit/checking/misconceptions/<lesson>.json` must hold; "" without mutants.

    The text depends on nothing but the lesson's source and its mutants: numbers are rounded to six digits,
    mutants keep their order.

    Args:
        lesson: its key, "00_welcome".
        root: the repository.

    Raises:
        ValueError: when a mutant names no exercise of the lesson, passes every visible case, or cannot be
            told from another one by the visible cases.
    """
    root = Path(root)
    known = exercises(root / "solutions" / lesson / f"{lesson}.ipynb")
    try:
        mutants, _ = mutants_of(root, lesson)
    except FileNotFoundError:
        return ""
    for mutant in mutants:
        if mutant.exercise not in {exercise.name for exercise in known}:
            raise ValueError(f"mutant {mutant.name!r} is for {mutant.exercise!r}, no exercise of {lesson}")
    entries = {
        exercise.name: _entry(exercise, [mutant for mutant in mutants if mutant.exercise == exercise.name])
        for exercise in known
    }
    return _laid_out({"lesson": lesson, "exercises": entries})


def put_in_place(mutant: Mutant, exercise: Exercise) -> object:
    """What stands in the learner's notebook: the mutant itself, or its value for a value exercise."""
    return mutant.function if exercise.is_function else mutant.function()


def _entry(exercise: Exercise, mutants: list[Mutant]) -> dict[str, object]:
    solved = exercise.run(exercise.namespace()[exercise.variable], hidden=False)
    if solved.message:
        raise ValueError(f"the solution of {exercise.name!r} fails its own visible test: {solved.message}")
    found: dict[str, dict] = {}
    for mutant in mutants:
        check = exercise.run(put_in_place(mutant, exercise), hidden=False)
        results = outcomes(check.cases)
        key = json.dumps(results)
        if all(result == "right" for result in results):
            raise ValueError(
                f"mutant {mutant.name!r} of {exercise.name!r} passes every visible case: add one"
            )
        if key in found:
            other = found[key]["name"]
            raise ValueError(
                f"mutants {other!r} and {mutant.name!r} of {exercise.name!r} do the same on the visible "
                "cases: add a case that tells them apart"
            )
        found[key] = {"name": mutant.name, "says": mutant.says, "outcomes": results}
    return {"visible": len(solved.cases), "mutants": list(found.values())}


def _laid_out(content: dict) -> str:
    """JSON with one line a mutant: short to read in a diff."""
    blocks = []
    for name, entry in content["exercises"].items():
        lines = ",\n".join(f"   {json.dumps(mutant, ensure_ascii=False)}" for mutant in entry["mutants"])
        blocks.append(f'  {json.dumps(name)}: {{"visible": {entry["visible"]}, "mutants": [\n{lines}\n  ]}}')
    exercises = ",\n".join(blocks)
    return f'{{\n "lesson": {json.dumps(content["lesson"])},\n "exercises": {{\n{exercises}\n }}\n}}\n'


@contextlib.contextmanager
def _package(folder: Path) -> Iterator[ModuleType]:
    """The folder of mutants, freshly imported under the name that its modules use, and forgotten afterwards.

    Loaded by its place: an installed package called `tests` must not come in between.
    """
    before = _taken_out()
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = module
    try:
        spec.loader.exec_module(module)
        yield module
    finally:
        _taken_out()
        sys.modules.update(before)


def _taken_out() -> dict[str, ModuleType]:
    names = [name for name in sys.modules if name == _PACKAGE or name.startswith(f"{_PACKAGE}.")]
    return {name: sys.modules.pop(name) for name in names}
