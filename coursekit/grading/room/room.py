"""The grader's side of a learner's process: open a room, have cells run in it, ask the answer, close it.

Whatever comes out of a room was written by the learner. It is data of known types within known sizes, or the
room is closed at once; none of it raises here, and nothing waits for it past the room's time.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from coursekit.checking.call import Outcome
from coursekit.checking.shortcut import Rules
from coursekit.grading.limits import Limits
from coursekit.grading.room.replies import (
    Metered,
    StepError,
    checked_errors,
    checked_outcome,
    checked_text,
    how_it_ended,
    how_unwatched,
)
from coursekit.grading.room.warm_process import RoomError, WarmProcess
from coursekit.grading.wire import WireError, receive, send

__all__ = ["Room", "RoomError", "Rooms", "Step", "StepError"]

_DEFAULT = Limits()
_MOST_NOTICES = 50  # coursekit.grading.inside.watch sends fewer
_MOST_ANSWERS = 4  # a room may send so many times `Limits.answer` in all: the test keeps every answer
_PATIENCE = 1.0  # seconds for a process that closed its connection to end


@dataclass(frozen=True)
class Step:
    """Something to run: `kind` is "story" (our own text) or "answer" (a learner's cell), `cell` its id."""

    kind: str
    cell: str
    text: str


class Rooms:
    """Opens rooms by forking one warm process; a context manager, to be used by one thread.

    Args:
        modules: what to import once for all rooms. One that cannot be imported is passed over.
        limits: what each room may use.
        sandboxed: False runs learners' code without bubblewrap, with this user's rights.
    """

    def __init__(self, modules: Sequence[str] = (), limits: Limits = _DEFAULT, *, sandboxed: bool = True):
        self._modules = list(modules)
        self._limits = limits
        self._sandboxed = sandboxed
        self._warm: WarmProcess | None = None

    def __enter__(self) -> Rooms:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the warm process without waiting for it; `open` waits, and would start it as well.

        Raises:
            RoomError: when it cannot be started.
        """
        if self._warm is None:
            self._warm = WarmProcess(self._modules, sandboxed=self._sandboxed)

    def open(self, *, seconds: float | None = None, seed: int = 0) -> Room:
        """A fresh room, in which nothing has run.

        Args:
            seconds: wall time for all that is asked of it; by default that of the limits.
            seed: of the random numbers that the learner's code draws.

        Raises:
            RoomError: when no learner's process can be started on this machine; the text says why.
        """
        limits = self._limits if seconds is None else replace(self._limits, seconds=seconds)
        for attempt in (1, 2):  # the warm process may have died since, or the machine be short of something
            try:
                self.start()
                connection, process = self._warm.fork(seed, limits)
                return Room(self._warm, connection, process, limits)
            except RoomError:
                self.close()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")

    def close(self) -> None:
        """End the warm process, and every room with it."""
        if self._warm is not None:
            self._warm.close()
            self._warm = None


class Room:
    """One learner's process. Made by `Rooms.open`; a context manager.

    Once it has stopped, by a limit, a crash or a reply that is none, every question gives an `Outcome` of
    kind "stopped" at once, whose message completes "it …": "ran longer than 60 s".

    Attributes:
        notices: what `coursekit.grading.inside.watch` saw in it, as it arrived.
    """

    def __init__(self, warm: WarmProcess, connection: socket.socket, process: int, limits: Limits):
        self.notices: list[str] = []
        self._warm = warm
        self._connection = Metered(fileno=connection.detach())
        self._process = process
        self._limits = limits
        self._left = limits.seconds
        self._asked = 0
        self._stopped: Outcome | None = None
        self._open = True

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def run(self, steps: Sequence[Step]) -> list[StepError]:
        """Run these steps one after the other, on past those that fail; returns how those failed."""
        found = self._ask(checked_errors, "run", [[step.kind, step.cell, step.text] for step in steps])
        return found if isinstance(found, list) else []

    def call(self, name: str, args: tuple, kwargs: Mapping[str, object], rules: Rules) -> Outcome:
        """Call what the steps have left under this name, as `coursekit.checking.call.examine` does.

        Where there is no such name, the outcome tells how the latest answer cell failed. Code that meddles
        with the watch for forbidden calls gives an outcome of kind "shortcut".

        Raises:
            WireError: when one of our own arguments cannot be sent; the room is as it was.
        """
        outcome = self._ask(checked_outcome, "call", name, tuple(args), dict(kwargs), rules)
        unwatched = how_unwatched(self.notices)
        return Outcome("shortcut", message=unwatched) if unwatched and outcome.kind == "value" else outcome

    def value(self, name: str) -> Outcome:
        """What the steps have left under this name, as plain data, in an outcome of kind "value"."""
        return self._ask(checked_outcome, "value", name)

    def close(self) -> None:
        """End the learner's process, whatever it is doing."""
        if self._open:
            self._end(0)

    def _ask(self, checked: Callable, kind: str, *request: object) -> list[StepError] | Outcome:
        if self._stopped is not None:
            return self._stopped
        begin = time.monotonic()
        end = begin + self._left
        try:
            self._asked += 1
            send(self._connection, kind, [self._asked, *request], end)
            return self._reply(checked, end)
        except TimeoutError:
            return self._stop(f"ran longer than {self._limits.seconds:g} s")
        except EOFError:
            return self._stop(how_it_ended(self._end(_PATIENCE), self._limits))
        finally:
            self._left -= time.monotonic() - begin

    def _reply(self, checked: Callable, end: float) -> list[StepError] | Outcome:
        """The reply to the latest request; notices that come before it are kept."""
        try:
            while True:
                allowed = _MOST_ANSWERS * self._limits.answer - self._connection.received
                kind, content = receive(self._connection, min(self._limits.answer, allowed), end)
                if kind == "reply":
                    return checked(self._replied(content))
                self._keep(kind, content)
        except WireError as error:
            return self._stop(f"sent back what cannot be taken: {error}")

    def _replied(self, content: object) -> object:
        if type(content) is not list or len(content) != 2 or type(content[0]) is not int:
            raise WireError("a reply without a number")
        if content[0] != self._asked:
            raise WireError("a reply that nobody asked for")
        return content[1]

    def _keep(self, kind: str, content: object) -> None:
        if kind != "notice" or len(self.notices) == _MOST_NOTICES:
            raise WireError("a message that is no reply")
        self.notices.append(checked_text(content))

    def _stop(self, message: str) -> Outcome:
        self.close()
        self._stopped = Outcome("stopped", message=checked_text(message))
        return self._stopped

    def _end(self, patience: float) -> str:
        """Let the process end, or end it; returns how it ended."""
        self._open = False
        self._stopped = Outcome("stopped", message="had been ended before")
        self._connection.close()
        return self._warm.end(self._process, patience)
