"""Compare strictly, and say in plain words what differs.

`np.testing.assert_allclose([], 3.0)`, `np.allclose([], 3)` and `torch.allclose(torch.tensor([]), x)` all
pass: broadcasting makes an empty answer equal to anything. Here the kind of object, its shape and the
kind of its entries must agree before any number is looked at. Lenient only where a teacher would be: a
NumPy scalar is a number, and 1 is as good as 1.0 when a single decimal number was expected. True is not 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from coursekit.checking.plain import Opaque, Record, is_tensor, plain
from coursekit.checking.words import entries, family, short


def difference(received: object, expected: object, within: float = 1e-6, reveal: bool = True) -> str | None:
    """What differs between an answer and what was expected, or None when nothing does.

    Args:
        received: anything; converted to plain data first.
        expected: likewise.
        within: numbers agree when |received - expected| <= within * (1 + |expected|). NaN agrees with
            NaN only, infinity with the same infinity only.
        reveal: whether the text may quote expected values; otherwise it says "too large", "too small".

    Example:
        >>> difference([1, 2], [1, 3])
        'element [1] is 2 where 3 was expected'
    """
    return _Comparison(within, reveal).of(plain(received), plain(expected))


def close(received: float, expected: float, within: float = 1e-6) -> bool:
    """Whether two numbers agree, by the rule of `difference`."""
    if received != received or expected != expected:
        return received != received and expected != expected
    try:
        return received == expected or abs(received - expected) <= within * (1 + abs(expected)) < math.inf
    except OverflowError:  # a whole number, or a complex one, beyond all floats
        return False


@dataclass(frozen=True)
class _Comparison:
    within: float
    reveal: bool

    def of(self, received: object, expected: object, where: str = "") -> str | None:
        """The first difference at `where` ("" for the whole answer) or below it."""
        there = f"{where} is " if where else ""
        number = {int, float}
        kinds = {type(received), type(expected)}
        if (type(received) is not type(expected) and not kinds <= number) or type(expected) is Opaque:
            return f"{there}{family(received)} where {family(expected)} was expected"
        if type(expected) is int and type(received) is float:
            return f"{there}a decimal number ({short(received)}) where a whole number was expected"
        return self._by_kind(received, expected, where)

    def _by_kind(self, received: object, expected: object, where: str) -> str | None:
        if is_tensor(expected):
            return self._tensors(received, expected, where)
        compare = {
            list: self._sequences,
            tuple: self._sequences,
            dict: self._dictionaries,
            set: self._sets,
            np.ndarray: self._arrays,
            sparse.csr_array: self._sparse,
            pd.DataFrame: self._frames,
            pd.Series: self._series,
            Record: self._records,
        }
        return compare.get(type(expected), self._single)(received, expected, where)

    def _single(self, received: object, expected: object, where: str) -> str | None:
        if isinstance(expected, (int, float, complex)) and not isinstance(expected, bool):
            if close(received, expected, self.within):
                return None
        elif received == expected:
            return None
        return self._leaf(received, expected, where or "it")

    def _leaf(self, received: object, expected: object, where: str) -> str:
        if self.reveal:
            aside = _aside(received, expected)
            return f"{where} is {short(received)} where {short(expected)} was expected{aside}"
        if isinstance(expected, (int, float)) and received == received and expected == expected:
            return f"{where} is {short(received)}, which is too {'large' if received > expected else 'small'}"
        return f"{where} is {short(received)}, which is not right{_aside(received, expected)}"

    def _sequences(self, received: list | tuple, expected: list | tuple, where: str) -> str | None:
        if len(received) != len(expected):
            counted = _counted(len(received), "element")
            return f"{_at(where)}{family(received)} of {counted} where {len(expected)} were expected"
        pairs = enumerate(zip(received, expected, strict=True))
        return _first(self.of(got, want, f"{where or 'element '}[{place}]") for place, (got, want) in pairs)

    def _dictionaries(self, received: dict, expected: dict, where: str) -> str | None:
        missing = [key for key in expected if key not in received]
        extra = [key for key in received if key not in expected]
        if missing:
            return f"{_at(where)}the key {short(missing[0])} is missing"
        if extra:
            return f"{_at(where)}the key {short(extra[0])} was not expected"
        return _first(
            self.of(received[key], want, f"{where or 'entry '}[{short(key)}]")
            for key, want in expected.items()
        )

    def _sets(self, received: set, expected: set, where: str) -> str | None:
        if expected - received:
            missing = f": {short(min(expected - received, key=str))}" if self.reveal else ""
            return f"{_at(where)}the set lacks something that was expected{missing}"
        if received - expected:
            extra = short(min(received - expected, key=str))
            return f"{_at(where)}the set holds {extra}, which was not expected"
        return None

    def _records(self, received: Record, expected: Record, where: str) -> str | None:
        if received.name != expected.name:
            return f"{_at(where)}{family(received)} where {family(expected)} was expected"
        return self._dictionaries(received.fields, expected.fields, where)

    def _tensors(self, received: object, expected: object, where: str) -> str | None:
        # bfloat16 has no NumPy form; float32 holds every value of it exactly.
        floats = [t.float() if t.is_floating_point() else t for t in (received, expected)]
        return self._arrays(*(tensor.resolve_conj().numpy() for tensor in floats), where)

    def _arrays(self, received: np.ndarray, expected: np.ndarray, where: str) -> str | None:
        if received.shape != expected.shape:
            return f"{_at(where)}shape {received.shape} where {expected.shape} was expected"
        if expected.size and entries(received) != entries(expected):
            return f"{_at(where)}{entries(received)} where {entries(expected)} were expected"
        if expected.dtype.kind in "fiubc":
            return self._numeric_arrays(received, expected, where)
        for place, want in np.ndenumerate(expected):
            found = self.of(plain(received[place]), plain(want), f"{where or 'element '}{_index(place)}")
            if found:
                return found
        return None

    def _numeric_arrays(self, received: np.ndarray, expected: np.ndarray, where: str) -> str | None:
        if expected.dtype.kind in "iub":
            agree = received == expected
        else:
            with np.errstate(all="ignore"):
                tolerance = self.within * (1 + np.abs(expected))
                agree = (received == expected) | (np.abs(received - expected) <= tolerance)
                agree &= np.isfinite(expected) | (received == expected)
            agree |= np.isnan(received) & np.isnan(expected)
        if agree.all():
            return None
        place = tuple(int(axis) for axis in np.argwhere(~agree)[0])
        text = self._leaf(
            plain(received[place]), plain(expected[place]), f"{where or 'element '}{_index(place)}"
        )
        wrong = int((~agree).sum())
        return text if wrong == 1 else f"{text} ({wrong} of {agree.size} elements differ)"

    def _sparse(self, received: sparse.csr_array, expected: sparse.csr_array, where: str) -> str | None:
        if received.shape != expected.shape:
            return f"{_at(where)}shape {received.shape} where {expected.shape} was expected"
        if entries(received) != entries(expected):
            return f"{_at(where)}{entries(received)} where {entries(expected)} were expected"
        # Only the places stored in either; a stored zero is a zero.
        rows, columns = (abs(received.astype(bool)) + abs(expected.astype(bool))).nonzero()
        got, want = (np.asarray(matrix[rows, columns]).ravel() for matrix in (received, expected))
        if len(rows) == 0 or self._numeric_arrays(got, want, "") is None:
            return None
        wrong = next(i for i in range(len(rows)) if self._numeric_arrays(got[i : i + 1], want[i : i + 1], ""))
        place = _index((int(rows[wrong]), int(columns[wrong])))
        return self._leaf(plain(got[wrong]), plain(want[wrong]), f"{where or 'element '}{place}")

    def _frames(self, received: pd.DataFrame, expected: pd.DataFrame, where: str) -> str | None:
        columns = [short(plain(list(table.columns)), 200) for table in (received, expected)]
        if columns[0] != columns[1]:
            return f"{_at(where)}columns {columns[0]} where {columns[1]} were expected"
        if len(received) != len(expected):
            rows = _counted(len(received), "row")
            return f"{_at(where)}a DataFrame of {rows} where {len(expected)} were expected"
        names = [f"{where}column {short(plain(name))} " for name in expected.columns]
        differ = (
            self._arrays(received.iloc[:, i].to_numpy(), expected.iloc[:, i].to_numpy(), name)
            for i, name in enumerate(names)
        )
        return self._indexes(received.index, expected.index, where) or _first(differ)

    def _series(self, received: pd.Series, expected: pd.Series, where: str) -> str | None:
        values = self._arrays(received.to_numpy(), expected.to_numpy(), where)
        if received.shape == expected.shape:
            values = self._indexes(received.index, expected.index, where) or values
        if values is None and received.name != expected.name:
            return f"{_at(where)}a Series named {received.name!r} where {expected.name!r} was expected"
        return values

    def _indexes(self, received: pd.Index, expected: pd.Index, where: str) -> str | None:
        pairs = enumerate(zip(plain(list(received)), plain(list(expected)), strict=True))
        return _first(self.of(got, want, f"{where}the index at [{place}]") for place, (got, want) in pairs)


def _aside(received: object, expected: object) -> str:
    """A hint where two texts differ in something hard to see."""
    if not (isinstance(received, str) and isinstance(expected, str)):
        return ""
    if received.lower() == expected.lower():
        return " (only upper and lower case differ)"
    return " (only spaces differ)" if received.split() == expected.split() else ""


def _first(differences: object) -> str | None:
    return next((found for found in differences if found), None)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}{'' if count == 1 else 's'}"


def _at(where: str) -> str:
    return f"{where}: " if where else ""


def _index(place: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, place))}]"
