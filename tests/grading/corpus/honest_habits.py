"""Right answers with the habits of those who write them: magics, files, threads, other libraries."""

from __future__ import annotations

from tests.grading.corpus.honest import RIGHT, learner

WAYS = [
    learner(
        "overwrites-names",
        {
            "cosine-rows": """
        table = courses = taken = None
        pd = "nothing"

        def cosine_rows(a, b):
            length = (a.sum() * b.sum()) ** 0.5
            return float(a @ b / length) if length else 0.0
        """
        },
    ),
    learner(
        "uses-the-story",
        {
            "precision-at-k": """
        names = list(taken)
        width = len(courses)

        def precision_at_k(recommended, chosen, k):
            assert width == 6 and names[0] == "Ada" and table.shape == (5, 6) and seed == 0
            return len([course for course in recommended[:k] if course in chosen]) / k
        """
        },
    ),
    learner("tries-it-out", {"overlap": RIGHT + "\n\n\noverlap([1, 2], [2])\noverlap(1, 2)"}),
    learner(
        "main-guard", {"overlap": RIGHT + "\n\nif __name__ == '__main__':\n    print(overlap([1], [1]))"}
    ),
    learner(
        "scratch-file",
        {
            "overlap": """
        import os
        import tempfile
        from pathlib import Path

        Path("notes.txt").write_text("α")
        with tempfile.TemporaryDirectory() as folder:
            np.save(os.path.join(folder, "a.npy"), np.arange(3))

        def overlap(a, b):
            with open("scratch.txt", "w") as file:
                print(*a, file=file)
            return len(set(a) & set(b))
        """
        },
    ),
    learner(
        "random-numbers",
        {
            "overlap": """
        import random

        random.seed(seed)
        np.random.seed(1)
        order = np.random.default_rng(0).permutation(5)

        def overlap(a, b):
            return len(set(random.sample(a, len(a))) & set(b))
        """
        },
    ),
    learner(
        "threads",
        {
            "overlap": """
        from concurrent.futures import ThreadPoolExecutor

        def overlap(a, b):
            with ThreadPoolExecutor(4) as pool:
                return sum(pool.map(lambda course: course in b, set(a)))
        """
        },
        flagged=None,
    ),
    learner(
        "memory",
        {
            "overlap": """
        large = np.ones(20_000_000)

        def overlap(a, b):
            more = np.ones(2_000_000)
            return len(set(a) & set(b))
        """
        },
    ),
    learner(
        "asyncio",
        {
            "overlap": """
        import asyncio

        await asyncio.sleep(0.01)

        def overlap(a, b):
            async def count():
                await asyncio.sleep(0)
                return len(set(a) & set(b))

            return asyncio.run(count())
        """
        },
        flagged=None,
    ),
    learner(
        "pandas",
        {
            "overlap": """
        def overlap(a, b):
            return int(pd.Series(a).drop_duplicates().isin(b).sum())
        """
        },
    ),
    learner(
        "sklearn",
        {
            "most-similar": """
        from sklearn.metrics.pairwise import cosine_similarity

        def most_similar(table, learner):
            similar = cosine_similarity(table)[learner]
            similar[learner] = -1
            return int(similar.round(9).argmax())
        """
        },
    ),
    learner(
        "sets-as-frames-01",
        {
            "time-parts": """
        def time_parts(learner, course, time, cutoff):
            log = pd.DataFrame({"learner": learner, "course": course, "time": time})
            past = log[log["time"] < cutoff].drop_duplicates(["learner", "course"])
            merged = log.merge(past[["learner", "course"]], how="left", indicator=True)
            again = merged["_merge"].to_numpy() == "both"
            return np.select([log["time"] < cutoff, again], [0, -1], 1)
        """
        },
    ),
    learner(
        "loops-02",
        {
            "best-unseen": """
        def best_unseen(scores, seen, k):
            lists = []
            for row, known in zip(scores, seen):
                open_items = [item for item in range(len(row)) if not known[item]]
                lists.append(sorted(open_items, key=lambda item: (-row[item], item))[:k])
            return np.array(lists)
        """
        },
    ),
]

