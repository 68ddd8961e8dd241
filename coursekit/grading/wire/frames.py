"""Plain data as bytes, and frames of them on a stream socket: all that crosses into and out of the sandbox.

No pickle, no code, no class but the known ones. What arrives may have been written by an enemy: every
length, shape and type in it is checked against the bytes that are there before anything is made of it.

A frame is an 8-byte length of what follows, a 1-byte length of its kind, the kind in ASCII, and a body. A
body is a 4-byte length, that many bytes of JSON (the tree of values, see `values`), and the raw
contents of the arrays in the tree, one after another. All lengths are big-endian.
"""

from __future__ import annotations

import json
import socket
import struct
import time

# These add their types to the tables of `values`.
from coursekit.grading.wire import arrays, records, tables  # noqa: F401
from coursekit.grading.wire.values import Packer, Unpacker, WireError

__all__ = ["WireError", "decode", "encode", "receive", "send"]

# A body's JSON may hold so many commas and brackets: it is counted before it is parsed, since "[],[],…"
# takes thirty times its size in memory.
_MOST_MARKS = 4_000_000
# Characters as they are, lone surrogates too: an escape would join two of them into one.
_to_json = json.JSONEncoder(ensure_ascii=False, check_circular=False, separators=(",", ":")).encode


def encode(value: object) -> bytes:
    """The body of a frame that holds this value.

    Args:
        value: what `coursekit.checking.plain.plain` returns, or an `Outcome`, `Rules` or
            `np.random.Generator`, alone or inside lists, tuples, dictionaries and so on.

    Raises:
        WireError: for anything else (an own class, a function, a structured array), an integer of more than
            10,000 digits, more than 40 levels or a million values.
    """
    packer = Packer()
    try:
        header = _to_json(packer.tree(value)).encode("utf-8", "surrogatepass")
    except RecursionError as error:
        raise WireError("the value is nested too deeply to be sent") from error
    return b"".join([struct.pack(">I", len(header)), header, *packer.buffers])


def decode(data: bytes | bytearray | memoryview, *, trusted: bool = False) -> object:
    """The value in the body of a frame; the inverse of `encode`. Arrays and tensors are copies.

    Args:
        data: whatever came.
        trusted: whether it comes from the grader itself: only then are random generators taken, whose
            state cannot be checked.

    Returns:
        A value of exact types. A longdouble array comes back in double precision, an aware time with its
        UTC offset in place of its zone's name.

    Raises:
        WireError: when `data` is not what `encode` makes.
    """
    try:
        return _decoded(memoryview(data), trusted)
    except WireError:
        raise
    except Exception as error:  # whatever NumPy, pandas or json object to
        raise WireError(f"what was sent cannot be read ({type(error).__name__})") from error


def _decoded(data: memoryview, trusted: bool) -> object:
    (length,) = struct.unpack_from(">I", data)
    header = bytes(data[4 : 4 + length])
    if len(header) != length:
        raise WireError("what was sent is cut off")
    if header.count(b",") + header.count(b"[") + header.count(b"{") > _MOST_MARKS:
        raise WireError("what was sent holds too many values")
    unpacker = Unpacker(data[4 + length :], trusted)
    value = unpacker.value(json.loads(header.decode("utf-8", "surrogatepass")))
    unpacker.finish()
    return value


def send(sock: socket.socket, kind: str, value: object, deadline: float | None = None) -> None:
    """Send one frame.

    Args:
        sock: a connected stream socket.
        kind: a word in ASCII that says what the frame is about.
        value: see `encode`.
        deadline: `time.monotonic()` at which to give up; None waits for ever.

    Raises:
        WireError: when the value cannot be sent; nothing has been sent then.
        TimeoutError: past the deadline; the stream is of no use any more.
        EOFError: when the peer is gone.
    """
    body, name = encode(value), kind.encode("ascii")
    head = struct.pack(">QB", 1 + len(name) + len(body), len(name)) + name
    try:
        sock.settimeout(_left(deadline))
        sock.sendall(head + body)
    except TimeoutError:
        raise
    except OSError as error:
        raise EOFError("the other side has closed the connection") from error


def receive(
    sock: socket.socket, limit: int, deadline: float | None = None, *, trusted: bool = False
) -> tuple[str, object]:
    """Wait for one frame.

    Args:
        sock: a connected stream socket.
        limit: the most bytes that a frame may have; a longer one is not read at all.
        deadline: `time.monotonic()` at which to give up; None waits for ever.
        trusted: see `decode`.

    Returns:
        The frame's kind and its value.

    Raises:
        WireError: for a frame above the limit, after which the stream is of no use; or for one that
            cannot be decoded, after which the next one can be received.
        TimeoutError: past the deadline; the stream is of no use any more.
        EOFError: when the peer is gone.
    """
    (length,) = struct.unpack(">Q", _read(sock, 8, deadline))
    if length > limit:
        raise WireError(f"{length} bytes were sent where {limit} are allowed")
    frame = memoryview(_read(sock, length, deadline))
    if length < 1 or length < 1 + frame[0]:
        raise WireError("what was sent is cut off")
    kind = bytes(frame[1 : 1 + frame[0]])
    if not kind.isalnum():
        raise WireError("what was sent has no kind")
    return kind.decode("ascii"), decode(frame[1 + frame[0] :], trusted=trusted)


def _read(sock: socket.socket, length: int, deadline: float | None) -> bytearray:
    read = bytearray(length)
    rest = memoryview(read)
    while rest:
        try:
            sock.settimeout(_left(deadline))
            count = sock.recv_into(rest)
        except TimeoutError:
            raise
        except OSError as error:
            raise EOFError("the other side has closed the connection") from error
        if not count:
            raise EOFError("the other side has closed the connection")
        rest = rest[count:]
    return read


def _left(deadline: float | None) -> float | None:
    if deadline is None:
        return None
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("nothing came in time")
    return left
