"""Plain data in plain words: what something is called, and how it looks when shortened to a line."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from scipy import sparse

from coursekit.checking.plain import Opaque, Record, is_tensor

_FAMILIES = {
    type(None): "None",
    bool: "True or False",
    int: "a number",
    float: "a number",
    complex: "a complex number",
    str: "a text",
    bytes: "bytes",
    list: "a list",
    tuple: "a tuple",
    dict: "a dictionary",
    set: "a set",
    np.ndarray: "an array",
    sparse.csr_array: "a sparse matrix",
    pd.DataFrame: "a DataFrame",
    pd.Series: "a Series",
    pd.Timestamp: "a date",
}
_LONGEST_INT = 10_000  # bits, about 3,000 digits
_ENTRIES = {"b": "True and False", "i": "whole numbers", "u": "whole numbers", "f": "decimal numbers"}
_ENTRIES |= {"c": "complex numbers", "M": "dates", "m": "durations"}


def family(value: object) -> str:
    """What this plain value is, with its article: "an array", "a list", "a number"."""
    if is_tensor(value):
        return "a tensor"
    if type(value) in (Opaque, Record):
        return f"an object of class {value.name}"
    return _FAMILIES.get(type(value), f"an object of class {type(value).__name__}")


def entries(array: np.ndarray) -> str:
    """What an array holds: "whole numbers", "decimal numbers", "True and False", "texts or objects"."""
    return _ENTRIES.get(array.dtype.kind, "texts or objects")


def size(value: object) -> int:
    """How many single values plain data holds: the smallest failing input is the easiest to think about."""
    if isinstance(value, (list, tuple, set)):
        return 1 + sum(size(member) for member in value)
    if isinstance(value, dict):
        return 1 + sum(size(member) for member in value.values())
    if isinstance(value, Record):
        return 1 + size(value.fields)
    if isinstance(value, str):
        return 1 + len(value) // 10
    if sparse.issparse(value):
        return 1 + value.nnz
    if is_tensor(value):
        return 1 + value.numel()
    return 1 + int(getattr(value, "size", 0))


def short(value: object, limit: int = 160) -> str:
    """A repr of plain data of about `limit` characters, on one line except for small tables."""
    text = _written(value, limit)
    if "\n" in text:  # a small table: its own lines, whole
        return text
    return text if len(text) <= limit else f"{text[: limit - 2]} …"


def _written(value: object, limit: int) -> str:
    if type(value) is int and value.bit_length() > _LONGEST_INT:  # Python itself refuses to write it
        return f"a whole number of about {round(value.bit_length() * math.log10(2))} digits"
    if type(value) is float:
        return f"{value:.8g}" if value != round(value, 1) else repr(value)
    if type(value) in (list, tuple, set, dict):
        return _written_container(value, limit)
    if type(value) is np.ndarray:
        return _written_array(value, "array")
    if is_tensor(value):
        return _written_array(value.float().numpy() if value.is_floating_point() else value.numpy(), "tensor")
    if sparse.issparse(value):
        shape = f"a sparse matrix of shape {value.shape} with {value.nnz} entries"
        return (
            f"{shape}: {short(value.toarray().tolist())}" if value.shape[0] * value.shape[1] <= 40 else shape
        )
    if type(value) in (pd.DataFrame, pd.Series):
        return _written_table(value)
    if type(value) is Record:
        return f"{value.name}({', '.join(f'{k}={short(v, 40)}' for k, v in value.fields.items())})"
    return f"an object of class {value.name}" if type(value) is Opaque else repr(value)


def _written_container(value: list | tuple | set | dict, limit: int) -> str:
    opening, closing = {list: "[]", tuple: "()", set: "{}", dict: "{}"}[type(value)]
    parts = []
    for member in value.items() if type(value) is dict else value:
        if sum(map(len, parts)) > limit:  # the rest would be cut off anyway
            parts.append(f"… {len(value)} in all")
            break
        pair = type(value) is dict
        parts.append(f"{short(member[0])}: {short(member[1])}" if pair else short(member))
    if type(value) is set and not value:
        return "set()"
    return f"{opening}{', '.join(parts)}{',' if type(value) is tuple and len(value) == 1 else ''}{closing}"


def _written_array(array: np.ndarray, name: str) -> str:
    if array.size > 40:
        return (
            f"{name} of shape {array.shape}, {entries(array)}: {short(array.ravel()[:5].tolist())[:-1]}, …]"
        )
    kind = "" if array.size else f", shape={array.shape}"
    return f"{name}({short(array.tolist(), 400)}{kind})"


def _written_table(table: pd.DataFrame | pd.Series) -> str:
    if table.size > 40:
        columns = f", columns {short(list(table.columns))}" if isinstance(table, pd.DataFrame) else ""
        return f"{family(table)} of {len(table)} rows{columns}"
    return "\n" + table.to_string()
