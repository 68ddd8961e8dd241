"""Arrays, sparse matrices, tensors and times on the wire."""

from __future__ import annotations

import datetime
import math
import re

import numpy as np
import pandas as pd
from scipy import sparse

from coursekit.checking.plain import is_tensor
from coursekit.grading.wire.values import PACK, UNPACK, Packer, Unpacker, WireError, expect

# Plain dtypes only: no subarrays, no structures, no objects, no texts of zero or a million characters.
_DTYPE = re.compile(
    r"\|b1|[<>|][iu][1248]|[<>]f[248]|[<>]c(8|16)|\|S[1-9]\d{0,5}|[<>]U[1-9]\d{0,5}"
    r"|[<>][mM]8\[(Y|M|W|D|h|m|s|ms|us|ns|ps|fs|as)\]",
    re.ASCII,
)
_MOST_DIMENSIONS = 32
# An empty array needs no bytes whatever its shape says, so its shape has a bound of its own.
_MOST_EMPTY = 1_000_000
_SPARSE = "?bBhHiIlLqQfdFD"  # the dtypes, by their letters, that scipy can compute with
_LAST_CHARACTER = 0x10FFFF
_TENSORS = {
    *("bool", "uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64", "float8_e4m3fn", "float8_e5m2"),
    *("complex64", "complex128"),
}


def _pack_array(packer: Packer, array: np.ndarray, depth: int) -> dict:
    if array.dtype.kind == "T":  # NumPy's texts of varying length
        array = array.astype(object)
    if array.dtype.kind == "O":
        return {"objects": [list(array.shape), packer.trees(array.ravel().tolist(), depth)]}
    if array.dtype.char in "gG":  # a longdouble's bytes mean something else on another machine
        array = array.astype({"g": np.float64, "G": np.complex128}[array.dtype.char])
    if array.dtype.kind in "SU" and array.dtype.itemsize == 0:
        array = array.astype(f"{array.dtype.kind}1")
    if not _DTYPE.fullmatch(array.dtype.str):
        raise WireError(f"an array of dtype {array.dtype} cannot be sent")
    packer.buffers.append(array.tobytes())
    return {"array": [array.dtype.str, list(array.shape)]}


def _unpack_array(unpacker: Unpacker, content: object, depth: int) -> np.ndarray:
    name, shape = expect(content, list)
    if not _DTYPE.fullmatch(expect(name, str)):
        raise WireError(f"an array of an unknown dtype was sent: {name[:40]!r}")
    dtype, size = np.dtype(name), _size(shape)
    part = unpacker.take(size * dtype.itemsize)
    if not size:
        return np.empty(shape, dtype)
    array = np.frombuffer(part, dtype)
    _check_entries(array)
    return array.reshape(shape).copy()


def _unpack_objects(unpacker: Unpacker, content: object, depth: int) -> np.ndarray:
    shape, nodes = expect(content, list)
    if _size(shape) != len(expect(nodes, list)):
        raise WireError("what was sent has another shape than it says")
    filled = np.empty(len(nodes), dtype=object)
    for place, member in enumerate(unpacker.values(nodes, depth)):  # filled[:] = would look into members
        filled[place] = member
    return filled.reshape(shape)


def _size(shape: object) -> int:
    """The number of entries that a shape asks for."""
    for axis in expect(shape, list):
        if expect(axis, int) < 0:
            raise WireError("what was sent has a negative length")
    bulk = math.prod(axis for axis in shape if axis) if 0 in shape else 0
    if len(shape) > _MOST_DIMENSIONS or bulk > _MOST_EMPTY:
        raise WireError("what was sent has a shape that nothing has")
    return math.prod(shape)


def _check_entries(array: np.ndarray) -> None:
    """Refuse bytes that are no entry of their dtype: NumPy trusts them and would stumble later."""
    kind = array.dtype.kind
    if kind == "b":
        _check_truth(array.view(np.uint8))
    elif kind == "U":
        points = array.view(f"{array.dtype.str[0]}u4")
        if points.max() > _LAST_CHARACTER:
            raise WireError("what was sent holds a character that does not exist")
    elif kind == "M":
        unit = np.datetime_data(array.dtype)[0]
        known = array[~np.isnat(array)].astype(np.int64)
        for extreme in (known.min(), known.max()) if known.size else ():
            pd.Timestamp(np.datetime64(int(extreme), unit))  # raises for a year that is none


