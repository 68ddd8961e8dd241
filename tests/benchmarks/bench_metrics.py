"""HR, NDCG and recall@10 of full ranking, from a 6,040 x 3,260 score matrix.

    pip install -e ".[bench]" && pip install --no-deps recbole recommenders
    COURSEKIT_DATA=... python tests/benchmarks/bench_metrics.py [--rounds 7]

Peers: RecBole's Collector and Evaluator at its default eval_batch_size of 4096 (which, for 3,260 items,
is one user at a time) and, for information, with all users in one batch; ranx; Recommenders' pandas
metrics. The last two take lists, so they are timed twice: from the matrix (with NumPy's argpartition for
the lists) and with ready lists. Seen items are -inf in the matrix beforehand, for all. One thread, CPU
time of the process, the peers taking turns within each round, the first round thrown away, medians.
The scores are a rank-32 SVD of MovieLens-1M where it is at hand, else of seeded synthetic data.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.extmath import randomized_svd
from threadpoolctl import threadpool_limits

from coursekit.metrics import evaluate, evaluate_scores

N_USERS, N_ITEMS, K, RANK = 6_040, 3_260, 10, 32
RECBOLE_BATCH = 4_096
Triple = tuple[float, float, float]  # hit rate, NDCG, recall
Measure = Callable[[], Triple]


@dataclass(frozen=True)
class Problem:
    """What every peer is given."""

    scores: NDArray[np.float32]  # (N_USERS, N_ITEMS), seen items at -inf
    test: sparse.csr_array  # (N_USERS, N_ITEMS), at least one positive a user
    source: str

    def lists(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Top-10 items and scores, best first, the usual NumPy way."""
        best = np.argpartition(self.scores, N_ITEMS - K, axis=1)[:, -K:]
        values = np.take_along_axis(self.scores, best, axis=1)
        order = np.argsort(-values, axis=1)
        return np.take_along_axis(best, order, axis=1), np.take_along_axis(values, order, axis=1)

    @cached_property
    def pairs(self) -> tuple[NDArray, NDArray]:
        """Users and items of the held-out pairs."""
        return np.repeat(np.arange(N_USERS), np.diff(self.test.indptr)), self.test.indices.astype(np.int64)


