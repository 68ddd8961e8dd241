"""Tell what a learner's code does to the interpreter while it runs, by Python's own audit events.

This is a witness and not a wall: the sandbox holds without it. An event is told before it happens, so code
that would silence the witness has been told of by then.
"""

from __future__ import annotations

import _thread
import re
import sys
from collections.abc import Callable
from types import FrameType

_MOST_NOTICES = 20
# Told when the very function that the learner wrote does it; libraries do these things all the time.
_OWN = {
    *("sys._getframe", "sys._current_frames", "sys._current_exceptions", "object.__getattr__"),
    *("object.__setattr__", "object.__delattr__", "code.__new__", "function.__new__", "compile", "exec"),
    *("import", "gc.get_objects", "gc.get_referrers", "gc.get_referents", "marshal.loads"),
}
# Told also when the learner asked a module of the standard library to do it.
_BY_HELPERS = {
    *("sys.settrace", "sys.setprofile", "sys.addaudithook", "sys.monitoring.register_callback"),
    *("subprocess.Popen", "os.system", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn"),
    *("os.kill", "os.startfile", "pty.spawn", "_thread.start_new_thread", "_thread.start_joinable_thread"),
    *("socket.__new__", "socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"),
    *("ctypes.dlopen", "ctypes.dlsym", "ctypes.call_function", "ctypes.cdata", "ctypes.cdata/buffer"),
    *("ctypes.string_at", "ctypes.wstring_at", "ctypes.addressof"),
    *("open", "os.listdir", "os.scandir", "glob.glob"),
}
# Where these stand between the learner and the event, the learner did it. Not so asyncio, which opens a
# socket pair of its own.
_HELPERS = re.compile(
    r"/(subprocess|socket|threading|pathlib|os|io|codecs|tokenize|shutil|glob|fileinput|pty|linecache|runpy"
    r"|(pathlib|ctypes|multiprocessing|urllib|http|concurrent)/.*)\.py$|^<frozen (os|codecs|io|runpy|glob)>$"
)
_MODULES = {
    *("inspect", "gc", "ctypes", "_ctypes", "dis", "_thread", "threading", "multiprocessing", "subprocess"),
    *("socket", "_socket", "importlib", "atexit", "signal", "faulthandler", "sqlite3", "linecache"),
}
_PATHS = re.compile(
    r"\.ipynb|gradebook|(^|/)(solutions?|submitted|autograded)(/|$)|^/(proc|etc|root|home)(/|$)"
    r"|\.ipython|ipython_config|(site|user)customize|coursekit/(checking|grading)"
)
_ON_PATHS = {"open", "os.listdir", "os.scandir", "glob.glob"}


def watch_process(tell: Callable[[str], None], *, is_learner: Callable[[str], bool]) -> None:
    """Install the witness in this process; it stays until the process ends.

    Args:
        tell: called with "event|line|file", at most 20 times and never twice with the same text, in the
            thread and before the event takes place. What it raises is dropped.
        is_learner: whether the code of this file name is the learner's. Text that such code executes
            itself counts as well. Both functions should use no global name: a learner could replace that.
    """
    sys.addaudithook(_witness(tell, is_learner))


def _witness(tell: Callable[[str], None], is_learner: Callable[[str], bool]) -> Callable[[str, tuple], None]:
    # All that is used at event time is bound here, in cells of the closure: learner code may have replaced
    # every module's names by then. A builtin such as `len` is looked up by name, so none is used unbound.
    own, watched = frozenset(_OWN), frozenset(_OWN | _BY_HELPERS)
    frame_of, thread, caught = sys._getframe, _thread.get_ident, Exception
    where, detail = _finder(is_learner), _describer()
    told: set[str] = set()
    busy: set[int] = set()
    size, most = told.__len__, _MOST_NOTICES

    def on_event(event: str, args: tuple) -> None:
        if event not in watched or size() >= most:
            return
        here = thread()
        if here in busy:  # an event of our own
            return
        try:
            busy.add(here)
            described = detail(event, args)
            place = where(frame_of(1), event in own) if described else None
            notice = f"{described}|{place}" if place else None
            if notice and notice not in told:
                told.add(notice)
                tell(notice)
        except caught:
            pass
        finally:
            busy.discard(here)

    return on_event


def _finder(is_learner: Callable[[str], bool]) -> Callable[[FrameType, bool], str | None]:
    """A function that gives "line|file" of the learner's code that did it; None when a library did."""
    is_helper = _HELPERS.search

    def where(frame: FrameType | None, only_own: bool) -> str | None:
        while frame is not None:
            file = frame.f_code.co_filename
            if is_learner(file):
                return f"{frame.f_lineno}|{file}"
            made_up = file[:1] == "<" and file[:8] != "<frozen "  # text given to exec by whoever stands above
            if not made_up and (only_own or not is_helper(file)):
                return None
            frame = frame.f_back
        return None

    return where


def _describer() -> Callable[[str, tuple], str | None]:
    """A function that names an event with what it is about; None for one that is harmless."""
    modules, on_paths, is_suspicious = frozenset(_MODULES), frozenset(_ON_PATHS), _PATHS.search
    text, kind, raw = str, type, bytes
    clean = re.compile(r"[^\x20-\x7b\x7d\x7e]").sub

    def detail(event: str, args: tuple) -> str | None:
        if event == "import":
            return f"import {args[0]}" if args[0] in modules else None
        if event in on_paths:
            path = args[0]
            path = path.decode("utf-8", "replace") if kind(path) is raw else path
            if kind(path) is not text or not is_suspicious(path):
                return None
            return clean("?", f"{event} {path[:80]}")
        if event[:9] == "object.__":
            return f"{event} {args[1]}"
        return event

    return detail
