"""The known wrong answers of `tests/lessons/mutants` as the text of an answer cell."""

from __future__ import annotations

import ast
import functools

from coursekit.checking.derive import Mutant
from coursekit.checking.replay import Exercise
from coursekit.checking.slicing import needed
from tests.grading.corpus.entry import ROOT


def mutant_text(lesson: str, exercise: Exercise, mutant: Mutant) -> str:
    """The mutant with its helpers and imports, under the name that the exercise asks for."""
    statements = _statements(lesson)
    wanted = mutant.function.__name__
    own = next(one for one in statements if getattr(one, "name", "") == wanted)
    others = [one for one in statements if one is not own]
    text = "\n".join(ast.unparse(one) for one in [*needed(others, [own]), own])
    value = wanted if exercise.is_function else f"{wanted}()"
    return f"{text}\n{exercise.variable} = {value}"


@functools.cache
def _statements(lesson: str) -> list[ast.stmt]:
    """The module's own statements; what only registers a mutant is left out."""
    path = ROOT / "tests" / "lessons" / "mutants" / f"m{lesson}.py"
    kept = []
    for statement in ast.parse(path.read_text("utf-8")).body:
        if isinstance(statement, ast.FunctionDef):
            statement.decorator_list = []
        if not _registers(statement):
            kept.append(statement)
    return kept


def _registers(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.ImportFrom):  # `from . import mutant`, and what a cell may not come after
        return "mutants" in (statement.module or "mutants") or statement.module == "__future__"
    return isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "SHORTCUTS"
