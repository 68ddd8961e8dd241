"""Rooms: a cell cannot switch off the watch for forbidden calls, unless it is told of."""

from __future__ import annotations

import pytest

from coursekit.checking import Rules
from coursekit.grading.limits import Limits
from coursekit.grading.room import Rooms, Step
from coursekit.grading.sandbox import sandbox_problem

pytestmark = pytest.mark.skipif(sandbox_problem() is not None, reason="needs bubblewrap")
RULES = Rules(forbid=("coursekit", "numpy.sum"))
PLAIN = "\ndef f(x): return np.sum(x)"
IN_A_THREAD = """
def f(x):
    out = []
    thread = threading.Thread(target=lambda: out.append(np.sum(x)))
    thread.start(); thread.join()
    return out[0]
"""
CELLS = {
    "nothing": PLAIN,
    "another sys.setprofile": "sys.setprofile = lambda hook: None" + PLAIN,
    "no sys._getframe": "sys._getframe = None" + PLAIN,
    "another watch": "call.watching = lambda rules: contextlib.nullcontext([])" + PLAIN,
    "another watcher": "shortcut._watcher = lambda *_: None" + PLAIN,
    "other code in it": "shortcut._watcher.__code__ = (lambda a, b, c: None).__code__" + PLAIN,
    "other code below the decorator": (
        "def watching(rules): yield []\nshortcut.watching.__wrapped__.__code__ = watching.__code__" + PLAIN
    ),
    "another builtin": "builtins.any = lambda *_: False" + PLAIN,
    "rules without content": "call.Rules.__init__ = lambda *_, **__: None\ncall.Rules.forbid = ()" + PLAIN,
    "another module": "sys.modules['coursekit.checking.shortcut'] = math" + PLAIN,
    "another examine": "learner.examine = lambda f, a, k, r: call.Outcome('value', 6)" + PLAIN,
    "the profiler taken off": "def f(x):\n    sys.setprofile(None)\n    return np.sum(x)",
    "the profiler taken off twice": (
        "sys.setprofile(None)\ndef f(x):\n    sys.setprofile(None)\n    return np.sum(x)"
    ),
    "another profiler": ("import cProfile\ndef f(x):\n    cProfile.Profile().enable()\n    return np.sum(x)"),
    "the end of the call caught": (
        "def f(x):\n    try: return np.sum(x)\n    except BaseException: return np.sum(x)"
    ),
    "the list of calls emptied": (
        "def f(x):\n    try: np.sum(x)\n    except BaseException as error:\n"
        "        last = error.__traceback__\n        while last.tb_next: last = last.tb_next\n"
        "        last.tb_frame.f_locals['calls'].clear()\n    return np.sum(x)"
    ),
    "a thread": IN_A_THREAD,
    "a thread with another threading.setprofile": "threading.setprofile = lambda hook: None" + IN_A_THREAD,
    "a coroutine": (
        "async def g(x): return np.sum(x)\ndef f(x):\n    try: g(x).send(None)\n"
        "    except StopIteration as end: return end.value"
    ),
}
IMPORTS = """
import builtins, contextlib, math, sys, threading
import numpy as np
import coursekit.checking.call as call, coursekit.checking.shortcut as shortcut
import coursekit.grading.inside.learner as learner
"""


@pytest.fixture(scope="module")
def rooms():
    with Rooms(["numpy", "coursekit"], Limits(seconds=5)) as opened:
        yield opened


def called(rooms, text):
    with rooms.open() as room:
        assert room.run([Step("answer", "own", IMPORTS), Step("answer", "own", text)]) == []
        return room.call("f", ([1, 2, 3],), {}, RULES)


@pytest.mark.parametrize("name", CELLS)
def test_a_forbidden_call_is_noticed_behind(rooms, name):
    assert called(rooms, CELLS[name]).kind == "shortcut"


@pytest.mark.parametrize("text", ["f.examine =", "F.examine ="])
def test_an_answer_cannot_examine_itself(rooms, text):
    own = "class F:\n    def __call__(self, x): return 0\nf = F()\n"
    assert called(rooms, f"{own}{text} lambda *_: call.Outcome('value', 6)").value == 0


def test_a_magic_in_an_answer_is_no_forbidden_call(rooms):
    text = "def f(x):\n    %time print(x)\n    !ls\n    files = !ls\n    %no_such_magic\n    return len(x)"
    assert called(rooms, text).value == 3


def test_introspection_in_libraries_is_nobodys_fault(rooms):
    text = (
        "import collections, dataclasses, enum, logging, typing, warnings\n"
        "P = collections.namedtuple('P', 'a b')\nE = enum.Enum('E', 'a b')\n"
        "@dataclasses.dataclass\nclass D:\n    a: int = 0\n"
        "class T(typing.NamedTuple):\n    a: int = 0\n"
        "def f(x):\n    warnings.warn('w'); logging.warning('l'); D(); T(); P(1, 2); return len(x)"
    )
    assert called(rooms, text).value == 3
