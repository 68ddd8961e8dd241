"""All families of models on campus, warm and cold, beside the oracle.

    python tests/benchmarks/campus_table.py [--seeds 3] [--only NAME …] [--record]

Protocol: the standard split of campus, by time. Warm: NDCG@10 over all courses a learner had not taken, as on
the lessons' leaderboard. Cold: the 36 courses that nobody had taken before the cut-off, ranked among
themselves for the learners who took one of them later. A model that knows courses by their number only
has no opinion there: it ranks them as they come, or by the noise its weights began with.

A seed draws a model's weights, order and negatives; the split is the same for all. A model and seed that is
done is kept under build/campus_table, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coursekit.datasets import load
from coursekit.files import whole_file
from coursekit.interactions import Interactions
from coursekit.metrics import bootstrap_interval, evaluate_users, top_k
from coursekit.models import (
    ALS,
    BPR,
    BERT4Rec,
    BertBiEncoder,
    BertCrossEncoder,
    BiLSTMAttention,
    ContentBased,
    ItemKNN,
    NeuMF,
    Popularity,
    Random,
    Recommendations,
    Recommender,
    SASRec,
    TwoTowerLSTM,
    UserKNN,
    feature_matrix,
)
from coursekit.results import origin, record_results
from coursekit.simulator import Campus
from coursekit.splits import Split, standard_split

KEPT = Path("build/campus_table")
PARTS = ("warm", "cold")
NOTE = "options of sequence models and BERT were partly chosen by looking at this split: an optimistic table"
# Options found in the lessons, on validation parts of the training data.
NEUMF = {"epochs": 10, "learning_rate": 0.01}
BERT = {"columns": ("subject",), "epochs": 1}
RERANKED = 20  # courses of the bi-encoder that the cross-encoder puts in order; of the cold ones all
ATTENTION = {"max_length": 150, "epochs": 8, "learning_rate": 5e-3, "decay": 1, "weight_decay": 0.5}


def makers(data: Interactions) -> dict[str, Callable[[int], Recommender | Reranked]]:
    """Name: how to make that model with a seed."""
    # A new course's launch lies beyond all dates seen in training.
    courses, people = data.item_features.drop(columns="launch_date"), data.user_features
    facts = {"item_features": feature_matrix(courses).matrix, "user_features": feature_matrix(people).matrix}
    return {
        "random": lambda seed: Random(rng=seed),
        "popularity": lambda seed: Popularity(),
        "item-kNN": lambda seed: ItemKNN(),
        "user-kNN": lambda seed: UserKNN(n_neighbours=100),
        "TF-IDF": lambda seed: ContentBased(columns=("subject",)),
        "MF (BPR)": lambda seed: BPR(32, epochs=40, rng=seed),
        "MF (ALS)": lambda seed: ALS(32, alpha=4, regularization=50, iterations=10, rng=seed),
        "NeuMF": lambda seed: NeuMF(rng=seed, **NEUMF),
        "NeuMF with features": lambda seed: NeuMF(rng=seed, **NEUMF, **facts),
        "two-tower LSTM": lambda seed: TwoTowerLSTM(rng=seed),
        "BiLSTM-attention": lambda seed: BiLSTMAttention(rng=seed),
        "SASRec": lambda seed: SASRec(64, 1, 1, rng=seed, **ATTENTION),
        "BERT4Rec": lambda seed: BERT4Rec(64, 1, 1, rng=seed, **ATTENTION),
        "BERT bi-encoder": lambda seed: BertBiEncoder(rng=seed, **BERT),
        "BERT cross-encoder": lambda seed: Reranked(
            BertBiEncoder(rng=seed, **BERT), BertCrossEncoder(rng=seed, max_length=5, n_negatives=3, **BERT)
        ),
    }


@dataclass
class Reranked:
    """A cross-encoder that puts the best of a bi-encoder in a new order: all pairs would take hours."""

    first: BertBiEncoder
    second: BertCrossEncoder

    def fit(self, data: Interactions) -> None:
        self.first.fit(data)
        self.second.fit(data)

    def recommend(self, users: NDArray, k: int, candidates: NDArray | None = None) -> Recommendations:
        n = RERANKED if candidates is None else len(candidates)
        return self.second.rerank(self.first, users, k, n, candidates=candidates)


def ndcg(ranked: NDArray, test: Interactions, users: NDArray) -> NDArray[np.float64]:
    """(U,) NDCG@10 of each user."""
    return evaluate_users(ranked, test, users, k=10, metrics=["ndcg"])["ndcg"].to_numpy()


def parts_of(split: Split) -> dict[str, tuple[Interactions, NDArray | None]]:
    """Name: what was held out, and the courses to choose among."""
    cold = np.setdiff1d(np.arange(split.train.n_items), split.train.item)
    return {"warm": (split.test, None), "cold": (split.test.where(np.isin(split.test.item, cold)), cold)}


def measure(model: Recommender | Reranked, split: Split) -> dict[str, NDArray | float]:
    """Fit one model; its NDCG@10 user by user, warm and cold, and the CPU seconds that fitting took."""
    began = time.process_time()
    model.fit(split.train)
    row: dict[str, NDArray | float] = {"seconds": time.process_time() - began}
    for part, (test, candidates) in parts_of(split).items():
        users = np.unique(test.user)
        row[part] = ndcg(model.recommend(users, k=10, candidates=candidates).items, test, users)
    return row


def oracle(split: Split) -> dict[str, NDArray | float]:
    """Knowing all wishes: warm at the cut-off, cold at the end, when all courses were there."""
    row: dict[str, NDArray | float] = {"seconds": np.nan}
    for (part, (test, candidates)), now in zip(
        parts_of(split).items(), (split.test.time.min(), split.test.time.max()), strict=True
    ):
        users = np.unique(test.user)
        wishes = Campus().oracle(users, now)
        if candidates is not None:
            wishes[:, np.setdiff1d(np.arange(wishes.shape[1]), candidates)] = -np.inf
        row[part] = ndcg(top_k(wishes, 10, split.train.matrix(binary=True)[users]), test, users)
    return row


def kept(name: str, seed: int, make: Callable[[], dict]) -> dict[str, NDArray]:
    """What `make` gives, from the file of an earlier run where there is one."""
    path = KEPT / f"{name.replace(' ', '_')}-{seed}.npz"
    if not path.is_file():
        row = make()
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as draft, draft.open("wb") as file:
            np.savez(file, **row)
        print(
            f"seed {seed}: {name:20} warm {row['warm'].mean():.4f} cold {row['cold'].mean():.4f}", flush=True
        )
    with np.load(path) as arrays:
        return dict(arrays)


def summary(name: str, rows: list[dict[str, NDArray]]) -> dict[str, object]:
    """One line of the table: means over seeds, their spread, and intervals over learners."""
    line: dict[str, object] = {"model": name, "seeds": len(rows)}
    for part in PARTS:
        values = np.stack([row[part] for row in rows])
        low, high = bootstrap_interval(values.mean(axis=0))
        spread = values.mean(axis=1).std(ddof=1) if len(rows) > 1 else np.nan
        line |= {part: values.mean(), f"{part}_low": low, f"{part}_high": high, f"{part}_spread": spread}
    return line


def main() -> None:
    """Measure what is asked for, print the table, and record it when told so."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only", nargs="+", metavar="NAME", help="these models; the others are left out")
    parser.add_argument("--record", action="store_true", help="write the table where lessons read it")
    options = parser.parse_args()
    split = standard_split(load("campus"))
    lines, seconds = [], 0.0
    for name, make in makers(split.train).items():
        if options.only and name not in options.only:
            continue
        rows = [
            kept(name, seed, lambda seed=seed, make=make: measure(make(seed), split))
            for seed in range(options.seeds)
        ]
        lines.append(summary(name, rows))
        seconds += sum(float(row["seconds"]) for row in rows)
    lines.append(summary("oracle", [kept("oracle", 0, lambda: oracle(split))]))
    table = pd.DataFrame(lines).round(4)
    print(table.to_string(index=False))
    if options.record:
        facts = origin(
            "campus, NDCG@10 warm and cold, mean over seeds with 95 % intervals over learners",
            f"python tests/benchmarks/campus_table.py --seeds {options.seeds} --record",
            f"{seconds / 60:.0f} of fitting",
            note=NOTE,
        )
        print("recorded in", record_results("campus", table, facts))


if __name__ == "__main__":
    main()
