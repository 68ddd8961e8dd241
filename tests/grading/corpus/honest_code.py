"""Right answers, written in many ways."""

from __future__ import annotations

from tests.grading.corpus.honest import RIGHT, learner

ENTRIES = [
    learner(
        "warns",
        {
            "overlap": """
        import warnings

        warnings.simplefilter("always")
        warnings.warn("in the cell")

        def overlap(a, b):
            warnings.warn("this may be slow", DeprecationWarning)
            np.log(np.array([0.0]))
            return len(set(a) & set(b))
        """
        },
    ),
    learner(
        "prints",
        {
            "overlap": """
        import logging
        import sys

        def overlap(a, b):
            print("a =", a, "b =", b)
            print("careful", file=sys.stderr)
            logging.warning("looking at %s", a)
            sys.stdout.write("done")
            print("\\n".join(map(str, range(2000))), flush=True)
            return len(set(a) & set(b))

        print(overlap(["SQL"], ["SQL"]))
        """
        },
    ),
    learner(
        "slow-but-legal",
        {
            "overlap": """
        import time

        time.sleep(0.8)

        def overlap(a, b):
            time.sleep(0.01)
            return len(set(a) & set(b))
        """
        },
    ),
    learner(
        "progress-bar",
        {
            "overlap": """
        from tqdm.auto import tqdm, trange

        def overlap(a, b):
            return sum(course in b for course in tqdm(set(a), desc="courses"))

        for _ in trange(3):
            pass
        """
        },
    ),
    learner(
        "plots",
        {
            "overlap": """
        %matplotlib inline
        import matplotlib.pyplot as plt
        from coursekit import use_style

        use_style()
        plt.plot([1, 2, 3])
        plt.show()

        def overlap(a, b):
            plt.figure()
            plt.show()
            return len(set(a) & set(b))
        """
        },
    ),
    learner(
        "changes-arguments",
        {
            "overlap": """
        def overlap(a, b):
            a.sort()
            found = len({a.pop() for _ in range(len(a))} & set(b))
            b.clear()
            return found
        """,
            "most-similar": """
        def most_similar(table, learner):
            table = np.asarray(table)
            lengths = np.sqrt((table**2).sum(axis=1))
            shared = table @ table[learner]
            product = lengths * lengths[learner]
            similarity = np.where(product > 0, shared / np.where(product > 0, product, 1), 0)
            similarity[learner] = -1
            table[:] = 0
            return np.argmax(similarity)
        """,
        },
    ),
    learner(
        "numpy-results",
        {
            "overlap": "def overlap(a, b):\n    return np.int64(np.intersect1d(a, b).size)",
            "cosine-rows": """
        def cosine_rows(a, b):
            length = np.linalg.norm(a) * np.linalg.norm(b)
            return np.float64(a @ b / length) if length else np.float64(0)
        """,
            "popular-unseen": """
        def popular_unseen(table, learner, k):
            order = np.argsort(-table.sum(axis=0), kind="stable")
            return list(order[table[learner][order] == 0][:k])
        """,
        },
    ),
    learner(
        "helpers",
        {
            "overlap": """
        from collections import Counter
        from functools import reduce, wraps

        SEEN = Counter()
        size = len

        def counted(function):
            @wraps(function)
            def inside(*args):
                SEEN[function.__name__] += 1
                return function(*args)

            return inside

        def _both(a, b):
            return {course for course in a if course in b}

        @counted
        def overlap(a, b):
            return size(_both(a, b))

        assert overlap(["SQL"], ["SQL", "Guitar"]) == 1
        """
        },
    ),
    learner("lambda", {"overlap": "overlap = lambda a, b: len(set(a) & set(b))"}),
    learner(
        "class",
        {
            "overlap": """
        from dataclasses import dataclass, field

        @dataclass
        class Pair:
            first: set = field(default_factory=set)
            second: set = field(default_factory=set)

            def __len__(self):
                return len(self.first & self.second)

            def __eq__(self, other):
                return self.first == other.first

        class Overlap:
            def __call__(self, a, b):
                return len(Pair(set(a), set(b)))

        overlap = Overlap()
        """
        },
    ),
    learner(
        "recursion",
        {
            "overlap": """
        def overlap(a, b):
            if not a:
                return 0
            first, *others = a
            return (first in b and first not in others) + overlap(others, b)
        """
        },
    ),
    learner(
        "generators",
        {
            "overlap": """
        def overlap(a, b, *, unique=True):
            '''Count — über alle Kurse.'''
            shared = (course for course in dict.fromkeys(a) if course in b)
            match list(shared):
                case []:
                    return 0
                case found:
                    return (n := len(found))
        """
        },
    ),
    learner(
        "chinese",
        {
            "overlap": """
        # 计算两个列表中共同的课程数量，重复的只算一次 🎓
        def overlap(a: list[str], b: list[str]) -> int:
            \"\"\"共同课程的数量。\"\"\"
            共同 = set(a) & set(b)
            return len(共同)
        """,
            "open-00": "流行的课程不一定适合每个人。",
        },
    ),
    learner(
        "earlier-answer",
        {
            "most-similar": """
        def most_similar(table, learner):
            others = [cosine_rows(row, table[learner]) for row in table]
            others[learner] = -1
            return int(np.argmax(others))
        """
        },
    ),
    learner(
        "earlier-import",
        {
            "overlap": "import itertools\nfrom math import sqrt\n\n" + RIGHT,
            "cosine-rows": """
        def cosine_rows(a, b):
            length = sqrt(a.sum()) * sqrt(b.sum())
            return float(a @ b / length) if length > 0 else 0.0
        """,
            "precision-at-k": """
        def precision_at_k(recommended, chosen, k):
            return sum(course in chosen for course in itertools.islice(recommended, k)) / k
        """,
        },
    ),
    learner(
        "earlier-wrong",
        {
            "overlap": "def overlap(a, b):\n    return 0\n\nraise ValueError('not finished')",
            "cosine-rows": "def cosine_rows(a, b)\n    return 0",
            "most-similar": "def most_similar(table, learner):\n    raise NotImplementedError",
        },
        earns={},
    ),
]
