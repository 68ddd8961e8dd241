"""Single values and containers as a tree that JSON can hold, and back.

None, True, texts, decimal numbers, small integers and lists stand for themselves. Anything else is
`{tag: content}`, with one entry in the tables `PACK` and `UNPACK` for each type; `arrays`,
`records` and `tables` add theirs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence

_DEEPEST = 40
_MOST_VALUES = 1_000_000
_MOST_BITS = 33_220  # 10,000 decimal digits
_SMALL = 2**63
# Keys of equal hash make a dictionary quadratic: honest ones rarely share a hash, forged ones all do.
_MOST_OF_ONE_HASH = 64
_IN_JSON = {type(None), bool, float, str, int}


class WireError(ValueError):
    """A value that cannot be sent, or bytes that are no such value."""


class Packer:
    """Turns one value into a tree, and collects the contents of its arrays in `buffers`."""

    def __init__(self) -> None:
        self.buffers: list[bytes] = []
        self._count = 0

    def tree(self, value: object, depth: int = 0) -> object:
        """What JSON holds for this value."""
        self._count += 1
        if depth > _DEEPEST or self._count > _MOST_VALUES:
            raise WireError("the value is too deep or too large to be sent")
        kind = type(value)
        if kind in _IN_JSON and _is_short(value):
            return value
        if kind is list:
            return self.trees(value, depth + 1)
        pack = PACK.get(kind) or next((PACK[test] for test in PACK if _fits(test, value)), None)
        if pack is None:
            raise WireError(f"an object of class {kind.__name__} cannot be sent")
        return pack(self, value, depth + 1)

    def trees(self, values: Sequence, depth: int) -> list:
        """The same for each member."""
        if self._count + len(values) > _MOST_VALUES:
            raise WireError("the value is too large to be sent")
        # Long lists of single values are the ordinary case, and worth a short cut.
        kinds = set(map(type, values))
        if kinds <= _IN_JSON and (int not in kinds or all(map(_is_short, values))):
            self._count += len(values)
            return list(values)
        return [self.tree(value, depth) for value in values]


class Unpacker:
    """Turns a tree back into a value; the contents of arrays are taken from `data` in order."""

    def __init__(self, data: memoryview, trusted: bool) -> None:
        self._data = data
        self.trusted = trusted
        self._count = 0

    def charge(self, count: int) -> None:
        """Count something whose making takes as long as that of so many single values."""
        self._count += count
        if self._count > _MOST_VALUES:
            raise WireError("what was sent is too large")

    def value(self, node: object, depth: int = 0) -> object:
        """The value that this part of the tree stands for."""
        self.charge(1)
        if depth > _DEEPEST:
            raise WireError("what was sent is too deep")
        if type(node) is list:
            return self.values(node, depth + 1)
        if type(node) is not dict:
            return node
        ((tag, content),) = node.items()
        return UNPACK[tag](self, content, depth + 1)

    def values(self, nodes: object, depth: int) -> list:
        """The same for each member of a list."""
        if self._count + len(expect(nodes, list)) > _MOST_VALUES:
            raise WireError("what was sent is too large")
        if set(map(type, nodes)) <= _IN_JSON:
            self._count += len(nodes)
            return nodes
        return [self.value(node, depth) for node in nodes]

    def take(self, size: int) -> memoryview:
        """The next bytes of the arrays' contents."""
        if size > len(self._data):
            raise WireError("what was sent is cut off")
        taken, self._data = self._data[:size], self._data[size:]
        return taken

    def finish(self) -> None:
        """Raises WireError when bytes are left over."""
        if self._data:
            raise WireError("what was sent has bytes left over")


def expect(node: object, *kinds: type) -> object:
    """The node itself, when it is exactly of one of these types."""
    if type(node) not in kinds:
        raise WireError(f"{type(node).__name__} was sent where {kinds[0].__name__} was expected")
    return node


def _is_short(value: object) -> bool:
    """Whether a single value may stand as itself: long integers take JSON a long time."""
    return type(value) is not int or -_SMALL <= value < _SMALL


def _fits(test: object, value: object) -> bool:
    return not isinstance(test, type) and test(value)


def _pack_int(packer: Packer, value: int, depth: int) -> dict:
    if value.bit_length() > _MOST_BITS:
        raise WireError("an integer of more than 10,000 digits cannot be sent")
    return {"int": f"{value:x}"}


def _unpack_int(unpacker: Unpacker, content: object, depth: int) -> int:
    if not re.fullmatch(r"-?[0-9a-f]{1,8305}", expect(content, str)):
        raise WireError("what was sent is no integer")
    return int(content, 16)


def _unpack_complex(unpacker: Unpacker, content: object, depth: int) -> complex:
    real, imaginary = expect(content, list)
    return complex(expect(real, float), expect(imaginary, float))


def _pack_bytes(packer: Packer, value: bytes, depth: int) -> dict:
    packer.buffers.append(value)
    return {"bytes": len(value)}


def _unpack_bytes(unpacker: Unpacker, content: object, depth: int) -> bytes:
    if expect(content, int) < 0:
        raise WireError("what was sent has a negative length")
    return bytes(unpacker.take(content))


def pack_dict(packer: Packer, value: dict, depth: int) -> dict:
    """A dictionary as two lists, its keys and its entries, in order."""
    return {"dict": [packer.trees(list(value), depth), packer.trees(list(value.values()), depth)]}


def unpack_dict(unpacker: Unpacker, content: object, depth: int) -> dict:
    """The inverse of `pack_dict`'s content."""
    keys, entries = expect(content, list)
    keys, entries = _hashable(unpacker.values(keys, depth)), unpacker.values(entries, depth)
    return dict(zip(keys, entries, strict=True))


def _unpack_set(unpacker: Unpacker, content: object, depth: int) -> set:
    return set(_hashable(unpacker.values(content, depth)))


def _hashable(keys: list) -> list:
    if len(keys) > _MOST_OF_ONE_HASH and max(Counter(map(hash, keys)).values()) > _MOST_OF_ONE_HASH:
        raise WireError("what was sent has too many keys of the same hash")
    return keys


# By exact type; `arrays` adds a test for tensors, whose class is known only once torch is imported.
PACK: dict[object, Callable[[Packer, object, int], dict]] = {
    int: _pack_int,
    complex: lambda packer, value, depth: {"complex": [value.real, value.imag]},
    bytes: _pack_bytes,
    tuple: lambda packer, value, depth: {"tuple": packer.trees(value, depth)},
    set: lambda packer, value, depth: {"set": packer.trees(list(value), depth)},
    dict: pack_dict,
}
UNPACK: dict[str, Callable[[Unpacker, object, int], object]] = {
    "int": _unpack_int,
    "complex": _unpack_complex,
    "bytes": _unpack_bytes,
    "tuple": lambda unpacker, content, depth: tuple(unpacker.values(content, depth)),
    "set": _unpack_set,
    "dict": unpack_dict,
}
