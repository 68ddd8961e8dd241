"""Rooms: whatever a learner's cell does to the protocol, nothing raises or hangs on the grader's side."""

from __future__ import annotations

import time

import numpy as np
import pytest

from coursekit.checking import Rules
from coursekit.checking.plain import plain
from coursekit.grading.limits import Limits
from coursekit.grading.room import Rooms, Step
from coursekit.grading.sandbox import sandbox_problem

pytestmark = pytest.mark.skipif(sandbox_problem() is not None, reason="needs bubblewrap")
SECONDS = 2

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


@pytest.fixture
def room(rooms):
    begin = time.monotonic()
    with rooms.open() as opened:
        yield opened
    assert time.monotonic() - begin < SECONDS + 3
    with rooms.open() as another:  # the next learner notices nothing
        assert another.run([Step("answer", "own", "x = 1")]) == []
        assert another.value("x").value == 1


def attempt(room, text, *args, rules=None):
    room.run([Step("answer", "own", TOOLS), Step("answer", "own", text)])
    return room.call("f", args, {}, rules or Rules())


# Frames sent by the learner's own code. 1 is the number of the request to run the cell.
FRAMES = {
    "a reply before it is asked": 'send(line, "reply", [2, Outcome("value", value=42)])',
    "a second reply to the same request": 'send(line, "reply", [1, []]); send(line, "reply", [1, []])',
    "a reply of no number": 'send(line, "reply", Outcome("value", value=42))',
    "a reply whose number is an array": 'send(line, "reply", [np.ones(3), []])',
    "a reply whose number is true": 'send(line, "reply", [True, []])',
    "a reply that is no list of errors": 'send(line, "reply", [1, 5])',
    "errors that are none": 'send(line, "reply", [1, [1, 2]])',
    "errors of wrong types": 'send(line, "reply", [1, [["own", 5, None, "1"]]])',
    "a frame of an unknown kind": 'send(line, "ready", None)',
    "a frame that says that the room failed": 'send(line, "failed", "no sandbox")',
    "a notice that is no text": 'send(line, "notice", [1])',
    "a flood of notices": 'for n in range(10**5): send(line, "notice", f"sys.settrace|{n}")',
    "a flood of large notices": 'for n in range(10**5): send(line, "notice", "x" * 10**6)',
    "a frame that is longer than allowed": 'line.sendall(struct.pack(">Q", 2**62))',
    "a frame of length zero": 'line.sendall(bytes(8))',
    "bytes that are no frame": 'line.sendall(os.urandom(1000))',
    "a kind that is not ASCII": 'line.sendall(frame("é".encode(), encode(1)))',
    "a body that is not JSON": 'line.sendall(frame(b"reply", struct.pack(">I", 3) + b"[1,"))',
    "a body nested without end": 'line.sendall(frame(b"reply", struct.pack(">I", 10**6) + b"[" * 10**6))',
    "half a frame and then nothing": 'line.sendall(frame(b"reply", encode([1, []]))[:-3]); time.sleep(60)',
    "a frame that trickles": 'for byte in bytes(100): line.sendall(bytes([byte])); time.sleep(0.5)',
    "a descriptor passed along": 'socket.send_fds(line, [b"x"], [0])',
    "an end of writing": "line.shutdown(socket.SHUT_WR); time.sleep(60)",
    "an end of reading": "line.shutdown(socket.SHUT_RD)",
    "a connection closed under us": "os.closerange(3, 100)",
    "a loop that reads no more": "import coursekit.grading.learner as own; own.receive = time.sleep",
}
ENDS = {
    "exit": "os._exit(3)",
    "exit in a thread": "threading.Thread(target=os._exit, args=(3,)).start(); time.sleep(1)",
    "a segmentation fault": "ctypes.string_at(0)",
    "abort": "os.abort()",
    "recursion without a limit": "sys.setrecursionlimit(10**9)\ndef g(n): return [g(n)]\ng(1)",
    "recursion in C": "x = []\nfor _ in range(10**6): x = [x]\nrepr(x)" if False else "os.abort()",
    "a closed interpreter": "ctypes.pythonapi.Py_FinalizeEx()",
    "an exception sent into the loop": (
        "main = threading.main_thread().ident\n"
        "def later():\n"
        "    time.sleep(0.3)\n"
        "    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(main), ctypes.py_object(SystemExit))\n"
        "threading.Thread(target=later).start()"
    ),
    "an alarm that raises in the loop": (
        "import signal\n"
        "def ring(*_): raise SystemExit\n"
        "signal.signal(signal.SIGALRM, ring); signal.setitimer(signal.ITIMER_REAL, 0.1, 0.1)"
    ),
}
HANGS = {
    "a loop": "while True: pass",
    "a loop that catches everything": "while True:\n    try:\n        time.sleep(1)\n    except BaseException: pass",
    "a loop in C": "import itertools; sum(itertools.repeat(1))",
    "a long power": "10 ** 10 ** 9",
    "a regular expression": "import re; re.match(r'(a+)+$', 'a' * 60 + 'b')",
    "a lock that nobody frees": "threading.Lock().acquire(); l = threading.Lock(); l.acquire(); l.acquire()",
    "signals ignored": (
        "import signal\nfor n in range(1, 65):\n    try: signal.signal(n, signal.SIG_IGN)\n"
        "    except (OSError, ValueError): pass\nwhile True: pass"
    ),
    "an input": "line.recv(1); line.recv(1)",
}
HARMLESS = {
    "kill of everybody": "os.kill(-1, 9)",
    "kill of the first process": "os.kill(1, 9)",
    "kill of itself": "os.kill(os.getpid(), 9)",
    "stop of itself": "import signal; os.kill(os.getpid(), signal.SIGSTOP)",
    "a fork": "os.fork()",
    "a parent that ends": "os.kill(os.getppid(), 9)",
    "an exit hook": "import atexit; atexit.register(lambda: send(line, 'reply', [3, 42]))",
    "a thread that goes on": "threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True).start()",
    "standard streams closed": "sys.stdout = sys.stderr = sys.stdin = None; os.closerange(0, 3)",
    "folders removed": "import shutil; shutil.rmtree('/tmp', ignore_errors=True)",
    "a shell without insides": "get_ipython().__dict__.clear()",
    "a namespace emptied of builtins": "__builtins__ = {}",
    "more memory than there is": "x = bytearray(2**40)",
    "a room of its own": "from coursekit.grading.room import Rooms; Rooms().open()",
    "a profiler left running": "import cProfile",
    "too many threads": "for _ in range(1000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()",
    "too many files": "files = []\nwhile True: files.append(open('/dev/null'))",
    "a full disk": "file = open('/tmp/large', 'wb')\nwhile True: file.write(bytes(2**20))",
}
