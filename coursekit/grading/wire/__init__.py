"""Plain data as bytes, and back: the only thing that crosses between our tests and learners' code."""

from coursekit.grading.wire.frames import WireError, decode, encode, receive, send

__all__ = ["WireError", "decode", "encode", "receive", "send"]
