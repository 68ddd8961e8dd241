"""Accuracy on campus, in bands that broken versions of the same models fall out of."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coursekit.datasets import load
from coursekit.metrics import evaluate, rmse
from coursekit.models.factorization import ALS, BPR, AutoRec, BiasedMF, FactorizationMachine
from coursekit.models.factorization import als as als_module
from coursekit.models.features import feature_matrix
from coursekit.models.pairs import PairBatch, SampledPairs
from coursekit.splits import standard_split

# Fewer epochs than lesson 04: enough to stand well above popularity (0.094) and most neighbours (0.150).
QUICK = {"epochs": 10, "learning_rate": 0.02, "regularization": 0.01, "batch_size": 4096}


@pytest.fixture(scope="module")
def split():
    return standard_split(load("campus"))


@pytest.fixture(scope="module")
def ratings():
    return standard_split(load("campus", value="rating"))


def ndcg(model, split, train=None, candidates=None):
    test = split.test
    if candidates is not None:
        test = test.where(np.isin(test.item, candidates))
    users = np.unique(test.user)
    model.fit(split.train if train is None else train)
    ranked = model.recommend(users, k=10, candidates=candidates).items
    return evaluate(ranked, test, users, metrics=["ndcg"], n_bootstrap=0)["value"].item()


def error(model, split, train=None):
    model.fit(split.train if train is None else train)
    return rmse(split.test.value, model.predict(split.test.user, split.test.item))


def shuffled(train):
    """Everybody keeps the number of courses and every course its popularity, but who took what is chance."""
    return replace(train, item=np.random.default_rng(0).permutation(train.item))


def frozen(model):
    """The model, its users' tables staying as they were drawn."""
    build = model._network

    def network():
        made = build()
        users = made.users if hasattr(made.users, "weight") else made.users.rows
        users.weight.requires_grad_(False)
        return made

    model._network = network
    return model


class Swapped(SampledPairs):
    """Positives in the negatives' place and the other way round."""

    def __iter__(self):
        return (PairBatch(batch.users, batch.items.flip(1)) for batch in super().__iter__())


class FromPositives(SampledPairs):
    """Negatives drawn from what the user did choose: there is nothing to tell apart."""

    def _draw(self, users):
        order = torch.argsort(self.users, stable=True)
        first = torch.searchsorted(self.users[order], users)
        length = torch.searchsorted(self.users[order], users, right=True) - first
        place = torch.rand((len(users), self.n_negatives), generator=self.generator) * length[:, None]
        return self.items[order][first[:, None] + place.long()]


def with_batches(model, kind):
    def batches(data, device):
        return kind(data, model.n_negatives, model.batch_size, model.rng, device)

    model._batches = batches
    return model


# --- ranking ----------------------------------------------------------------------------------------------

BPR_BAND = (0.145, 0.185)
FM_BAND = (0.145, 0.185)
ALS_BAND = (0.165, 0.185)
AUTOREC_BAND = (0.14, 0.185)


def inside(band, value):
    return band[0] < value < band[1]


def test_ranking_of_als_lies_in_its_band_and_broken_ones_below(split, monkeypatch):
    def model():
        return ALS(32, iterations=5, alpha=4, regularization=50)

    assert inside(ALS_BAND, ndcg(model(), split))
    assert ndcg(model(), split, shuffled(split.train)) < ALS_BAND[0]
    one_sided = als_module.solve_side
    rng = np.random.default_rng(0)

    def frozen_items(fixed, gains, regularization):
        by_item = gains.shape[0] == split.train.n_items
        return rng.normal(size=(gains.shape[0], 32)) if by_item else one_sided(fixed, gains, regularization)

    monkeypatch.setattr(als_module, "solve_side", frozen_items)
    assert ndcg(model(), split) < ALS_BAND[0]


@pytest.mark.parametrize(
    ("cls", "band"),
    [(BPR, BPR_BAND), (FactorizationMachine, FM_BAND)],
    ids=lambda value: getattr(value, "__name__", ""),
)
class TestPairwise:
    """Both learn from pairs of a positive and a negative."""

    def test_ranking_lies_in_its_band(self, split, cls, band):
        assert inside(band, ndcg(cls(16, **QUICK), split))

    def test_shuffled_labels_fall_below(self, split, cls, band):
        assert ndcg(cls(16, **QUICK), split, shuffled(split.train)) < band[0]

    def test_frozen_embeddings_fall_below(self, split, cls, band):
        assert ndcg(frozen(cls(16, **QUICK)), split) < band[0]

    @pytest.mark.parametrize("kind", [Swapped, FromPositives])
    def test_wrong_negatives_fall_below(self, split, cls, band, kind):
        assert ndcg(with_batches(cls(16, **QUICK), kind), split) < band[0]


def test_features_rank_courses_that_nobody_has_taken(split):
    cold = np.setdiff1d(np.arange(split.train.n_items), split.train.item)
    features, _ = feature_matrix(split.train.item_features)
    options = {**QUICK, "epochs": 5}
    assert ndcg(FactorizationMachine(16, item_features=features, **options), split, candidates=cold) > 0.3
    mixed_up = np.random.default_rng(0).permutation(features)
    assert ndcg(FactorizationMachine(16, item_features=mixed_up, **options), split, candidates=cold) < 0.2


def implicit_autorec():
    return AutoRec(
        64, by="user", feedback="implicit", dropout=0.5, epochs=20, batch_size=256,
        learning_rate=3e-3, regularization=1e-6,
    )  # fmt: skip


def test_ranking_of_autorec_lies_in_its_band_and_a_shuffled_one_below(split):
    assert inside(AUTOREC_BAND, ndcg(implicit_autorec(), split))
    assert ndcg(implicit_autorec(), split, shuffled(split.train)) < AUTOREC_BAND[0]


# --- predicted ratings --------------------------------------------------------------------------------------

# The mean of all ratings errs by 1.254, item-kNN by 1.223, biases without factors by 1.141.
QUICK_RATINGS = {"epochs": 15, "learning_rate": 0.01, "regularization": 0.3}
BIASED_MF_BAND = (1.12, 1.165)
AUTOREC_ERROR_BAND = (1.14, 1.185)


def rating_autorec():
    return AutoRec(32, by="user", epochs=12, batch_size=256, learning_rate=3e-3, regularization=1e-3)


def test_error_of_biased_mf_lies_in_its_band_and_broken_ones_above(ratings):
    assert inside(BIASED_MF_BAND, error(BiasedMF(8, **QUICK_RATINGS), ratings))
    train = ratings.train
    permuted = replace(train, value=np.random.default_rng(0).permutation(train.value))
    assert error(BiasedMF(8, **QUICK_RATINGS), ratings, permuted) > BIASED_MF_BAND[1]
    assert error(frozen(BiasedMF(8, **QUICK_RATINGS)), ratings) > BIASED_MF_BAND[1]


def test_error_of_autorec_lies_in_its_band_and_a_shuffled_one_above(ratings):
    assert inside(AUTOREC_ERROR_BAND, error(rating_autorec(), ratings))
    train = ratings.train
    permuted = replace(train, value=np.random.default_rng(0).permutation(train.value))
    assert error(rating_autorec(), ratings, permuted) > AUTOREC_ERROR_BAND[1]