MAGICS = [
    learner("cell-magic", {"overlap": "%%time\n" + RIGHT}),
    learner("capture", {"overlap": "%%capture output\nprint(1)\n" + RIGHT}),
    learner(
        "line-magics",
        {
            "overlap": """
        %load_ext autoreload
        %autoreload 2
        %config InlineBackend.figure_format = "retina"
        %precision 3

        def overlap(a, b):
            return len(set(a) & set(b))

        %timeit -n 1 -r 1 overlap([1], [1])
        %time overlap([1], [1])
        %who
        overlap?
        """
        },
    ),
    learner(
        "shell",
        {"overlap": "!pip --version\nfiles = !ls\n%pip install numpy\n%cd ..\n%pwd\n" + RIGHT},
        flagged=None,
    ),
    learner(
        "display",
        {
            "overlap": RIGHT
            + "\n\nfrom IPython.display import Markdown\ndisplay(Markdown('**fine**'), table)\ntable;"
        },
        flagged=None,
    ),
    learner(
        "magic-in-the-function",
        {
            "overlap": """
        def overlap(a, b):
            shared = set(a) & set(b)
            %time print(len(shared))
            return len(shared)
        """
        },
    ),
]

SETTINGS = [
    learner(
        "settings",
        {
            "overlap": """
            import os
            import sys
            import warnings

            import matplotlib.pyplot as plt

            os.environ["OMP_NUM_THREADS"] = "1"
            warnings.filterwarnings("ignore")
            np.set_printoptions(precision=3, suppress=True)
            np.seterr(all="ignore")
            pd.set_option("display.max_columns", None)
            pd.options.display.max_rows = 10
            plt.rcParams["figure.figsize"] = (8, 4)
            plt.rcParams.update({"font.size": 12})
            sys.setrecursionlimit(5000)
            print(sys.version, os.getcwd(), os.path.exists("data.csv"), type(table).__name__)
            help(len)

            def overlap(a, b):
                return len(set(a) & set(b))

            overlap.calls = 0
            """
        },
    ),
    learner(
        "torch-settings",
        {
            "cosine-rows": """
            import torch

            torch.manual_seed(0)
            torch.set_num_threads(1)
            torch.backends.cudnn.deterministic = True
            device = "cuda" if torch.cuda.is_available() else "cpu"

            def cosine_rows(a, b):
                x, y = (torch.as_tensor(row, dtype=torch.float64, device=device) for row in (a, b))
                length = float(x.norm() * y.norm())
                return float(x @ y) / length if length else 0.0
            """
        },
    ),
    learner(
        "own-tests",
        {
            "cosine-rows": """
            import unittest

            def cosine_rows(a, b):
                length = np.sqrt(a.sum() * b.sum())
                return float(a @ b / length) if length else 0.0

            np.testing.assert_allclose(cosine_rows(np.array([1, 0]), np.array([1, 0])), 1.0)
            assert cosine_rows(table[0], table[0]) > 0.99 and cosine_rows(*table[:2]) > 0.8

            class TestCosine(unittest.TestCase):
                def test_empty(self):
                    self.assertEqual(cosine_rows(np.zeros(3), np.ones(3)), 0.0)

            unittest.main(argv=[""], exit=False)
            """
        },
    ),
    learner("future", {"overlap": "from __future__ import annotations\n\n" + RIGHT}),
    learner("debugger", {"overlap": "%pdb off\n%debug\n" + RIGHT}, flagged=None),
    learner("unknown-magics", {"overlap": "%matplotlib widget\n%nosuchmagic\n" + RIGHT}),
]

ENTRIES = [*WAYS, *MAGICS, *SETTINGS]
