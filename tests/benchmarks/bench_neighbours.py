"""Item-item cosine, 20 neighbours: fit and top-10 of every user on MovieLens-1M's 992,522 pairs.

    pip install -e ".[bench]"
    COURSEKIT_DATA=... python tests/benchmarks/bench_neighbours.py [--rounds 9]

Peers: `implicit`'s CosineRecommender, and scikit-learn's NearestNeighbors(metric="cosine",
algorithm="brute") put in the place of our similarity in the same recommender. One thread, CPU time of
the process, the peers taking turns within each round, the first round thrown away, medians ("ours x":
of the rounds' ratios). The
held-out item of each user (the NCF paper's) gives recall and NDCG.
"""

# ruff: noqa: E402
from __future__ import annotations

import os

# Before NumPy is imported: it asks for the number of threads only once.
for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR"):
    os.environ[f"{library}_NUM_THREADS"] = "1"

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.neighbors import NearestNeighbors
from threadpoolctl import threadpool_limits

from coursekit.datasets import ncf_split
from coursekit.interactions import Interactions
from coursekit.metrics import evaluate
from coursekit.models import ItemKNN

N_NEIGHBOURS, K = 20, 10


class ScikitLearnKNN(ItemKNN):
    """Our recommender with scikit-learn's neighbours in it."""

    dtype = np.float32

    def _neighbours_of(self, ratings: sparse.csr_array) -> sparse.csr_array:
        search = NearestNeighbors(n_neighbors=self.n_neighbours, metric="cosine", algorithm="brute")
        items = ratings.T.tocsr().astype(self.dtype)
        distance, near = search.fit(items).kneighbors()  # without argument: not the item itself
        ends = np.arange(0, near.size + 1, self.n_neighbours)
        parts = ((1 - distance).ravel().astype(np.float32), near.ravel(), ends)
        return sparse.csr_array(parts, shape=(len(near), len(near)))


class ScikitLearn64KNN(ScikitLearnKNN):
    """The same without the rounding of float32, which moves a few neighbours."""

    dtype = np.float64


def lists_of(cls: type[ItemKNN]) -> Callable[[Interactions], NDArray[np.int64]]:
    """Fit one of our classes and give everyone's top-10."""

    def run(data: Interactions) -> NDArray[np.int64]:
        return cls(n_neighbours=N_NEIGHBOURS).fit(data).recommend(np.arange(data.n_users), K).items

    return run


def implicit_of(data: Interactions) -> Callable[[Interactions], NDArray[np.int64]]:
    """Prepare `implicit`, which is given its CSR matrix for nothing."""
    from implicit.nearest_neighbours import CosineRecommender

    matrix = sparse.csr_matrix(data.matrix(binary=True))

    def run(_: Interactions) -> NDArray[np.int64]:
        # It counts an item among its own neighbours, hence one more.
        model = CosineRecommender(K=N_NEIGHBOURS + 1, num_threads=1)
        model.fit(matrix, show_progress=False)
        return model.recommend(np.arange(data.n_users), matrix, N=K)[0].astype(np.int64)

    return run


def timed(run: Callable, data: Interactions) -> tuple[float, NDArray[np.int64]]:
    """CPU seconds and the lists."""
    start = time.process_time()
    lists = run(data)
    return time.process_time() - start, lists


def race(peers: dict[str, Callable], data: Interactions, rounds: int) -> tuple[dict, dict]:
    """CPU seconds of every round and the last lists, the order of the peers changing from round to round."""
    seconds, lists = {name: [] for name in peers}, {}
    names = list(peers)
    with threadpool_limits(1):
        for turn in range(rounds + 1):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                spent, lists[name] = timed(peers[name], data)
                if turn:
                    seconds[name].append(spent)
    return seconds, lists


def main() -> None:
    """Print seconds, how many times as fast we are, and the quality of the lists."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9)
    rounds = parser.parse_args().rounds
    train, test, _ = ncf_split()
    peers = {
        "coursekit": lists_of(ItemKNN),
        "implicit": implicit_of(train),
        "scikit-learn, float32": lists_of(ScikitLearnKNN),
        "scikit-learn, float64": lists_of(ScikitLearn64KNN),
    }
    seconds, lists = race(peers, train, rounds)
    cells = np.ones(len(test)), (np.arange(len(test)), test)
    held_out = sparse.csr_array(cells, shape=(len(test), train.n_items))
    print(
        "CPU seconds            "
        + "".join(f"{x:>9}" for x in ("median", "min", "max", "ours x", "recall", "NDCG"))
    )
    for name, spent in seconds.items():
        ratio = statistics.median(s / own for s, own in zip(spent, seconds["coursekit"], strict=True))
        quality = evaluate(lists[name], held_out, k=K, metrics=["recall", "ndcg"], n_bootstrap=0)["value"]
        times = (statistics.median(spent), min(spent), max(spent))
        print(
            f"{name:23}"
            + "".join(f"{x:9.3f}" for x in (*times, ratio))
            + "".join(f"{x:9.5f}" for x in quality)
        )


if __name__ == "__main__":
    main()
