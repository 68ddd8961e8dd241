import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from coursekit.metrics import bootstrap, bootstrap_interval, bootstrap_means, compare_models

VALUES = np.random.default_rng(0).beta(0.5, 2, size=(300, 2))


def test_means_are_those_of_users_drawn_one_resample_at_a_time():
    rng = np.random.default_rng(7)
    expected = [VALUES[rng.integers(0, 300, 300, dtype=np.int32)].mean(axis=0) for _ in range(40)]
    np.testing.assert_allclose(bootstrap_means(VALUES, 40, rng=7), expected, rtol=1e-12)


def test_the_number_of_resamples_held_at_once_changes_nothing(monkeypatch):
    whole = bootstrap_means(VALUES, 25, rng=1)
    monkeypatch.setattr(bootstrap, "DRAWS_AT_ONCE", 700)  # two resamples at a time
    np.testing.assert_allclose(bootstrap_means(VALUES, 25, rng=1), whole, rtol=1e-12)


def test_the_interval_is_scipys_percentile_interval():
    low, high = bootstrap_interval(VALUES[:, 0], 20_000, rng=1)
    options = {"n_resamples": 20_000, "method": "percentile", "random_state": 2}
    theirs = stats.bootstrap((VALUES[:, 0],), np.mean, **options)
    # Two Monte Carlo runs differ in the third digit of the width.
    width = theirs.confidence_interval.high - theirs.confidence_interval.low
    assert low == pytest.approx(theirs.confidence_interval.low, abs=0.02 * width)
    assert high == pytest.approx(theirs.confidence_interval.high, abs=0.02 * width)


def test_ninety_five_of_a_hundred_intervals_hold_the_truth():
    rng = np.random.default_rng(3)
    samples = rng.random((400, 60)) < 0.3
    bounds = np.array([bootstrap_interval(sample, 400, rng=rng) for sample in samples.astype(float)])
    covered = np.mean((bounds[:, 0] <= 0.3) & (bounds[:, 1] >= 0.3))
    assert 0.91 < covered < 0.98


def test_a_constant_has_an_interval_of_width_zero_and_a_wider_level_a_wider_interval():
    assert bootstrap_interval(np.full(9, 0.25), 100) == (0.25, 0.25)
    narrow, wide = (bootstrap_interval(VALUES[:, 0], 500, level=level) for level in (0.8, 0.99))
    assert wide[0] < narrow[0] < narrow[1] < wide[1]


def test_memory_is_bounded_for_many_users():
    values = np.random.default_rng(0).random(200_000)
    tracemalloc.start()
    bootstrap_means(values, 60)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # all at once: 60 · 200,000 · 28 bytes = 336 MB


def test_paired_comparison_sees_what_two_intervals_cannot():
    rng = np.random.default_rng(4)
    hard = rng.random(500)  # how well any model does for this user
    a, b = hard + 0.02 + rng.normal(0, 0.02, 500), hard
    row = compare_models(a, b, rng=0).iloc[0]
    assert row["difference"] == pytest.approx(np.mean(a - b), rel=1e-12)
    assert 0 < row["low"] < row["difference"] < row["high"] < 0.03
    assert row["share_a_better"] == 1.0
    assert bootstrap_interval(a)[0] < bootstrap_interval(b)[1]  # the separate intervals overlap


def test_comparison_is_antisymmetric_and_zero_for_the_same_model():
    forth, back = (compare_models(*pair, rng=9).iloc[0] for pair in (VALUES.T, VALUES.T[::-1]))
    assert forth["difference"] == -back["difference"]
    assert forth["low"] == pytest.approx(-back["high"], rel=1e-12)
    same = compare_models(VALUES[:, 0], VALUES[:, 0]).iloc[0]
    assert (same["difference"], same["low"], same["high"], same["share_a_better"]) == (0, 0, 0, 0.5)


def test_tables_are_compared_metric_by_metric_without_users_nan_for_both():
    a = pd.DataFrame({"ndcg": [1.0, np.nan, 0.5], "mrr": [1.0, np.nan, 1.0]})
    table = compare_models(a, a * 0.5, n_bootstrap=100)
    assert table["metric"].tolist() == ["ndcg", "mrr"]
    assert table["difference"].tolist() == [0.375, 0.5]
    assert table["n_users"].tolist() == [2, 2]


def test_bad_comparisons_are_refused():
    a = pd.DataFrame({"ndcg": [1.0, 0.5]}, index=[3, 4])
    with pytest.raises(ValueError, match="measured differently"):
        compare_models(a, a.rename(columns={"ndcg": "mrr"}))
    with pytest.raises(ValueError, match="measured differently"):
        compare_models(a, a.set_axis([4, 3], axis=0))
    with pytest.raises(ValueError, match="user 1 is NaN for one model only"):
        compare_models([1.0, np.nan], [1.0, 1.0])
    with pytest.raises(ValueError, match="user 1 has no finite value"):
        bootstrap_means([1.0, np.nan])
    with pytest.raises(ValueError, match="no users to resample"):
        bootstrap_means([])
