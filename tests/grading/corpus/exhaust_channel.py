"""Submissions that start many processes, or send back more than anybody can read."""

from __future__ import annotations

from tests.grading.corpus.exhaust import glutton

PROCESSES = [
    glutton(
        "forks",
        """
        import os
        import time

        def overlap(a, b):
            for _ in range(100):
                if os.fork() == 0:
                    time.sleep(30)
                    os._exit(0)
            return len(set(a) & set(b))
        """,
    ),
    glutton(
        "daemon",
        """
        import os
        import time

        if os.fork() == 0:
            os.setsid()
            time.sleep(30)
            os._exit(0)

        def overlap(a, b):
            return None
        """,
    ),
    glutton(
        "programs",
        """
        import subprocess

        def overlap(a, b):
            children = [subprocess.Popen(["sleep", "30"]) for _ in range(50)]
            return len(children)
        """,
        flagged=True,
    ),
    glutton(
        "threads",
        """
        import threading
        import time

        def overlap(a, b):
            for _ in range(3_000):
                threading.Thread(target=time.sleep, args=(30,), daemon=True).start()
            return None
        """,
        hangs=True,
    ),
    glutton(
        "multiprocessing",
        """
        import multiprocessing

        def overlap(a, b):
            with multiprocessing.get_context("fork").Pool(20) as pool:
                return pool.map(abs, [1])
        """,
        hangs=True,
    ),
]

CHANNEL = [
    glutton(
        "prints-much",
        """
        for _ in range(300):
            print("x" * 100_000)

        def overlap(a, b):
            for _ in range(100):
                print("y" * 100_000)
            return None
        """,
        hangs=True,
    ),
    glutton(
        "returns-much",
        """
        def overlap(a, b):
            return np.zeros(2**24)
        """,
    ),
    glutton(
        "returns-many",
        """
        def overlap(a, b):
            return [[i] for i in range(1_200_000)]
        """,
        hangs=True,
    ),
    glutton(
        "returns-nested",
        """
        def overlap(a, b):
            nested = []
            for _ in range(100_000):
                nested = [nested]
            return nested
        """,
    ),
    glutton(
        "returns-itself",
        """
        def overlap(a, b):
            knot = {}
            knot[1] = [knot, (knot,), {2: knot}]
            return knot
        """,
        hangs=True,
    ),
    glutton(
        "returns-shared-tree",
        """
        def overlap(a, b):
            tree = [0]
            for _ in range(28):
                tree = [tree, tree]
            return tree
        """,
        hangs=True,
    ),
    glutton("returns-huge-number", "def overlap(a, b):\n    return 10 ** 100_000"),
    glutton(
        "returns-broad-array", "def overlap(a, b):\n    return np.empty((0, 2**40)), np.empty((2**20, 0))"
    ),
    glutton(
        "returns-broad-frame",
        """
        import pandas as pd

        def overlap(a, b):
            return pd.DataFrame(np.zeros((0, 200_000)))
        """,
        hangs=True,
    ),
    glutton(
        "returns-strange-text",
        """
        def overlap(a, b):
            return {"lone \\ud800": "\\0\\x1b[31m\\u202e", (None, 1.5): float("nan"), b"\\xff": 1 + 2j}
        """,
    ),
    glutton(
        "long-names",
        """
        Long = type("E" * 3_000_000, (Exception,), {"__module__": "<b>" * 1000})

        def overlap(a, b):
            raise Long("\\n" * 100_000)

        overlap.__name__ = overlap.__qualname__ = "f" * 3_000_000
        """,
    ),
    glutton(
        "raises-much",
        """
        def overlap(a, b):
            raise ValueError("z" * 5_000_000)
        """,
    ),
]

ENTRIES = [*PROCESSES, *CHANNEL]
