"""In the sandbox: run the few cells that an exercise needs, then answer calls of what they made.

Everything in this process belongs to the learner's code once its first cell has run, this module included.
What it sends is worth no more than the learner's own word; `coursekit.grading.room` checks it.
"""

from __future__ import annotations

import contextlib
import os
import random
import socket
import sys
import threading
import traceback
from collections.abc import Mapping, Sequence

import numpy as np

from coursekit.checking.call import Outcome, Rules, examine
from coursekit.checking.plain import Opaque, plain
from coursekit.grading.inside.shell import QuietShell
from coursekit.grading.inside.untouched import Untouched, own_callable
from coursekit.grading.inside.watch import watch_process
from coursekit.grading.limits import Limits
from coursekit.grading.sandbox.confine import confine
from coursekit.grading.wire import WireError, receive, send

_LONGEST_REQUEST = 2**31  # only the grader speaks on the other side
_LONGEST_MESSAGE = 300
_CELLS = ("<cell ", "<timed ", "<string>")


def is_learners(file: str, cells: tuple[str, ...] = _CELLS) -> bool:
    """Whether code of this file name is the learner's: a cell, a part of one, or text given to `exec`."""
    return file.startswith(cells)  # no global name, which a cell could replace


def live(sock: socket.socket, shell: QuietShell, limits: Limits, seed: int, *, strict: bool) -> None:
    """Be a learner's process from here on: confine this one, say so, and serve requests until the end.

    Args:
        sock: the connection to the grader; all other descriptors are closed.
        shell: in which the cells run.
        limits: see `coursekit.grading.sandbox.confine`, as for `strict`.
        seed: of all random numbers that the learner's code draws without a seed of its own.

    Raises:
        ConfinementError: when a wall is missing; the grader has been told.
    """
    try:
        confine(limits, keep=sock.fileno(), strict=strict)
        os.environ["COURSEKIT_LEADERBOARD"] = os.path.abspath("leaderboard.csv")
        voice, learner = Voice(sock), Learner(shell, seed)
        watch_process(voice.tell, is_learner=is_learners)
    except Exception as error:  # stderr leads nowhere any more
        send(sock, "failed", f"{type(error).__name__}: {error}")
        raise
    send(sock, "ready", None)
    _serve(sock, learner, voice)


def _serve(sock: socket.socket, learner: Learner, voice: Voice) -> None:
    while True:
        learner.restore()
        try:
            kind, (number, *request) = receive(sock, _LONGEST_REQUEST, trusted=True)
        except EOFError:
            return
        try:
            found: object = getattr(learner, kind)(*request)
        except BaseException as error:  # KeyboardInterrupt is an answer's doing like any other
            found = _failure(error, "")
        voice.reply(number, found)


class Voice:
    """Sends whole frames, one after the other, whichever thread they come from."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._lock = threading.Lock()

    def tell(self, notice: str) -> None:
        """Send what `coursekit.grading.inside.watch` saw."""
        if self._lock.acquire(timeout=1):
            try:
                send(self._sock, "notice", notice)
            finally:
                self._lock.release()

    def reply(self, number: int, found: object) -> None:
        """Send the reply to the request of this number; for a value that cannot be sent, its class's name."""
        with self._lock:
            try:
                send(self._sock, "reply", [number, found])
            except MemoryError as error:
                send(self._sock, "reply", [number, _failure(error, "")])
            except WireError:  # nothing was sent yet
                name = type(found.value).__name__ if isinstance(found, Outcome) else "object"
                send(self._sock, "reply", [number, Outcome("value", value=Opaque(name))])


class Learner:
    """The names that the cells have made so far, and how the latest answer cell ended."""

    def __init__(self, shell: QuietShell, seed: int) -> None:
        self._shell = shell
        self._names = shell.user_ns
        self._failure: Outcome | None = None
        self._untouched = Untouched(sys.modules[__name__])
        _seed(seed)

    def run(self, steps: Sequence[Sequence[str]]) -> list[list]:
        """Run (kind, cell, text) after (kind, cell, text), on past those that fail.

        Returns:
            For each that failed its cell, the exception's class, its message and its line, if known.
        """
        failures = []
        for kind, cell, text in steps:
            failure = self._story(cell, text) if kind == "story" else self._answer(cell, text)
            if kind == "answer":
                self._failure = failure
            if failure is not None:
                failures.append([cell, failure.errors[0], failure.message, failure.line])
            _close_figures()
        return failures

    def call(self, name: str, args: tuple, kwargs: Mapping[str, object], rules: Rules) -> Outcome:
        """Call what the cells have left under this name."""
        if name not in self._names:
            return self._missing(name)
        try:
            return examine(own_callable(self._names[name]), args, kwargs, rules)
        finally:
            _close_figures()

    def value(self, name: str) -> Outcome:
        """What the cells have left under this name, as plain data."""
        if name not in self._names:
            return self._missing(name)
        try:
            return Outcome("value", value=plain(self._names[name]))
        except Exception:  # an object made to trip whoever looks at it
            return Outcome("value", value=Opaque(type(self._names[name]).__name__))

    def restore(self) -> None:
        """Undo what a cell did to the watch for forbidden calls."""
        self._untouched.restore()

    def _story(self, cell: str, text: str) -> Outcome | None:
        file = f"<story {cell}>"
        try:
            exec(compile(text, file, "exec"), self._names)
        except BaseException as error:  # what a learner's earlier cell left behind may raise anything
            return _failure(error, file)
        return None

    def _answer(self, cell: str, text: str) -> Outcome | None:
        file = f"<cell {cell}>"
        try:
            error = self._shell.run(text, file)
        except BaseException as raised:
            error = raised
        return None if error is None else _failure(error, file)

    def _missing(self, name: str) -> Outcome:
        """Why there is no such name: because the answer cell failed, if it did."""
        failure = self._failure or _failure(NameError(f"`{name}` is not defined"), "")
        return Outcome("unsolved") if "NotImplementedError" in failure.errors else failure


def _failure(error: BaseException, file: str) -> Outcome:
    """An exception that ended a cell; `line` is the deepest one in this file."""
    names = tuple(base.__name__ for base in type(error).__mro__ if base is not object)
    try:
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        message = " ".join(str(said).split())[:_LONGEST_MESSAGE]
    except BaseException:  # its own text raises
        message = ""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [line for frame, line in frames if frame.f_code.co_filename == file]
    if isinstance(error, SyntaxError) and error.filename == file:
        lines.append(error.lineno)
    return Outcome("raised", errors=names, message=message, line=lines[-1] if lines else None)


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - the learner's code may use the global one
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


def _close_figures() -> None:
    if "matplotlib.pyplot" in sys.modules:
        with contextlib.suppress(Exception):
            sys.modules["matplotlib.pyplot"].close("all")
