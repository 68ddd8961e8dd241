"""Submissions that end or disturb processes: their own, the grader's, everybody's."""

from __future__ import annotations

from tests.grading.corpus.destroy import HONEST, vandal

ENTRIES = [
    # A process of its own namespace has a small number; elsewhere these must not shoot.
    vandal(
        "kill-all",
        """
import os
import signal

try:
    os.getpid() < 100 and os.kill(-1, signal.SIGKILL)
except OSError:
    pass
""",
        unsure=frozenset({"overlap"}),
    ),
    vandal(
        "kill-group",
        """
import os
import signal

os.getpid() < 100 and os.kill(0, signal.SIGKILL)
""",
        unsure=frozenset({"overlap"}),
    ),
    vandal(
        "kill-parent",
        """
import os
import signal

for pid in {os.getppid(), VICTIM_PID} - {0, 1}:
    try:
        os.kill(pid, signal.SIGKILL)
    except OSError:
        pass
""",
        unsure=frozenset({"overlap"}),
    ),
    vandal(
        "signals",
        """
import os
import signal

for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGALRM):
    signal.signal(number, signal.SIG_IGN)
signal.alarm(1)
os.getppid() and os.kill(os.getppid(), signal.SIGTERM)
""",
        unsure=frozenset({"overlap"}),
    ),
    vandal("exits", "\nimport sys\n\nsys.exit(0)\n", right=False),
    vandal(
        "exits-hard",
        """
import os

def overlap(a, b):
    os._exit(0)
""",
        right=False,
    ),
    vandal(
        "aborts",
        """
import os

def overlap(a, b):
    os.abort()
""",
        right=False,
    ),
    vandal(
        "segfaults",
        """
import ctypes

def overlap(a, b):
    ctypes.string_at(0)
""",
        right=False,
        flagged=True,
    ),
    vandal(
        "stack",
        """
import sys

sys.setrecursionlimit(10**9)

def overlap(a, b):
    return overlap(b, a)
""",
        right=False,
        hangs=True,
    ),
    vandal(
        "closes-descriptors",
        """
import os

os.closerange(0, 256)
""",
        unsure=frozenset({"overlap"}),
    ),
    vandal(
        "exits-while-ending",
        """
import atexit
import os

atexit.register(os._exit, 1)
atexit.register(lambda: [None for _ in iter(int, 1)])
""",
    ),
    vandal(
        "raises-oddly",
        """
class Odd(BaseException):
    def __str__(self):
        raise Odd

    __repr__ = __str__

def overlap(a, b):
    raise Odd
""",
        right=False,
    ),
    vandal(
        "raises-keyboard-interrupt",
        """
def overlap(a, b):
    raise KeyboardInterrupt
""",
        right=False,
    ),
    vandal("raises-keyboard-interrupt-in-the-cell", HONEST + "\nraise KeyboardInterrupt\n", right=True),
    vandal(
        "raises-generator-exit",
        """
def overlap(a, b):
    raise GeneratorExit("é" * 100 + chr(0xD800))
""",
        right=False,
    ),
    vandal(
        "no-namespace",
        """
get_ipython().reset(new_session=True)
for name in list(globals()):
    if not name.startswith("_") and name != "np":
        del globals()[name]
""",
    ),
    vandal(
        "spoils-libraries",
        """
import os
import sys

for name in list(sys.modules):
    if name.startswith(("pandas", "coursekit", "json", "pickle", "IPython")):
        del sys.modules[name]
sys.stdout = sys.stderr = None
sys.path[:] = []
os.environ.clear()
""",
        unsure=frozenset({"overlap"}),
    ),
    vandal(
        "stops-itself",
        """
import os
import signal

def overlap(a, b):
    os.kill(os.getpid(), signal.SIGSTOP)
""",
        right=False,
        hangs=True,
    ),
]