def _check_truth(entries: np.ndarray) -> None:
    if entries.max() > 1:
        raise WireError("what was sent is neither True nor False")


def native(array: np.ndarray) -> np.ndarray:
    """The array in this machine's byte order: pandas and scipy know no other."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _pack_sparse(packer: Packer, matrix: sparse.csr_array, depth: int) -> dict:
    if len(matrix.shape) != 2 or matrix.dtype.char not in _SPARSE:
        raise WireError(f"a sparse matrix of shape {matrix.shape} and dtype {matrix.dtype} cannot be sent")
    parts = [packer.tree(part, depth) for part in (matrix.data, matrix.indices, matrix.indptr)]
    return {"sparse": [[int(axis) for axis in matrix.shape], *parts]}


def _unpack_sparse(unpacker: Unpacker, content: object, depth: int) -> sparse.csr_array:
    shape, *parts = expect(content, list)
    _size(shape)
    data, indices, starts = (native(expect(unpacker.value(part, depth), np.ndarray)) for part in parts)
    flat = data.ndim == indices.ndim == starts.ndim == 1
    if not flat or data.dtype.char not in _SPARSE or indices.dtype.kind + starts.dtype.kind != "ii":
        raise WireError("what was sent is no sparse matrix")
    if len(shape) != 2 or len(starts) != shape[0] + 1 or len(indices) != len(data) or starts[-1] != len(data):
        raise WireError("what was sent is no sparse matrix")
    matrix = sparse.csr_array((data, indices, starts), shape=tuple(shape))
    matrix.check_format(full_check=True)  # places outside of the matrix would be read from our memory
    return matrix


def _pack_tensor(packer: Packer, tensor: object, depth: int) -> dict:
    import torch

    name = str(tensor.dtype).removeprefix("torch.")
    if name not in _TENSORS or tensor.layout != torch.strided:
        raise WireError(f"a tensor of dtype {name} and layout {tensor.layout} cannot be sent")
    flat = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous().reshape(-1)
    packer.buffers.append(flat.view(torch.uint8).numpy().tobytes())
    return {"tensor": [name, list(tensor.shape)]}


def _unpack_tensor(unpacker: Unpacker, content: object, depth: int) -> object:
    name, shape = expect(content, list)
    if name not in _TENSORS:
        raise WireError("a tensor of an unknown dtype was sent")
    import torch

    dtype, size = getattr(torch, name), _size(shape)
    part = unpacker.take(size * dtype.itemsize)
    if not size:
        return torch.empty(shape, dtype=dtype)
    if name == "bool":
        _check_truth(np.frombuffer(part, np.uint8))
    return torch.frombuffer(bytearray(part), dtype=dtype).reshape(shape)


def _pack_time(packer: Packer, value: pd.Timestamp, depth: int) -> dict:
    moment, shift = value.to_datetime64(), value.utcoffset()  # in UTC
    unit = np.datetime_data(moment.dtype)[0]
    return {"time": [unit, int(moment.astype(np.int64)), None if shift is None else shift.total_seconds()]}


def _unpack_time(unpacker: Unpacker, content: object, depth: int) -> object:
    if content is None:
        return pd.NaT
    unit, count, shift = expect(content, list)
    if unit not in ("s", "ms", "us", "ns"):
        raise WireError("a time of an unknown unit was sent")
    moment = pd.Timestamp(np.datetime64(expect(count, int), unit))
    if expect(shift, float, type(None)) is None:
        return moment
    zone = datetime.timezone(datetime.timedelta(seconds=shift))
    return moment.tz_localize(datetime.UTC).tz_convert(zone)


PACK[np.ndarray] = _pack_array
PACK[sparse.csr_array] = _pack_sparse
PACK[is_tensor] = _pack_tensor
PACK[pd.Timestamp] = _pack_time
PACK[type(pd.NaT)] = lambda packer, value, depth: {"time": None}
UNPACK["array"] = _unpack_array
UNPACK["objects"] = _unpack_objects
UNPACK["sparse"] = _unpack_sparse
UNPACK["tensor"] = _unpack_tensor
UNPACK["time"] = _unpack_time
