"""The one short text that a learner reads when an answer is not right yet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coursekit.checking.hints import misconception
from coursekit.checking.words import family, short, size

if TYPE_CHECKING:
    from coursekit.checking.check import Case, Check

_POINTS = re.compile(r"^\S+: \S+ of \S+ points\. ")


def message(check: Check) -> str:
    """What is wrong, in words, then the smallest failing input; empty when everything passes.

    The first sentence is the misconception's when the outcomes match one that is known. Never in the
    text: the code of a solution or of a test, and no traceback.
    """
    failing = [case for case in check.cases if case.wrong]
    if not failing:
        return ""
    special = _not_examined(check, failing)
    if special:
        return with_points(check.name, check.earned, check.points, special)
    known = misconception(check.name, check.cases)
    candidates = [case for case in check.cases[: known.visible] if case.wrong] if known else failing
    case = min(candidates, key=lambda one: size(list(one.args)) + size(one.kwargs))
    sentence = known.says if known else _sentence(check, case)
    return "\n".join([with_points(check.name, check.earned, check.points, sentence), *_shown(check, case)])


def with_points(name: str, earned: float, points: float, text: str) -> str:
    """The text behind the exercise's name and its points, as every message begins."""
    return f"{name}: {earned:g} of {points:g} points. {text}"


def without_points(text: str) -> str:
    """A message without its beginning, for those who show name and points by themselves."""
    return _POINTS.sub("", text)


def _not_examined(check: Check, failing: list[Case]) -> str:
    """Sentences for answers whose results are beside the point."""
    by_kind = {case.outcome.kind: case for case in failing}
    if "no function" in by_kind:
        found = family(by_kind["no function"].outcome.value)
        return f"`{check.function_name}` should be a function, and is {found}. Define it with `def`."
    if "shortcut" in by_kind:
        called = by_kind["shortcut"].outcome.message
        return f"Here you are to write it yourself: your function calls {called}. Do without that call."
    if all(case.outcome.kind == "unsolved" for case in failing):
        return (
            f"`{check.function_name}` is not written yet. Put your code where the cell says YOUR CODE HERE."
        )
    return ""


def _sentence(check: Check, case: Case) -> str:
    outcome = case.outcome
    where = f' (part "{check.parts[case.part]}")' if check.parts[case.part] else ""
    if outcome.kind == "raised":
        place = f" on line {outcome.line}" if outcome.line else ""
        said = f": {outcome.message}" if outcome.message else ""
        return f"Your function raised {outcome.errors[0]}{said}{'' if not place else ',' + place}{where}."
    if outcome.kind == "stopped":
        return f"It was stopped, because it {outcome.message}{where}."
    if outcome.kind == "unsolved":
        return f"For this input your function raises NotImplementedError{where}."
    text = case.wrong[:1].upper() + case.wrong[1:] if case.wrong else ""
    return f"{text}{where}."


def _shown(check: Check, case: Case) -> list[str]:
    if case.is_value:
        return [f"  {check.function_name} is {short(case.outcome.value)}"]
    given = [short(arg) for arg in case.args]
    given += [f"{name}={short(value)}" for name, value in case.kwargs.items()]
    lines = [f"  {check.function_name}({', '.join(given)})"]
    lines.append(f"  expected: {case.wanted}")
    if case.outcome.kind == "value":
        lines.append(f"  received: {short(case.outcome.value)}")
    if case.outcome.printed.strip():
        lines.append(f"  printed:  {short(case.outcome.printed.strip())}")
    return lines