def make_problem() -> Problem:
    """Hold out a fifth of every user's pairs and score all items with a truncated SVD of the rest."""
    rng = np.random.default_rng(0)
    file = Path(os.environ.get("COURSEKIT_DATA", "")) / "ml-1m-ncf" / "ml-1m-ncf.npz"
    if file.is_file():
        (users, items), source = np.load(file)["train"].astype(np.int64), "MovieLens-1M"
    else:
        users = np.repeat(np.arange(N_USERS), 160)
        items, source = (rng.random(len(users)) ** 3 * N_ITEMS).astype(np.int64), "synthetic"
    common = np.argsort(-np.bincount(items, minlength=N_ITEMS), kind="stable")[:N_ITEMS]
    column = np.full(items.max() + 1, -1)
    column[common] = np.arange(N_ITEMS)
    pairs = np.unique((users * N_ITEMS + column[items])[column[items] >= 0])
    order = np.lexsort((rng.random(len(pairs)), pairs // N_ITEMS))
    owner = pairs[order] // N_ITEMS
    counts = np.bincount(owner, minlength=N_USERS)
    place = np.arange(len(owner)) - (np.cumsum(counts) - counts)[owner]
    held_out = place < np.maximum(counts // 5, 1)[owner]
    train, test = (as_matrix(pairs[order][rows]) for rows in (~held_out, held_out))
    left, strength, right = randomized_svd(train, RANK, random_state=0)
    scores = ((left * strength) @ right).astype(np.float32)
    scores[train.nonzero()] = -np.inf
    return Problem(scores, test, source)


def as_matrix(pairs: NDArray[np.int64]) -> sparse.csr_array:
    """Binary (N_USERS, N_ITEMS) matrix of pair numbers."""
    where = (pairs // N_ITEMS, pairs % N_ITEMS)
    return sparse.csr_array((np.ones(len(pairs), np.float32), where), shape=(N_USERS, N_ITEMS))


def coursekit_of(problem: Problem, n_bootstrap: int = 0) -> Measure:
    """`evaluate_scores`, with or without its bootstrap intervals."""
    metrics = ["hit_rate", "ndcg", "recall"]

    def run() -> Triple:
        table = evaluate_scores(
            problem.scores, None, problem.test, k=K, metrics=metrics, n_bootstrap=n_bootstrap
        )
        return tuple(table["value"])

    return run


def coursekit_lists_of(problem: Problem) -> Measure:
    """`evaluate` on ready lists: what the metrics alone cost."""
    lists, metrics = problem.lists()[0], ["hit_rate", "ndcg", "recall"]
    return lambda: tuple(evaluate(lists, problem.test, k=K, metrics=metrics, n_bootstrap=0)["value"])


def recbole_of(problem: Problem, users_at_once: int) -> Measure:
    """RecBole's evaluation loop without its data loader, which is not timed."""
    vars(np).setdefault("float", float)  # RecBole 1.2 was written for NumPy before 1.24
    import torch
    from recbole.evaluator import Collector, Evaluator

    torch.set_num_threads(1)
    config = {"metrics": ["Hit", "NDCG", "Recall"], "topk": [K], "device": torch.device("cpu")}
    config |= {"eval_args": {"mode": {"valid": "full", "test": "full"}}, "metric_decimal_place": 12}
    scores, indptr = torch.from_numpy(problem.scores), problem.test.indptr
    users, items = (torch.from_numpy(part) for part in problem.pairs)
    batches = []
    for start in range(0, N_USERS, users_at_once):
        stop = min(start + users_at_once, N_USERS)
        pairs = slice(indptr[start], indptr[stop])
        batches.append((slice(start, stop), users[pairs] - start, items[pairs]))

    def run() -> Triple:
        collector, evaluator = Collector(config), Evaluator(config)
        for rows, positive_u, positive_i in batches:
            collector.eval_batch_collect(scores[rows], None, positive_u, positive_i)
        result = evaluator.evaluate(collector.get_data_struct())
        return tuple(result[f"{name}@{K}"] for name in ("hit", "ndcg", "recall"))

    return run


def ranx_of(problem: Problem, ready: bool) -> Measure:
    """ranx on its own data structures; the Qrels, and with `ready` the Run too, are made beforehand."""
    import ranx

    users, items = (part.astype(str) for part in problem.pairs)
    qrels: dict[str, dict[str, int]] = {}
    for user, item in zip(users.tolist(), items.tolist(), strict=True):
        qrels.setdefault(user, {})[item] = 1
    truth = ranx.Qrels(qrels)

    def make_run() -> ranx.Run:
        best, values = problem.lists()
        rows = zip(best.astype(str).tolist(), values.tolist(), strict=True)
        return ranx.Run({str(user): dict(zip(*row, strict=True)) for user, row in enumerate(rows)})

    names = [f"{name}@{K}" for name in ("hit_rate", "ndcg", "recall")]
    prepared = make_run() if ready else None

    def run() -> Triple:
        lists = make_run() if prepared is None else prepared
        result = ranx.evaluate(truth, lists, names, threads=1, save_results_in_run=False)
        return tuple(result[name] for name in names)

    return run


def recommenders_of(problem: Problem, ready: bool) -> Measure:
    """Recommenders' pandas metrics; it has no hit rate, so that is read off its table of hit counts."""
    from recommenders.evaluation import python_evaluation as theirs

    users, items = problem.pairs
    truth = pd.DataFrame({"userID": users, "itemID": items, "rating": 1.0})
    columns = {"col_user": "userID", "col_item": "itemID", "col_prediction": "prediction"}

    def make_frame() -> pd.DataFrame:
        best, values = problem.lists()
        user = np.repeat(np.arange(N_USERS), K)
        return pd.DataFrame({"userID": user, "itemID": best.ravel(), "prediction": values.ravel()})

    prepared = make_frame() if ready else None

    def run() -> Triple:
        frame = make_frame() if prepared is None else prepared
        ndcg = theirs.ndcg_at_k(truth, frame, k=K, **columns)
        recall = theirs.recall_at_k(truth, frame, k=K, **columns)
        _, counts, n_users = theirs.merge_ranking_true_pred(
            truth, frame, relevancy_method="top_k", k=K, **columns
        )
        return (counts["hit"] > 0).sum() / n_users, ndcg, recall

    return run


def prepare(problem: Problem) -> dict[str, Measure]:
    """The peers that can be imported; the others are reported by name."""
    makers = {
        "coursekit": lambda: coursekit_of(problem),
        "coursekit with intervals": lambda: coursekit_of(problem, 1000),
        "coursekit, ready lists": lambda: coursekit_lists_of(problem),
        "RecBole, default batch": lambda: recbole_of(problem, max(1, RECBOLE_BATCH // N_ITEMS)),
        "RecBole, one batch": lambda: recbole_of(problem, N_USERS),
        "ranx": lambda: ranx_of(problem, ready=False),
        "ranx, ready lists": lambda: ranx_of(problem, ready=True),
        "Recommenders": lambda: recommenders_of(problem, ready=False),
        "Recommenders, ready lists": lambda: recommenders_of(problem, ready=True),
    }
    measures = {}
    for name, maker in makers.items():
        try:
            measures[name] = maker()
        except ImportError as error:
            print(f"skipped: {name} ({error})")
    return measures


def main() -> None:
    """Print medians, how many times as fast we are, and the three numbers of each peer."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    with threadpool_limits(1):
        measure_all(make_problem(), rounds)


def measure_all(problem: Problem, rounds: int) -> None:
    """Let the peers take turns, and report."""
    print(f"{problem.source}: {N_USERS:,} x {N_ITEMS:,} scores, {problem.test.nnz:,} held-out pairs")
    measures = prepare(problem)
    seconds, results = {name: [] for name in measures}, {}
    for turn in range(rounds + 1):  # the first warms up: compilers, caches
        names = list(measures)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            start = time.process_time()
            results[name] = measures[name]()
            if turn:
                seconds[name].append(time.process_time() - start)
    report(seconds, results)


def report(seconds: dict[str, list[float]], results: dict[str, Triple]) -> None:
    """One line a peer; a number that differs by more than 1e-5 ends the program with status 1."""
    own = statistics.median(seconds["coursekit"])
    print(f"{'CPU ms, one thread':27}{'median':>9}{'min':>9}{'max':>9}{'ours x':>8}", end="")
    print(f"{'HR':>11}{'NDCG':>11}{'recall':>11}")
    for name, spent in seconds.items():
        median = statistics.median(spent)
        times = "".join(f"{1e3 * value:9.1f}" for value in (median, min(spent), max(spent)))
        values = "".join(f"{value:11.7f}" for value in results[name])
        print(f"{name:27}{times}{median / own:8.2f}{values}")
    worst = max(np.abs(np.subtract(values, results["coursekit"])).max() for values in results.values())
    print(f"largest difference between two peers' numbers and ours: {worst:.1e}")
    if worst > 1e-5:
        raise SystemExit("the peers disagree: not the same definitions")


if __name__ == "__main__":
    main()
