"""What may come back from a learner's process: checked here, before anything else looks at it."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from coursekit.checking.call import Outcome
from coursekit.grading.limits import Limits
from coursekit.grading.wire import WireError

_KINDS = {"value", "raised", "shortcut", "unsolved", "no function"}
_LONGEST = 300  # characters of a message; what was printed may have 2,000
_MOST_BASES = 50
_MOST_LINES = 1_000_000
# What no text for people needs, and what files and databases refuse.
_ODD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")

# Forbidden calls are noticed by a profiler that lives in the learner's process. Who sets another one, or
# reaches for the frames in which it is kept, may have made any call unnoticed.
_UNWATCHED = (
    "sys.setprofile|",
    "sys._getframe|",
    "sys._current_frames|",
    "gc.get_objects|",
    "gc.get_referrers|",
    "object.__getattr__ tb_frame|",
    "object.__getattr__ gi_frame|",
    "object.__getattr__ cr_frame|",
    "object.__getattr__ ag_frame|",
)


@dataclass(frozen=True)
class StepError:
    """How a step failed: its cell, the exception's class and message, and the cell's line, if known."""

    cell: str
    error: str
    message: str
    line: int | None


class Metered(socket.socket):
    """A socket that counts the bytes it receives."""

    received = 0

    def recv_into(self, *args: object) -> int:
        """As a socket does."""
        count = super().recv_into(*args)
        self.received += count
        return count


def checked_errors(found: object) -> list[StepError]:
    """What `Learner.run` reports.

    Raises:
        WireError: when it is something else, as for the two functions below.
    """
    return [_step_error(entry) for entry in _expect(found, list)]


def checked_outcome(found: object) -> Outcome:
    """An outcome with nothing in it that its kind does not have, and with texts of bounded length."""
    outcome = _expect(found, Outcome)
    if outcome.kind not in _KINDS or (outcome.kind == "raised" and not outcome.errors):
        raise WireError("an outcome of no known kind")
    return Outcome(
        kind=outcome.kind,
        value=outcome.value if outcome.kind in ("value", "no function") else None,
        errors=tuple(checked_text(name) for name in outcome.errors[:_MOST_BASES]),
        message=checked_text(outcome.message),
        line=_line(outcome.line),
        printed=checked_text(outcome.printed, 2000),
    )


def checked_text(found: object, longest: int = _LONGEST) -> str:
    """A text that can be shown and stored: cut off, without control characters and halves of characters."""
    return _ODD.sub("\N{REPLACEMENT CHARACTER}", _expect(found, str)[:longest])


def how_it_ended(ended: str, limits: Limits) -> str:
    """Completes "it …" for a process that ended, as `WarmProcess.end` tells it: "exit 3", "signal 11"."""
    how, _, number = ended.partition(" ")
    if how == "exit":
        return f"ended its own process (exit {number})"
    if how == "signal" and int(number) == signal.SIGKILL:
        return f"was killed by the system, as happens to what uses more than {limits.memory / 2**30:g} GiB"
    if how == "signal":
        return f"crashed ({signal.strsignal(int(number)) or ended})"
    return "closed its connection to the grader" if how == "killed" else "was lost, as the sandbox ended"


def how_unwatched(notices: Sequence[str]) -> str:
    """By what the learner's code may have hidden its calls; empty when nothing was seen."""
    found = [notice for notice in notices if notice.startswith(_UNWATCHED)]
    return found[0].split("|")[0].split()[-1] if found else ""


def _step_error(found: object) -> StepError:
    entry = _expect(found, list)
    if len(entry) != 4:
        raise WireError("a report on a step that is none")
    return StepError(*(checked_text(text) for text in entry[:3]), _line(_expect(entry[3], int, type(None))))


def _line(number: int | None) -> int | None:
    return number if number is not None and 0 < number < _MOST_LINES else None


def _expect(found: object, *kinds: type) -> object:
    if type(found) not in kinds:
        raise WireError(f"{type(found).__name__} where {kinds[0].__name__} was expected")
    return found
