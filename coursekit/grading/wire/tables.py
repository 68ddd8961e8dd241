"""Tables, series and their indexes on the wire."""

from __future__ import annotations

import numpy as np
import pandas as pd

from coursekit.checking.plain import plain
from coursekit.grading.wire.arrays import native
from coursekit.grading.wire.values import PACK, UNPACK, Packer, Unpacker, WireError, expect

_MOST_COLUMNS = 100_000
# A range needs no bytes, and pandas takes its time over the rows of an index with levels.
_MOST_IN_RANGE = 1_000_000
_MOST_WITH_LEVELS = 100_000
# What making a table, an index and a column costs, in single values: a second for all that is allowed.
_TABLE, _INDEX, _COLUMN = 300, 200, 5


def _pack_frame(packer: Packer, table: pd.DataFrame, depth: int) -> dict:
    if table.shape[1] > _MOST_COLUMNS:
        raise WireError(f"a DataFrame of more than {_MOST_COLUMNS} columns cannot be sent")
    columns = [table.iloc[:, place].to_numpy() for place in range(table.shape[1])]
    indexes = [_pack_index(packer, index, depth) for index in (table.index, table.columns)]
    return {"frame": [*indexes, packer.trees(columns, depth)]}


def _unpack_frame(unpacker: Unpacker, content: object, depth: int) -> pd.DataFrame:
    rows, labels, nodes = expect(content, list)
    if len(expect(nodes, list)) > _MOST_COLUMNS:
        raise WireError("a DataFrame of too many columns was sent")
    unpacker.charge(_TABLE + _COLUMN * len(nodes))
    rows, labels = _unpack_index(unpacker, rows, depth), _unpack_index(unpacker, labels, depth)
    columns = [_column(unpacker, node, depth, len(rows)) for node in nodes]
    table = pd.DataFrame(dict(enumerate(columns)), index=range(len(rows)))
    return table.set_axis(labels, axis=1).set_axis(rows, axis=0)


def _pack_series(packer: Packer, series: pd.Series, depth: int) -> dict:
    index = _pack_index(packer, series.index, depth)
    return {"series": [index, packer.tree(series.name, depth), packer.tree(series.to_numpy(), depth)]}


def _unpack_series(unpacker: Unpacker, content: object, depth: int) -> pd.Series:
    index, name, values = expect(content, list)
    unpacker.charge(_TABLE)
    index, name = _unpack_index(unpacker, index, depth), unpacker.value(name, depth)
    return pd.Series(_column(unpacker, values, depth, len(index)), index=index, name=name)


def _column(unpacker: Unpacker, node: object, depth: int, length: int) -> np.ndarray:
    column = native(expect(unpacker.value(node, depth), np.ndarray))
    if column.shape != (length,):
        raise WireError("a column was sent that is longer or shorter than its index")
    return column


def _pack_index(packer: Packer, index: pd.Index, depth: int) -> list:
    """How the labels are written, the names of the levels, the labels."""
    names = packer.trees([plain(name) for name in index.names], depth)
    if type(index) is pd.RangeIndex and len(index) <= _MOST_IN_RANGE:
        return ["range", names, [index.start, index.stop, index.step]]
    if isinstance(index, pd.MultiIndex):
        if len(index) > _MOST_WITH_LEVELS:
            raise WireError(f"an index with levels and more than {_MOST_WITH_LEVELS} rows cannot be sent")
        levels = [index.get_level_values(place) for place in range(index.nlevels)]
        return ["levels", names, [_pack_index(packer, level, depth) for level in levels]]
    if isinstance(index.dtype, np.dtype) and index.dtype.kind in "biufcM":
        return ["array", names, packer.tree(index.to_numpy(), depth)]
    return ["labels", names, packer.tree(plain(list(index)), depth)]


def _unpack_index(unpacker: Unpacker, node: object, depth: int, *, inner: bool = False) -> pd.Index:
    how, names, content = expect(node, list)
    unpacker.charge(_INDEX)
    names = unpacker.values(names, depth)
    if how == "levels" and not inner:
        levels = [_unpack_index(unpacker, level, depth, inner=True) for level in expect(content, list)]
        if len(levels[0]) > _MOST_WITH_LEVELS:
            raise WireError("an index with too many rows was sent")
        return pd.MultiIndex.from_arrays(levels, names=names)
    index = _flat_index(unpacker, how, content, depth)
    return index.set_names(names)


def _flat_index(unpacker: Unpacker, how: object, content: object, depth: int) -> pd.Index:
    if how == "range":
        start, stop, step = (expect(number, int) for number in expect(content, list))
        if len(range(start, stop, step)) > _MOST_IN_RANGE:
            raise WireError("an index with too many rows was sent")
        return pd.RangeIndex(start, stop, step)
    if how == "array":
        return pd.Index(native(expect(unpacker.value(content, depth), np.ndarray)))
    if how != "labels":
        raise WireError("an index of an unknown kind was sent")
    labels = unpacker.values(content, depth)
    # Each version of pandas has its own type for texts; labels of other kinds stay as they are.
    texts = bool(labels) and set(map(type, labels)) == {str}
    return pd.Index(labels) if texts else pd.Index(labels, dtype=object, tupleize_cols=False)


PACK[pd.DataFrame] = _pack_frame
PACK[pd.Series] = _pack_series
UNPACK["frame"] = _unpack_frame
UNPACK["series"] = _unpack_series
