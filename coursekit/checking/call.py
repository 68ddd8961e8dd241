"""Call an answer once and tell, as plain data, what came of it."""

from __future__ import annotations

import contextlib
import copy
import io
import traceback
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from coursekit.checking.plain import Opaque, plain
from coursekit.checking.shortcut import Rules, watching


@dataclass(frozen=True, eq=False)
class Outcome:
    """What one call of an answer came to.

    Attributes:
        kind: "value", "raised", "shortcut" (it called `message`), "unsolved", "no function", or "stopped"
            (from outside, because it `message`: "ran longer than 60 s").
        value: what it returned, as plain data.
        errors: names of the raised class and its bases, the class itself first.
        message: the exception's text, or the name of the forbidden function.
        line: line of the learner's cell on which it was raised, where that is known.
        printed: what the answer printed while it ran.
    """

    kind: str
    value: object = None
    errors: tuple[str, ...] = ()
    message: str = ""
    line: int | None = None
    printed: str = ""


@runtime_checkable
class RemoteAnswer(Protocol):
    """An answer that lives in another process: it is called there, and only an `Outcome` comes back."""

    def examine(self, args: tuple, kwargs: Mapping[str, object], rules: Rules) -> Outcome:
        """Call the answer under these rules; see `examine`."""


def examine(answer: Callable, args: tuple, kwargs: Mapping[str, object], rules: Rules) -> Outcome:
    """Call `answer` on copies of its arguments and catch whatever it does.

    Prints are kept and not shown, warnings are ignored, any exception but KeyboardInterrupt becomes an
    `Outcome`. A `RemoteAnswer` is asked to do the same where it lives.
    """
    if not isinstance(answer, type) and isinstance(answer, RemoteAnswer):
        return answer.examine(args, kwargs, rules)
    if not callable(answer):
        return Outcome("no function", value=plain(answer))
    args, kwargs = _copied((args, dict(kwargs)))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
        found = _called(answer, args, kwargs, rules)
    return Outcome(**{**found, "printed": printed.getvalue()[:2000]})


def _called(answer: Callable, args: tuple, kwargs: dict, rules: Rules) -> dict[str, object]:
    calls: list[str] = []
    value = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with watching(rules) as calls:
                value = answer(*args, **kwargs)
            value = _as_data(value)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too: a call of exit() is an answer like any other
        return {"kind": "shortcut", "message": calls[0]} if calls else _raised(answer, error)
    return {"kind": "shortcut", "message": calls[0]} if calls else {"kind": "value", "value": value}


def _raised(answer: Callable, error: BaseException) -> dict[str, object]:
    if isinstance(error, NotImplementedError):
        return {"kind": "unsolved"}
    names = tuple(base.__name__ for base in type(error).__mro__ if base is not object)
    try:
        message = " ".join(str(error).split())
    except Exception:
        message = ""
    return {"kind": "raised", "errors": names, "message": message[:300], "line": _line(answer, error)}


def _line(answer: Callable, error: BaseException) -> int | None:
    """The deepest line of the cell (or file) that holds the answer; each cell is a file of its own."""
    file = getattr(getattr(answer, "__code__", None), "co_filename", None)
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return lines[-1] if lines else None


def _as_data(value: object) -> object:
    try:
        return plain(value)
    except Exception:  # an object made to trip whoever looks at it
        return Opaque(type(value).__name__)


def _copied(arguments: tuple) -> tuple:
    try:
        return copy.deepcopy(arguments)
    except Exception:  # a generator or a tensor inside a graph has no copy; hand over the thing itself
        return arguments
