"""Recognise a misconception by what an answer returns, not by how it is written.

For each exercise `misconceptions/<lesson>.json` holds what every known wrong answer (mutant) returns on
the visible cases. The files are derived, see `coursekit.checking.derive`; learners get only results.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy import sparse

from coursekit.checking.plain import Record, is_tensor

if TYPE_CHECKING:
    from coursekit.checking.check import Case

_KEPT = 60  # entries written down of a large array; the sum stands for the others


@dataclass(frozen=True)
class Known:
    """A misconception that matched: its name, its sentence, how many leading cases are the visible ones."""

    name: str
    says: str
    visible: int


def misconception(exercise: str, cases: Sequence[Case]) -> Known | None:
    """The known misconception whose outcomes on the visible cases are these, or None.

    The visible cases are the first ones of a test. Outcomes agree when they are right in the same cases
    and wrong in the same way in the others; numbers may differ by one part in ten thousand.
    """
    entry = _known().get(exercise)
    if entry is None or len(cases) < entry["visible"]:
        return None
    found = outcomes(cases[: entry["visible"]])
    if all(outcome == "right" for outcome in found):
        return None
    for mutant in entry["mutants"]:
        if _alike(found, mutant["outcomes"]):
            return Known(mutant["name"], mutant["says"], entry["visible"])
    return None


def outcomes(cases: Sequence[Case]) -> list[object]:
    """What came of each case, as JSON: "right", {"raised": class} or {"value": data}."""
    return [_outcome(case) for case in cases]


def encode(value: object) -> object:
    """Plain data as JSON that keeps kinds apart (list, tuple, array) and rounds to six digits."""
    if isinstance(value, (bool, int, str)) or value is None:
        return value
    if isinstance(value, float):
        return _rounded(value)
    if isinstance(value, (list, tuple)):
        return {type(value).__name__: [encode(member) for member in value]}
    if isinstance(value, set):
        return {"set": sorted((encode(member) for member in value), key=lambda one: json.dumps(one))}
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(entry)] for key, entry in value.items()]}
    if isinstance(value, Record):
        return {value.name: encode(value.fields)}
    return _encoded_array(value)


def _outcome(case: Case) -> object:
    if not case.wrong:
        return "right"
    if case.outcome.kind == "raised":
        return {"raised": case.outcome.errors[0]}
    return {"value": encode(case.outcome.value)} if case.outcome.kind == "value" else case.outcome.kind


def _encoded_array(value: object) -> object:
    if is_tensor(value):
        floating = value.is_floating_point()
        return {"tensor": _encoded_array((value.float() if floating else value).resolve_conj().numpy())}
    if sparse.issparse(value):
        parts = value.tocoo()
        return {"sparse": [list(value.shape), *map(_encoded_array, (parts.row, parts.col, parts.data))]}
    if isinstance(value, pd.DataFrame):
        columns = [
            [encode(name), _encoded_array(value.iloc[:, i].to_numpy())] for i, name in enumerate(value)
        ]
        return {"frame": columns}
    if isinstance(value, pd.Series):
        return {"series": _encoded_array(value.to_numpy())}
    if not isinstance(value, np.ndarray):
        return {"object": str(getattr(value, "name", type(value).__name__))}
    flat = [encode(entry) if value.dtype.kind != "M" else str(entry) for entry in value.ravel().tolist()]
    written = {"shape": list(value.shape), "of": value.dtype.kind, "entries": flat[:_KEPT]}
    if len(flat) > _KEPT and value.dtype.kind in "iufb":
        written["sum"] = _rounded(float(value.sum()))
    return {"array": written}


def _rounded(number: float) -> object:
    if not math.isfinite(number):
        return {"float": str(number)}
    return 0.0 if abs(number) < 1e-9 else float(f"{number:.6g}")


def _alike(found: object, known: object) -> bool:
    numbers = [isinstance(one, (int, float)) and not isinstance(one, bool) for one in (found, known)]
    if all(numbers):
        try:
            return math.isclose(found, known, rel_tol=1e-4, abs_tol=1e-6)
        except OverflowError:  # a whole number beyond all floats
            return found == known
    if type(found) is not type(known):
        return False
    if isinstance(found, dict):
        return found.keys() == known.keys() and all(_alike(found[key], known[key]) for key in found)
    if isinstance(found, list):
        return len(found) == len(known) and all(map(_alike, found, known))
    return found == known


@functools.cache
def _known() -> dict[str, dict]:
    """Every exercise of every lesson; exercise names are unique in the course."""
    folder = resources.files("coursekit.checking") / "misconceptions"
    found: dict[str, dict] = {}
    if folder.is_dir():
        for file in sorted(folder.iterdir(), key=lambda one: one.name):
            if file.name.endswith(".json"):
                found |= json.loads(file.read_text(encoding="utf-8"))["exercises"]
    return found
