"""MovieLens-100K under Microsoft Recommenders' protocol, beside the figures they publish.

    COURSEKIT_DATA=... python tests/benchmarks/ml100k_table.py [--seeds 5] [--record]

Protocol: a random 75/25 split stratified by item, all unseen items ranked, k = 10, every rating
relevant. Definitions: precision divides by k; recall and MAP divide by the user's number of held-out
items; NDCG is binary; users without a held-out item are left out. Options are chosen for each seed by
NDCG on a second such split of the training part; the test part is looked at once.

"biased MF" ranks by predicted rating. So does the published ALS row: Spark's ALS with its default of explicit
ratings, trained to predict what people would rate, which is not what they choose to watch next.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable
from itertools import product

import numpy as np
import pandas as pd

from coursekit.datasets import load
from coursekit.interactions import Interactions
from coursekit.metrics import evaluate
from coursekit.models import ALS, BPR, BiasedMF, ItemKNN, NeuMF, Popularity, Random, Recommender, UserKNN
from coursekit.results import origin, record_results
from coursekit.splits import Split, random_split

METRICS = ["map", "ndcg", "precision", "recall"]
# README of github.com/recommenders-team/recommenders, section "Algorithm Comparison".
PUBLISHED = {
    "ALS (published)": (0.004732, 0.044239, 0.048462, 0.017796),
    "SVD (published)": (0.012873, 0.095930, 0.091198, 0.032783),
    "SAR (published)": (0.110591, 0.382461, 0.330753, 0.176385),
    "NCF (published)": (0.107720, 0.396118, 0.347296, 0.180775),
    "LightGCN (published)": (0.088526, 0.419846, 0.379626, 0.144336),
    "BPR (published)": (0.132478, 0.441997, 0.388229, 0.212522),
    "BiVAE (published)": (0.146126, 0.475077, 0.411771, 0.219145),
}
# Our row: theirs. "SVD" is Surprise's biased matrix factorisation of ratings.
COUNTERPART = {"biased MF": "SVD", "ALS": "ALS", "BPR": "BPR", "NCF": "NCF"}
# User-kNN wants more neighbours than item-kNN: the best sizes lie inside both ranges.
ITEM_SIZES, USER_SIZES = (5, 10, 20, 50, 100), (20, 50, 80, 120, 200)
KINDS, SHRINKAGES = ("cosine", "jaccard"), (0, 2, 5, 10, 20)
PAIRWISE = {"epochs": 40, "learning_rate": 5e-3, "decay": True, "batch_size": 512}
MF = {"epochs": 20, "learning_rate": 1e-2, "decay": True}
NCF = {"epochs": 15, "learning_rate": 5e-3, "decay": True}


def measure(model: Recommender, split: Split) -> pd.Series:
    """Fit and evaluate one model: its four figures."""
    model.fit(split.train)
    users = np.unique(split.test.user)
    ranked = model.recommend(users, k=10).items
    table = evaluate(ranked, split.test, users, k=10, metrics=METRICS, n_bootstrap=0)
    return table.set_index("metric")["value"]


def knn_candidates(cls: type[Recommender], sizes: tuple[int, ...]) -> list[Recommender]:
    """Neighbourhood models with all combinations of similarity, size and shrinkage."""
    return [cls(*each) for each in product(KINDS, sizes, SHRINKAGES)]


def candidates(seed: int) -> dict[str, list[Recommender]]:
    """For every row of the table, the options to choose among."""
    return {
        "random": [Random(rng=seed)],
        "popularity": [Popularity()],
        "item-kNN": knn_candidates(ItemKNN, ITEM_SIZES),
        "user-kNN": knn_candidates(UserKNN, USER_SIZES),
        "biased MF": [BiasedMF(16, regularization=each, rng=seed, **MF) for each in (0.1, 0.15)],
        "ALS": [ALS(size, 10, 1.0, each, rng=seed) for size, each in product((12, 16), (15.0, 30.0))],
        "BPR": [BPR(size, regularization=0.01, rng=seed, **PAIRWISE) for size in (32, 64)],
        "NCF": [NeuMF(16, weight_decay=each, rng=seed, **NCF) for each in (0.3, 1.0)],
    }


def choose(models: Iterable[Recommender], validation: Split) -> Recommender:
    """The model with the best NDCG on a validation part of the training data."""
    models = list(models)
    return (
        models[0] if len(models) == 1 else max(models, key=lambda model: measure(model, validation)["ndcg"])
    )


def one_seed(data: Interactions, seed: int) -> dict[str, pd.Series]:
    """All rows of the table for one split."""
    split = random_split(data, 0.25, by="item", rng=seed)
    validation = random_split(split.train, 0.25, by="item", rng=1000 + seed)
    rows = {}
    for name, models in candidates(seed).items():
        chosen = choose(models, validation)
        rows[name] = measure(chosen, split)
        print(f"seed {seed}: {name:10} NDCG {rows[name]['ndcg']:.4f} {chosen}", flush=True)
    return rows


def table_of(rows: list[dict[str, pd.Series]]) -> pd.DataFrame:
    """Mean and spread over the seeds, and what others publish: one row a model and metric."""
    records = []
    for name in rows[0]:
        values = pd.DataFrame([row[name] for row in rows])[METRICS]
        theirs = PUBLISHED.get(f"{COUNTERPART.get(name)} (published)", (np.nan,) * len(METRICS))
        for metric, published in zip(METRICS, theirs, strict=True):
            mean, spread = values[metric].mean(), values[metric].std(ddof=1)
            records.append([name, metric, mean, spread, len(rows), published])
    taken = set(COUNTERPART.values())
    for name, figures in PUBLISHED.items():
        model = name.removesuffix(" (published)")
        if model not in taken:
            records += [
                [model, metric, np.nan, np.nan, 0, figure]
                for metric, figure in zip(METRICS, figures, strict=True)
            ]
    table = pd.DataFrame(records, columns=["model", "metric", "mean", "spread", "seeds", "published"])
    return table.round({"mean": 4, "spread": 4, "published": 4})


def about(minutes: float, seeds: int) -> dict[str, str]:
    """The lines above the recorded table."""
    return origin(
        "MovieLens-100K, random 75/25 split item by item, k = 10, beside the table of Recommenders",
        f"python tests/benchmarks/ml100k_table.py --seeds {seeds} --record",
        f"{minutes:.0f} with the choice of options",
    )


def main() -> None:
    """Print mean and standard deviation over seeds, then what others publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--record", action="store_true", help="write the table where lessons read it")
    options = parser.parse_args()
    began = time.perf_counter()
    data = load("ml-100k")
    rows = [one_seed(data, seed) for seed in range(options.seeds)]
    print(f"\n{'ML-100K, k = 10':22}" + "".join(f"{name:>18}" for name in METRICS))
    for name in rows[0]:
        values = pd.DataFrame([row[name] for row in rows])[METRICS]
        deviation = values.std(ddof=1) if len(rows) > 1 else values.iloc[0] * np.nan
        cells = zip(values.mean(), deviation, strict=True)
        print(f"{name:22}" + "".join(f"{mean:10.4f} ± {spread:.4f}" for mean, spread in cells))
    for name, figures in PUBLISHED.items():
        print(f"{name:22}" + "".join(f"{figure:10.4f}{'':9}" for figure in figures))
    if options.record:
        facts = about((time.perf_counter() - began) / 60, options.seeds)
        print("recorded in", record_results("ml100k", table_of(rows), facts))


if __name__ == "__main__":
    main()
