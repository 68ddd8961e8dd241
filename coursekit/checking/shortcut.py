"""Notice when an answer lets somebody else do the work: calls into coursekit while it runs."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import FrameType

# What importing coursekit lazily runs by itself: not an answer to anything.
_IMPORTING = {"<module>", "__getattr__", "__dir__"}


@dataclass(frozen=True)
class Rules:
    """What an answer may not call.

    Attributes:
        forbid: modules ("coursekit", "sklearn.metrics") or functions ("numpy.corrcoef", "builtins.sorted").
        allow: names of functions that are welcome all the same; what they call in turn is, too.
    """

    forbid: tuple[str, ...] = ("coursekit",)
    allow: tuple[str, ...] = ()


@contextlib.contextmanager
def watching(rules: Rules) -> Iterator[list[str]]:
    """While the block runs, note the first forbidden call ("coursekit.cosine"), and stop.

    Threads started in the block are watched too. The profilers that were active before are set again
    afterwards, whatever happens.
    """
    calls: list[str] = []
    before, before_of_threads = sys.getprofile(), threading.getprofile()
    outermost = sys._getframe(2)  # 0 is here, 1 is contextlib; the block's own frames lie below this one
    watcher = _watcher(rules, calls, outermost)
    threading.setprofile(watcher)
    sys.setprofile(watcher)
    try:
        yield calls
    except Stopped:
        pass
    finally:
        sys.setprofile(before)
        threading.setprofile(before_of_threads)


class Stopped(BaseException):
    """Ends an answer at its first forbidden call; not an Exception, so that few answers catch it."""


def _watcher(rules: Rules, calls: list[str], outermost: FrameType) -> Callable:
    # This runs at every call an answer makes: the verdict on a module is found once, and calls of
    # functions written in C are looked at only where one of them may be forbidden.
    verdicts: dict[object, bool] = {__name__: False}
    functions = {entry.rpartition(".")[2]: entry for entry in rules.forbid if "." in entry}
    in_c = any(entry.split(".")[0] != "coursekit" for entry in rules.forbid)

    def on_event(frame: FrameType, event: str, function: object) -> None:
        if event == "call":
            module = frame.f_globals.get("__name__")
            if not functions and verdicts.get(module) is False:
                return
            name = frame.f_code.co_name
        elif event == "c_call" and in_c:
            module, name = getattr(function, "__module__", None), getattr(function, "__name__", "")
        else:
            return
        if module not in verdicts:
            verdicts[module] = _inside(module, rules.forbid)
        forbidden = verdicts[module] or (name in functions and _same_package(module, functions[name]))
        if forbidden and module != __name__ and not _welcome(frame, name, rules, outermost):
            calls.append(f"{str(module).split('.')[0]}.{name}")
            raise Stopped

    return on_event


def _inside(module: object, forbid: tuple[str, ...]) -> bool:
    return any(module == entry or str(module).startswith(f"{entry}.") for entry in forbid)


def _same_package(module: object, entry: str) -> bool:
    # A package's functions live in its private modules: numpy.corrcoef in numpy.lib._function_base_impl.
    return str(module).split(".")[0] == entry.split(".")[0]


def _welcome(frame: FrameType | None, name: str, rules: Rules, outermost: FrameType) -> bool:
    """Whether this call belongs to one that is allowed, or to importing coursekit."""
    excused = {*rules.allow, *_IMPORTING}
    if name in excused:
        return True
    while frame is not None and frame is not outermost:
        if frame.f_code.co_name in excused and _inside(frame.f_globals.get("__name__"), rules.forbid):
            return True
        frame = frame.f_back
    return False
