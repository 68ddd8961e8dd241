"""Submissions that use up time, memory or disk: each costs its own exercise only.

Every one of them is bounded, so that a grader without limits suffers and does not take the machine along.
"""

from __future__ import annotations

from tests.grading.corpus.entry import Entry, answered


def glutton(name: str, text: str, **more: object) -> Entry:
    """An answer that wants too much; all others are right."""
    return answered(f"exhaust-{name}", "exhaust", {"overlap": text}, **more)


TIME = [
    glutton("loop-in-the-cell", "while True:\n    pass", hangs=True),
    glutton("loop-in-the-call", "def overlap(a, b):\n    while True:\n        pass", hangs=True),
    glutton(
        "sleep",
        """
        import time

        def overlap(a, b):
            time.sleep(100_000)
        """,
        hangs=True,
    ),
    glutton(
        "loop-in-c",
        """
        def overlap(a, b):
            return len(str(7 ** (10**9)))
        """,
        hangs=True,
    ),
    glutton(
        "catches-everything",
        """
        import signal

        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass

        def overlap(a, b):
            while True:
                try:
                    while True:
                        pass
                except BaseException:
                    pass
        """,
        hangs=True,
    ),
    glutton(
        "deadlock",
        """
        import threading

        lock = threading.Lock()
        lock.acquire()

        def overlap(a, b):
            lock.acquire()
        """,
        hangs=True,
    ),
    glutton(
        "endless-iterator",
        """
        class Endless(list):
            def __iter__(self):
                return self

            def __next__(self):
                return 1

            def __len__(self):
                return 1

        def overlap(a, b):
            return {1: Endless(), 2: iter(int, 1)}
        """,
        hangs=True,
    ),
    glutton(
        "slow-words",
        """
        import time

        class Slow(Exception):
            def __str__(self):
                time.sleep(100_000)

        def overlap(a, b):
            raise Slow
        """,
        hangs=True,
    ),
    glutton(
        "thread-left-behind",
        """
        import threading

        def spin():
            while True:
                sum(range(10_000))

        for _ in range(4):
            threading.Thread(target=spin).start()

        def overlap(a, b):
            return len(set(a) & set(b))
        """,
        hangs=True,
        unsure=frozenset({"overlap"}),
    ),
    glutton("asks-for-input", "answer = input('Shall I go on? ')\n\ndef overlap(a, b):\n    return input()"),
    glutton(
        "reads-a-terminal",
        """
        import getpass
        import sys

        def overlap(a, b):
            return sys.stdin.read() or getpass.getpass()
        """,
    ),
    glutton("breakpoint", "def overlap(a, b):\n    breakpoint()\n    return None"),
]

SPACE = [
    glutton(
        "memory-in-the-cell",
        """
        hoard = []
        for _ in range(96):
            hoard.append(bytearray(2**26))

        def overlap(a, b):
            return len(set(a) & set(b))
        """,
    ),
    glutton(
        "memory-in-the-call",
        """
        def overlap(a, b):
            return np.ones((96, 2**23)).sum()
        """,
    ),
    glutton(
        "memory-caught",
        """
        def overlap(a, b):
            hoard = []
            for _ in range(96):
                try:
                    hoard.append(bytearray(2**26))
                except BaseException:
                    pass
            return len(hoard)
        """,
        hangs=True,
    ),
    glutton(
        "disk",
        """
        for number in range(64):
            try:
                with open(f"/tmp/{number}", "wb") as file:
                    file.write(bytes(2**25))
            except OSError:
                pass

        def overlap(a, b):
            return None
        """,
    ),
    glutton(
        "shared-memory",
        """
        for number in range(64):
            try:
                with open(f"/dev/shm/{number}", "wb") as file:
                    file.write(bytes(2**25))
            except OSError:
                pass

        def overlap(a, b):
            return None
        """,
    ),
    glutton(
        "small-files",
        """
        def overlap(a, b):
            for number in range(30_000):
                open(f"/tmp/{number}", "w").close()
            return None
        """,
        hangs=True,
    ),
    glutton(
        "open-files",
        """
        def overlap(a, b):
            return len([open("/dev/null") for _ in range(20_000)])
        """,
    ),
]


ENTRIES = [*TIME, *SPACE]
