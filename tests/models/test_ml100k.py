"""Bands on MovieLens-100K: narrow enough that a wrong mean, axis or denominator falls outside."""

import os
from pathlib import Path

import numpy as np
import pytest

from coursekit.datasets import load
from coursekit.metrics import evaluate, rmse
from coursekit.models import ALS, BPR, BiasedMF, ItemKNN, Popularity, Random, UserKNN
from coursekit.splits import random_split

FOLDER = os.environ.get("COURSEKIT_DATA")
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.skipif(
        not FOLDER or not (Path(FOLDER) / "ml-100k" / "u.data").exists(),
        reason="ml-100k is not in COURSEKIT_DATA",
    ),
]


@pytest.fixture(scope="module")
def split():
    return random_split(load("ml-100k"), 0.25, by="item", rng=0)


# Means of five seeds by benchmarks/ml100k_table.py; a seed strays by 0.005. SAR's published NDCG is 0.382.
@pytest.mark.parametrize(
    ("model", "low", "high"),
    [
        (Random(), 0.010, 0.025),
        (Popularity(), 0.240, 0.260),
        (ItemKNN("cosine", 10, 5), 0.400, 0.425),
        (UserKNN("cosine", 120, 2), 0.420, 0.445),
        (ALS(16, 10, 1.0, 30.0), 0.460, 0.490),
        (BPR(32, epochs=40, learning_rate=1e-2, decay=True, regularization=0.015), 0.430, 0.465),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, float) else "",
)
def test_ndcg_lies_in_its_band(split, model, low, high):
    users = np.unique(split.test.user)
    ranked = model.fit(split.train).recommend(users, k=10).items
    table = evaluate(ranked, split.test, users, metrics=["ndcg"], n_bootstrap=0)
    assert low < table["value"].item() < high


@pytest.mark.parametrize(
    ("model", "low", "high"),
    [
        (ItemKNN("adjusted_cosine", None, 10, "explicit"), 0.912, 0.926),
        (UserKNN("pearson", None, 10, "explicit"), 0.936, 0.950),
        (BiasedMF(16, epochs=20, learning_rate=1e-2, decay=True, regularization=0.1), 0.905, 0.935),
    ],
    ids=["item", "user", "factors"],
)
def test_error_of_predicted_ratings_lies_in_its_band(split, model, low, high):
    test = split.test
    predicted = model.fit(split.train).predict(test.user, test.item)
    assert low < rmse(test.value, predicted) < high
