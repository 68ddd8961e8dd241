"""Which few steps a learner's process must run before one answer can be called."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from coursekit.checking.slicing import needed, python_of, statements
from coursekit.grading.room import Step
from coursekit.grading.template import Template
from coursekit.lessons.rules.cells import nbgrader, tagged

_PRELUDE = {"setup", "parameters"}
_LONGEST_FOR_IPYTHON = 5_000
_MOST_MAGICS = 50


@dataclass(frozen=True)
class _Unit:
    """A statement of our story, or a whole answer cell: what the learner wrote is never taken apart."""

    step: Step
    tree: ast.stmt
    always: bool = False


def steps_for(
    template: Template, exercise: str, answers: Mapping[str, str], also: Iterable[str] = ()
) -> list[Step]:
    """The steps for one exercise, its own answer cell last.

    Our own text is cut down to the statements on which the learner's cell depends; test cells never run
    there. Earlier answers of the same learner run where the cell needs them.

    Args:
        exercise: grade_id of its answer cell.
        answers: the learner's text by grade_id; where one is missing the released stub stands.
        also: names that the cell needs although its text does not show it (it uses `globals()`, say).
    """
    units, own = _units(template, exercise, answers)
    trees = [*([tree] if (tree := _cell(own.text)) else []), *statements(also)]
    try:
        chosen = set(map(id, needed([unit.tree for unit in units], trees)))
    except Exception:  # nested beyond all reason
        chosen = set()
    return [*(unit.step for unit in units if unit.always or id(unit.tree) in chosen), own]


def _units(template: Template, exercise: str, answers: Mapping[str, str]) -> tuple[list[_Unit], Step]:
    slots = {slot.id: slot for slot in template.slots if slot.cell_type == "code"}
    found: list[_Unit] = []
    for cell_id, units in _story(template):
        if cell_id not in slots:
            found += units
            continue
        step = Step("answer", cell_id, answers.get(cell_id, slots[cell_id].stub))
        if cell_id == exercise:
            return found, step
        if tree := _cell(step.text):
            found.append(_Unit(step, tree))
    raise LookupError(f"{template.key} has no answer cell {exercise!r}")


@functools.lru_cache(maxsize=8)
def _story(template: Template) -> list[tuple[str, list[_Unit]]]:
    """The lesson's code cells in order: our statements; nothing yet for an answer cell; no test cells."""
    found = []
    for cell in template.source["cells"]:
        role = nbgrader(cell)
        if cell["cell_type"] != "code" or (role and not role["solution"]):
            continue
        always = any(tagged(cell, tag) for tag in _PRELUDE)
        trees = [] if role else statements([cell["source"]])
        units = [_Unit(Step("story", cell["id"], ast.unparse(tree)), tree, always) for tree in trees]
        found.append((cell["id"], units))
    return found


@functools.lru_cache(maxsize=1024)
def _cell(text: str) -> ast.stmt | None:
    """A learner's cell as one statement; None when it is empty, or no Python even with IPython's help."""
    for python in (python_of, _without_ipython):
        try:
            body = ast.parse(python(text)).body
            return ast.fix_missing_locations(ast.If(ast.Constant(True), body, [])) if body else None
        except Exception:  # the text may be made to break whoever reads it
            continue
    return None


def _without_ipython(text: str) -> str:
    """IPython's own reading of a cell: `files = !ls` and `len?` become calls."""
    from IPython.core.inputtransformer2 import TransformerManager

    # It begins anew after every such line: what nobody would write by hand could take minutes.
    if len(text) > _LONGEST_FOR_IPYTHON or sum(map(text.count, "!?%")) > _MOST_MAGICS:
        return text
    return TransformerManager().transform_cell(text)
