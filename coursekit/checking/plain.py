"""Turn whatever an answer returned into plain data, so that a comparison is ours and not the object's.

A learner's object may say that it equals everything, call itself a float, or change while it is looked
at. After `plain` only exact built-in types, base-class arrays, tables and tensors are left, and all
else is an `Opaque` that equals nothing.
"""

from __future__ import annotations

import dataclasses
import datetime
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

_DEEPEST = 30


@dataclass(frozen=True, eq=False)
class Opaque:
    """Something that is not data; it equals nothing, itself included. `name` is its class."""

    name: str


@dataclass(frozen=True, eq=False)
class Record:
    """A dataclass instance taken apart: the class's name and its fields as plain data."""

    name: str
    fields: dict[str, object]


def plain(value: object, depth: int = 0) -> object:
    """The same data in exact types, copied.

    Args:
        value: anything at all.
        depth: how deep we are in nested containers; past 30 levels an `Opaque` stands for the rest.

    Returns:
        None, bool, int, float, complex, str, bytes, `pd.Timestamp`, list, tuple, dict, set, `np.ndarray`,
        `csr_array`, `DataFrame`, `Series`, `torch.Tensor`, `Record` or `Opaque`. NumPy scalars become
        Python's, subclasses become their base class, a pandas index becomes an array.
    """
    kind = type(value)  # never value.__class__, which an object may choose
    if value is None or kind is bool or kind is Opaque:
        return value
    if depth > _DEEPEST:
        return Opaque("deeply nested object")
    for convert in (_scalar, _container, _array_like, _torch_tensor, _record):
        found = convert(value, kind, depth)
        if found is not None:
            return found
    return Opaque(kind.__name__)


def is_tensor(value: object) -> bool:
    """Whether this is a torch tensor; torch is asked only when something else has already imported it."""
    torch = sys.modules.get("torch")
    return torch is not None and hasattr(torch, "Tensor") and issubclass(type(value), torch.Tensor)


def _scalar(value: object, kind: type, depth: int) -> object:
    if issubclass(kind, np.generic):
        if issubclass(kind, np.datetime64):
            return pd.Timestamp(value)
        exact = np.generic.item(value)
        return Opaque(kind.__name__) if issubclass(type(exact), np.generic) else plain(exact, depth + 1)
    # The base class's own methods: a subclass may have replaced its copies.
    for base in (int, float, complex):
        if issubclass(kind, base):
            return base.__pos__(value)
    if issubclass(kind, str):
        return str.__str__(value)
    if issubclass(kind, bytes):
        return bytes.__getitem__(value, slice(None))
    if issubclass(kind, datetime.datetime):
        return pd.Timestamp(value)
    return None


def _container(value: object, kind: type, depth: int) -> object:
    for base in (list, tuple, set, frozenset):
        if issubclass(kind, base):
            members = [plain(member, depth + 1) for member in base.__iter__(value)]
            return (set if base is frozenset else base)(members)
    if issubclass(kind, dict):
        return {plain(key, depth + 1): plain(entry, depth + 1) for key, entry in dict.items(value)}
    return None


def _array_like(value: object, kind: type, depth: int) -> object:
    if issubclass(kind, np.ndarray):
        return _plain_array(np.array(value, subok=False, copy=True), depth)
    if issubclass(kind, pd.DataFrame):
        # Column by column and by position: two columns may share a label.
        columns = [_plain_column(value.iloc[:, place], depth) for place in range(value.shape[1])]
        table = pd.DataFrame(dict(enumerate(columns)), index=range(len(value)))
        return table.set_axis(value.columns, axis=1).set_axis(value.index, axis=0)
    if issubclass(kind, pd.Series):
        name = plain(value.name, depth + 1)
        return pd.Series(_plain_column(value, depth), index=value.index, name=name)
    if issubclass(kind, (pd.Index, pd.api.extensions.ExtensionArray)):
        return _plain_column(pd.Series(value), depth)
    if issubclass(kind, (sparse.sparray, sparse.spmatrix)):
        copied = sparse.csr_array(value, copy=True)
        copied.sum_duplicates()
        return copied
    return None


def _plain_array(array: np.ndarray, depth: int) -> np.ndarray:
    if array.dtype.kind != "O":
        return array
    filled = np.empty(array.shape, dtype=object)
    for place, member in np.ndenumerate(array):
        filled[place] = plain(member, depth + 1)
    return filled


def _plain_column(column: pd.Series, depth: int) -> np.ndarray:
    # pandas 2.2 and 3 spell text columns and missing entries differently: one spelling for all.
    kind = getattr(column.dtype, "kind", "O")
    if kind in "iufb" and not column.isna().any():
        return column.to_numpy(dtype={"i": np.int64, "u": np.int64, "f": np.float64, "b": bool}[kind])
    if kind in "iuf":
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind == "M":
        return pd.to_datetime(column, utc=True).dt.tz_localize(None).to_numpy("datetime64[ns]")
    entries = [np.nan if pd.api.types.is_scalar(entry) and pd.isna(entry) else entry for entry in column]
    filled = np.empty(len(entries), dtype=object)
    filled[:] = [plain(entry, depth + 1) for entry in entries]
    return filled


def _torch_tensor(value: object, kind: type, depth: int) -> object:
    if not is_tensor(value):
        return None
    torch = sys.modules["torch"]
    copied = torch.Tensor.detach(value).clone().cpu()
    return (copied.to_dense() if copied.layout != torch.strided else copied).as_subclass(torch.Tensor)


def _record(value: object, kind: type, depth: int) -> object:
    if kind is Record:  # taken apart before
        return Record(value.name, {name: plain(entry, depth + 1) for name, entry in value.fields.items()})
    if not dataclasses.is_dataclass(kind):
        return None
    fields = {field.name: getattr(value, field.name, None) for field in dataclasses.fields(kind)}
    return Record(kind.__name__, {name: plain(entry, depth + 1) for name, entry in fields.items()})
