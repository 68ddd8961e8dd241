"""Records on the wire: what came of a call, its rules, random generators, objects that are no data."""

from __future__ import annotations

import numpy as np

from coursekit.checking.call import Outcome, Rules
from coursekit.checking.plain import Opaque, Record
from coursekit.grading.wire.values import (
    PACK,
    UNPACK,
    Packer,
    Unpacker,
    WireError,
    expect,
    pack_dict,
    unpack_dict,
)

# These texts end up in what a learner reads, so they are bounded; `examine` keeps well below.
_LONGEST_NAME = 500
_LONGEST_TEXT = 5_000
_GENERATORS = ("PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64")


def _unpack_opaque(unpacker: Unpacker, content: object, depth: int) -> Opaque:
    return Opaque(_text(content, _LONGEST_NAME))


def _pack_record(packer: Packer, value: Record, depth: int) -> dict:
    return {"record": [value.name, *pack_dict(packer, value.fields, depth)["dict"]]}


def _unpack_record(unpacker: Unpacker, content: object, depth: int) -> Record:
    name, *fields = expect(content, list)
    fields = unpack_dict(unpacker, fields, depth)
    return Record(_text(name, _LONGEST_NAME), {expect(key, str): entry for key, entry in fields.items()})


def _pack_outcome(packer: Packer, value: Outcome, depth: int) -> dict:
    rest = [list(value.errors), value.message, value.line, value.printed]
    return {"outcome": [value.kind, packer.tree(value.value, depth), *rest]}


def _unpack_outcome(unpacker: Unpacker, content: object, depth: int) -> Outcome:
    kind, value, errors, message, line, printed = expect(content, list)
    if kind == "raised" and not errors:
        raise WireError("an error without a name was sent")
    return Outcome(
        kind=_text(kind, _LONGEST_NAME),
        value=unpacker.value(value, depth),
        errors=_texts(errors),
        message=_text(message, _LONGEST_TEXT),
        line=expect(line, int, type(None)),
        printed=_text(printed, _LONGEST_TEXT),
    )


def _unpack_rules(unpacker: Unpacker, content: object, depth: int) -> Rules:
    forbid, allow = expect(content, list)
    return Rules(_texts(forbid), _texts(allow))


def _texts(nodes: object) -> tuple[str, ...]:
    return tuple(_text(node, _LONGEST_NAME) for node in expect(nodes, list))


def _text(node: object, longest: int) -> str:
    if len(expect(node, str)) > longest:
        raise WireError("what was sent has a text that is too long")
    return node


def _pack_generator(packer: Packer, value: np.random.Generator, depth: int) -> dict:
    return {"generator": packer.tree(value.bit_generator.state, depth)}


def _unpack_generator(unpacker: Unpacker, content: object, depth: int) -> np.random.Generator:
    if not unpacker.trusted:
        raise WireError("a random generator is taken from the grader only, not from an answer")
    state = unpacker.value(content, depth)
    if state["bit_generator"] not in _GENERATORS:
        raise WireError(f"an unknown kind of random generator was sent: {state['bit_generator']!r}")
    made = getattr(np.random, state["bit_generator"])()
    made.state = state
    return np.random.Generator(made)


PACK[Opaque] = lambda packer, value, depth: {"opaque": value.name}
PACK[Record] = _pack_record
PACK[Outcome] = _pack_outcome
PACK[Rules] = lambda packer, value, depth: {"rules": [list(value.forbid), list(value.allow)]}
PACK[np.random.Generator] = _pack_generator
UNPACK["opaque"] = _unpack_opaque
UNPACK["record"] = _unpack_record
UNPACK["outcome"] = _unpack_outcome
UNPACK["rules"] = _unpack_rules
UNPACK["generator"] = _unpack_generator
