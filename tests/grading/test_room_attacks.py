"""Rooms: whatever a learner's cell does to the protocol, nothing raises or hangs on the grader's side."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from coursekit.checking import Rules
from coursekit.checking.plain import plain
from coursekit.grading.limits import Limits
from coursekit.grading.room import Rooms, Step
from coursekit.grading.sandbox import sandbox_problem

pytestmark = pytest.mark.skipif(sandbox_problem() is not None, reason="needs bubblewrap")
SECONDS, PATIENT = 1, 10

# The attacker's tools: the connection to the grader, and the grader's own way to write frames.
TOOLS = """
import ctypes, os, socket, stat, struct, sys, threading, time
import numpy as np
from coursekit.checking.call import Outcome
from coursekit.grading.wire import encode, send
def connection():
    for number in range(3, 100):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return socket.socket(fileno=os.dup(number))
        except OSError:
            pass
def frame(kind, body):
    return struct.pack(">QB", 1 + len(kind) + len(body), len(kind)) + kind + body
line = connection()
def f(x=None):
    return x
"""


@pytest.fixture(scope="module")
def rooms():
    with Rooms(["numpy", "pandas", "coursekit"], Limits(seconds=SECONDS, memory=2**29)) as opened:
        yield opened


@contextlib.contextmanager
def opened_for(rooms, seconds):
    begin = time.monotonic()
    with rooms.open(seconds=seconds) as opened:
        yield opened
    assert time.monotonic() - begin < seconds + 3
    with rooms.open(seconds=PATIENT) as another:  # the next learner notices nothing
        assert another.run([Step("answer", "own", "x = 1")]) == []
        assert another.value("x").value == 1


@pytest.fixture
def room(rooms):
    with opened_for(rooms, SECONDS) as opened:
        yield opened


@pytest.fixture
def patient_room(rooms):
    """For what ends by itself, which on a busy machine may take more than a second."""
    with opened_for(rooms, PATIENT) as opened:
        yield opened


def attempt(room, text, *args, rules=None):
    room.run([Step("answer", "own", TOOLS), Step("answer", "own", text)])
    return room.call("f", args or (1,), {}, rules or Rules())


# Frames sent by the learner's own code. 2 is the number of the request that runs the cell, 3 of the call.
FRAMES = {
    "a reply before it is asked": 'send(line, "reply", [3, Outcome("value", value=42)])',
    "a second reply to the same request": 'send(line, "reply", [2, []])',
    "a reply without a number": 'send(line, "reply", Outcome("value", value=42))',
    "a reply whose number is an array": 'send(line, "reply", [np.ones(3), []])',
    "a reply whose number is true": 'send(line, "reply", [True, []])',
    "a reply that is no list of errors": 'send(line, "reply", [2, 5])',
    "errors that are none": 'send(line, "reply", [2, [1, 2]])',
    "errors of wrong types": 'send(line, "reply", [2, [["own", 5, None, "1"]]])',
    "errors of wrong length": 'send(line, "reply", [2, [["own"]]])',
    "a frame of an unknown kind": 'send(line, "ready", None)',
    "a frame that says that the room failed": 'send(line, "failed", "no sandbox")',
    "a notice that is no text": 'send(line, "notice", [1])',
    "a flood of notices": 'for n in range(10**5): send(line, "notice", f"sys.settrace|{n}")',
    "a flood of large notices": 'for n in range(10**5): send(line, "notice", "x" * 10**6)',
    "a frame that is longer than allowed": 'line.sendall(struct.pack(">Q", 2**62))',
    "a frame of length zero": "line.sendall(bytes(8))",
    "bytes that are no frame": "line.sendall(os.urandom(1000))",
    "a kind that is not ASCII": 'line.sendall(frame("é".encode(), encode(1)))',
    "a body that is not JSON": 'line.sendall(frame(b"reply", struct.pack(">I", 3) + b"[1,"))',
    "a body nested without end": 'line.sendall(frame(b"reply", struct.pack(">I", 10**6) + b"[" * 10**6))',
    "half a frame and then nothing": 'line.sendall(frame(b"reply", encode([1, []]))[:-3]); time.sleep(60)',
    "a frame that trickles": "for byte in bytes(100): line.sendall(bytes([byte])); time.sleep(0.5)",
    "a descriptor passed along": 'socket.send_fds(line, [b"x"], [0])',
    "an end of writing": "line.shutdown(socket.SHUT_WR); time.sleep(60)",
    "an end of reading": "line.shutdown(socket.SHUT_RD)",
    "a connection closed under us": "os.closerange(3, 100)",
    "a lock kept for ever": "import gc, coursekit.grading.inside.learner as own\n"
    "for v in gc.get_objects():\n    if type(v) is own.Voice: v._lock.acquire()",
}
ENDS = {
    "exit": "os._exit(3)",
    "exit in a thread": "threading.Thread(target=os._exit, args=(3,)).start(); time.sleep(1)",
    "a segmentation fault": "ctypes.string_at(0)",
    "abort": "os.abort()",
    "a closed interpreter": "ctypes.pythonapi.Py_FinalizeEx()",
    "recursion in C without a limit": (
        "sys.setrecursionlimit(10**9)\nclass A:\n    def __repr__(self): return repr([self])\nrepr(A())"
    ),
    "a receiver replaced": "import coursekit.grading.wire.frames as wire; wire._read = None",
}
HANGS = {
    "a loop": "while True: pass",
    "a loop that catches everything": "while True:\n    try: time.sleep(1)\n    except BaseException: pass",
    "a loop in C": "import itertools; sum(itertools.repeat(1))",
    "a long power": "10 ** 10 ** 9",
    "a regular expression": "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')",
    "a lock that nobody frees": "threading.Lock().acquire(); l = threading.Lock(); l.acquire(); l.acquire()",
    "signals ignored": (
        "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: pass"
    ),
    "reading what the grader says": "line.recv(1)",
    "a receiver that never reads": "def f(x): time.sleep(60)",
}
HARMLESS = {
    "kill of everybody": "os.kill(-1, 9)",
    "kill of the first process": "os.kill(1, 9)",
    "kill of itself": "os.kill(os.getpid(), 9)",
    "stop of itself": "import signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "a fork": "os.fork()",
    "a parent that ends": "os.kill(os.getppid(), 9)",
    "an exit hook": "import atexit; atexit.register(lambda: send(line, 'reply', [3, 42]))",
    "a thread that goes on": (
        "def spin():\n    while True: pass\nthreading.Thread(target=spin, daemon=True).start()"
    ),
    "standard streams closed": "sys.stdout = sys.stderr = sys.stdin = None; os.closerange(0, 3)",
    "folders removed": "import shutil; shutil.rmtree('/tmp', ignore_errors=True)",
    "a shell without insides": "get_ipython().__dict__.clear()",
    "a namespace emptied of builtins": "__builtins__ = {}",
    "more memory than there is": "x = bytearray(2**40)",
    "a room of its own": "from coursekit.grading.room import Rooms; Rooms().open()",
    "too many threads": (
        "for _ in range(1000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    ),
    "too many files": "files = []\nwhile True: files.append(open('/dev/null'))",
    "a full disk": "file = open('/tmp/large', 'wb')\nwhile True: file.write(bytes(2**20))",
}

# What a function may return or raise; the other side gets plain data within bounds.
VALUES = {
    "a list that holds itself": "x = []; x.append(x)\ndef f(_): return x",
    "a list nested too deeply": "x = []\nfor _ in range(10**5): x = [x]\ndef f(_): return x",
    "an endless generator": "import itertools\ndef f(_): return itertools.count()",
    "an object that is equal to all": "class A:\n    def __eq__(s, o): return True\ndef f(_): return A()",
    "an object that claims a class": "class A:\n    __class__ = int\ndef f(_): return A()",
    "a number that is not itself": "class A(int):\n    def __eq__(s, o): return True\ndef f(_): return A(3)",
    "a class of an odd name": "A = type('a\\x00\\x1b[2J' * 1000, (), {})\ndef f(_): return A()",
    "an object that ends whoever looks": (
        "class A:\n    def __getattribute__(s, n): raise SystemExit\ndef f(_): return A()"
    ),
    "a dataclass that fails": (
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    a: int = 0\n"
        "    def __getattribute__(s, n): raise KeyboardInterrupt\ndef f(_): return A()"
    ),
    "an error with a long text": "def f(_): raise ValueError('x' * 10**7)",
    "an error with an odd text": "def f(_): raise ValueError('\\x00\\x1b[31m\\ud800')",
    "an error with many bases": (
        "E = Exception\nfor n in range(900): E = type('E' * 1000 + str(n), (E,), {})\ndef f(_): raise E"
    ),
    "an error that cannot be shown": (
        "class E(Exception):\n    def __str__(s): raise KeyboardInterrupt\ndef f(_): raise E"
    ),
    "an interrupt": "def f(_): raise KeyboardInterrupt",
    "an end of a generator": "def f(_): raise StopIteration",
    "an outcome": "def f(_): return Outcome('stopped', message='ran longer than 60 s')",
    "a forged outcome": "import coursekit.checking.call as own; own._called = lambda *a: {'kind': 'value'}",
    "an alarm that raises in the loop": (
        "import signal\ndef ring(*_): raise SystemExit\n"
        "signal.signal(signal.SIGALRM, ring); signal.setitimer(signal.ITIMER_REAL, 0.1, 0.01)\n"
        "def f(x): time.sleep(1)"
    ),
    "too much print": "def f(_):\n    while True: print('x' * 10**6)",
    "not enough memory": "def f(_): return np.zeros(2**40)",
    "all the memory bit by bit": "def f(_):\n    x = []\n    while True: x.append(bytearray(2**20))",
}


@pytest.mark.parametrize("name", FRAMES)
def test_frames_of_the_learners_own_stop_the_room(room, name):
    outcome = attempt(room, FRAMES[name])
    assert outcome.kind == "stopped"
    assert attempt(room, "").kind == "stopped"


@pytest.mark.parametrize("name", ENDS)
def test_a_process_that_ends_is_told_as_such(patient_room, name):
    outcome = attempt(patient_room, ENDS[name])
    assert outcome.kind == "stopped"
    assert outcome.message.startswith(("ended its own process (exit ", "crashed ("))


@pytest.mark.parametrize("name", HANGS)
def test_a_process_that_hangs_is_ended_in_time(room, name):
    outcome = attempt(room, HANGS[name])
    assert (outcome.kind, outcome.message) == ("stopped", f"ran longer than {SECONDS} s")


@pytest.mark.parametrize("name", HARMLESS)
def test_what_does_no_harm_leaves_the_answer_as_it_is(patient_room, name):
    assert attempt(patient_room, HARMLESS[name], 5).value == 5


@pytest.mark.parametrize("name", VALUES)
def test_what_comes_back_is_plain_and_bounded(room, name):
    outcome = attempt(room, VALUES[name], 5)
    assert outcome.kind in {"value", "raised", "shortcut", "stopped"}
    assert len(outcome.message) <= 400
    assert len(outcome.errors) <= 50
    assert len(outcome.printed) <= 2000
    "".join([outcome.message, outcome.printed, *outcome.errors]).encode()
    assert not any(ord(character) < 32 for character in outcome.message)
    plain(outcome.value)


def test_a_large_answer_stops_the_room(room):
    outcome = attempt(room, "def f(x): return np.zeros(5 * 2**20)")
    assert outcome.kind == "stopped"
    assert "bytes were sent" in outcome.message


def test_many_answers_of_the_allowed_size_stop_the_room(rooms):
    with rooms.open() as room:
        kinds = [attempt(room, "x = bytes(2**24)\ndef f(_): return x").kind for _ in range(9)]
    assert kinds[0] == "value"
    assert kinds[-1] == "stopped"


def test_a_process_that_does_not_read_stops_the_room(room):
    stop_reading = "import coursekit.grading.wire.frames as wire; wire._read = lambda *_: time.sleep(60)"
    attempt(room, stop_reading)
    outcome = room.call("f", (np.zeros(2**20),), {}, Rules())
    assert (outcome.kind, outcome.message) == ("stopped", f"ran longer than {SECONDS} s")


def test_nothing_is_left_running_when_a_room_is_closed(rooms):
    rooms.open().close()
    warm = rooms._warm._process.pid
    before = descendants(warm)
    for text in (HANGS["signals ignored"], ENDS["exit"], FRAMES["a connection closed under us"]):
        with rooms.open(seconds=0.3) as room:
            attempt(room, text)
    assert settled(lambda: descendants(warm) <= before)


def test_nothing_is_left_running_when_all_rooms_are_closed():
    with Rooms() as rooms:
        room = rooms.open()
        room.run([Step("answer", "own", "import os")])
        found = descendants(rooms._warm._process.pid)
        assert found
    assert settled(lambda: not found & set(processes()))


GRADER = """
from coursekit.grading.room import Rooms, Step
rooms = Rooms(sandboxed={sandboxed})
room = rooms.open()
print("ready", flush=True)
room.run([Step("answer", "own", "while True: pass")])
"""


@pytest.mark.parametrize("sandboxed", [True, False])
def test_nothing_is_left_running_when_the_grader_is_killed(sandboxed):
    command = [sys.executable, "-c", GRADER.format(sandboxed=sandboxed)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as grader:
        assert grader.stdout.readline() == b"ready\n"
        found = descendants(grader.pid)
        grader.kill()
    assert len(found) >= 3
    assert settled(lambda: not found & set(processes()))


def test_after_an_interrupt_no_reply_is_taken_for_another(monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with Rooms() as rooms:
        one = rooms.open()
        with monkeypatch.context() as patch:
            patch.setattr("coursekit.grading.room.warm_process.receive", interrupted)
            with pytest.raises(KeyboardInterrupt):
                rooms.open()
        with rooms.open() as another:
            another.run([Step("answer", "own", "x = 2")])
            assert another.value("x").value == 2
        assert one.value("x").kind == "stopped"


def test_the_warm_process_has_one_thread(rooms):
    rooms.open().close()
    counts = [len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in descendants(rooms._warm._process.pid)]
    assert set(counts) == {1}


def settled(true: Callable[[], bool], seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while not true() and time.monotonic() < end:
        time.sleep(0.02)
    return true()


def processes() -> dict[int, int]:
    """Each process and its parent."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            found[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    return found


def descendants(pid: int) -> set[int]:
    parents = processes()
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}
