"""MovieLens-100K under Microsoft Recommenders' protocol, beside the figures they publish.

    COURSEKIT_DATA=... python tests/benchmarks/ml100k_table.py [--seeds 5]

Protocol: a random 75/25 split stratified by item, all unseen items ranked, k = 10, every rating
relevant. Definitions: precision divides by k; recall and MAP divide by the user's number of held-out
items; NDCG is binary; users without a held-out item are left out. Options of the kNN models are chosen
for each seed by NDCG on a second such split of the training part; the test part is looked at once.
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np
import pandas as pd

from coursekit.datasets import load
from coursekit.metrics import evaluate
from coursekit.models import ItemKNN, Popularity, Random, Recommender, UserKNN
from coursekit.splits import Split, random_split

METRICS = ["map", "ndcg", "precision", "recall"]
# README of github.com/recommenders-team/recommenders, section "Algorithm Comparison".
PUBLISHED = {
    "SAR (published)": (0.110591, 0.382461, 0.330753, 0.176385),
    "NCF (published)": (0.107720, 0.396118, 0.347296, 0.180775),
    "LightGCN (published)": (0.088526, 0.419846, 0.379626, 0.144336),
    "BPR (published)": (0.132478, 0.441997, 0.388229, 0.212522),
    "BiVAE (published)": (0.146126, 0.475077, 0.411771, 0.219145),
}
# User-kNN wants more neighbours than item-kNN: the best sizes lie inside both ranges.
ITEM_SIZES, USER_SIZES = (5, 10, 20, 50, 100), (20, 50, 80, 120, 200)
KINDS, SHRINKAGES = ("cosine", "jaccard"), (0, 2, 5, 10, 20)


def measure(model: Recommender, split: Split) -> pd.Series:
    """Fit and evaluate one model: its four figures."""
    model.fit(split.train)
    users = np.unique(split.test.user)
    ranked = model.recommend(users, k=10).items
    table = evaluate(ranked, split.test, users, k=10, metrics=METRICS, n_bootstrap=0)
    return table.set_index("metric")["value"]


def choose(cls: type[Recommender], sizes: tuple[int, ...], train: Split) -> Recommender:
    """The options with the best NDCG on a validation part of the training data."""
    options = product(KINDS, sizes, SHRINKAGES)
    return max((cls(*each) for each in options), key=lambda model: measure(model, train)["ndcg"])


def one_seed(data: object, seed: int) -> dict[str, pd.Series]:
    """All rows of the table for one split."""
    split = random_split(data, 0.25, by="item", rng=seed)
    validation = random_split(split.train, 0.25, by="item", rng=1000 + seed)
    models = {
        "random": Random(rng=seed),
        "popularity": Popularity(),
        "user-kNN": choose(UserKNN, USER_SIZES, validation),
        "item-kNN": choose(ItemKNN, ITEM_SIZES, validation),
    }
    for name in ("user-kNN", "item-kNN"):
        chosen = models[name]
        options = f"{chosen.similarity}, {chosen.n_neighbours} neighbours, shrinkage {chosen.shrinkage:g}"
        print(f"seed {seed}: {name} {options}")
    return {name: measure(model, split) for name, model in models.items()}


def main() -> None:
    """Print mean and standard deviation over seeds, then what others publish."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    seeds = parser.parse_args().seeds
    data = load("ml-100k")
    rows = [one_seed(data, seed) for seed in range(seeds)]
    print(f"\n{'ML-100K, k = 10':22}" + "".join(f"{name:>18}" for name in METRICS))
    for name in rows[0]:
        values = pd.DataFrame([row[name] for row in rows])[METRICS]
        deviation = values.std(ddof=1) if seeds > 1 else values.iloc[0] * np.nan
        cells = zip(values.mean(), deviation, strict=True)
        print(f"{name:22}" + "".join(f"{mean:10.4f} ± {spread:.4f}" for mean, spread in cells))
    for name, figures in PUBLISHED.items():
        print(f"{name:22}" + "".join(f"{figure:10.4f}{'':9}" for figure in figures))


if __name__ == "__main__":
    main()
