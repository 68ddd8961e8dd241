from functools import partial

import numpy as np
import pandas as pd
import pytest
from metric_cases import random_case
from scipy import sparse

from coursekit.interactions import Interactions
from coursekit.metrics import (
    DEFAULT_METRICS,
    average_precision,
    count_relevant,
    evaluate,
    evaluate_scores,
    evaluate_users,
    ndcg,
    recall,
    relevance,
    top_k,
)

CASE = random_case(11, ties=True, n_users=120)
RANKED = top_k(CASE.scores, 10)
HAS_POSITIVES = CASE.relevant.any(axis=1)


def test_the_table_is_tidy():
    table = evaluate(RANKED, CASE.test, k=(5, 10), n_bootstrap=50)
    assert list(table.columns) == ["metric", "k", "value", "low", "high", "n_users"]
    assert table["metric"].tolist() == [*DEFAULT_METRICS, *DEFAULT_METRICS]
    assert table["k"].tolist() == [5] * 6 + [10] * 6
    assert (table["n_users"] == HAS_POSITIVES.sum()).all()
    assert (table["low"] <= table["value"]).all()
    assert (table["value"] <= table["high"]).all()


def test_the_value_is_the_mean_over_users_with_positives():
    hits, n_relevant = relevance(RANKED, CASE.test), count_relevant(CASE.test)
    table = evaluate(RANKED, CASE.test, metrics=["ndcg", "map"], n_bootstrap=0)
    expected = [np.nanmean(ndcg(hits, n_relevant)), np.nanmean(average_precision(hits, n_relevant))]
    np.testing.assert_allclose(table["value"], expected, rtol=1e-12)
    assert table[["low", "high"]].isna().all(axis=None)


def test_users_without_positives_count_as_zero_when_asked():
    skip = evaluate(RANKED, CASE.test, n_bootstrap=0)
    zero = evaluate(RANKED, CASE.test, n_bootstrap=0, without_positives="zero")
    assert (zero["n_users"] == 120).all()
    np.testing.assert_allclose(zero["value"], skip["value"] * HAS_POSITIVES.mean(), rtol=1e-12)


def test_a_convention_is_chosen_with_partial():
    table = evaluate(
        RANKED, CASE.test, metrics=[partial(recall, denominator="min(k, relevant)"), ndcg], n_bootstrap=0
    )
    hits, n_relevant = relevance(RANKED, CASE.test), count_relevant(CASE.test)
    assert table["metric"].tolist() == ["recall", "ndcg"]
    expected = np.nanmean(recall(hits, n_relevant, denominator="min(k, relevant)"))
    assert table["value"][0] == pytest.approx(expected, rel=1e-12)


def test_some_users_are_measured_against_their_own_rows():
    users = np.array([41, 7, 23])
    some = evaluate(RANKED[users], CASE.test, users, n_bootstrap=0)
    expected = evaluate_users(RANKED, CASE.test).loc[users].mean()
    np.testing.assert_allclose(some["value"], expected, rtol=1e-12)


def test_per_user_values_are_indexed_by_user():
    values = evaluate_users(RANKED[[5, 10]], CASE.test, users=[5, 10], k=3, metrics=["ndcg"])
    assert values.index.tolist() == [5, 10]
    assert values["ndcg"].isna().tolist() == [False, True]


def test_scores_with_seen_items_struck_out_give_the_same_table():
    seen = np.random.default_rng(3).random(CASE.relevant.shape) < 0.4
    struck = np.where(seen, -np.inf, CASE.scores)
    users = np.arange(120)[::-1].copy()
    table = evaluate_scores(CASE.scores[users], sparse.csr_array(seen), CASE.test, users, k=(3, 10), rng=1)
    expected = evaluate(top_k(struck, 10)[users], CASE.test, users, k=(3, 10), rng=1)
    pd.testing.assert_frame_equal(table, expected)


def test_interactions_may_be_given_as_they_are():
    seen = Interactions.from_frame(
        pd.DataFrame({"user": ["a", "b"], "item": ["x", "y"]}),
        value=None,
        time=None,
        item_ids=["x", "y", "z"],
    )
    test = Interactions.from_frame(
        pd.DataFrame({"user": ["a", "b"], "item": ["z", "x"]}),
        value=None,
        time=None,
        item_ids=["x", "y", "z"],
    )
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    table = evaluate_scores(scores, seen, test, k=1, metrics=["hit_rate"], n_bootstrap=0)
    assert table["value"].tolist() == [0.5]


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    first, again = (evaluate(RANKED, CASE.test, rng=5) for _ in range(2))
    pd.testing.assert_frame_equal(first, again)
    assert not np.allclose(first["low"], evaluate(RANKED, CASE.test, rng=6)["low"], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"k": 11}, "the lists have 10 places, too few for k = 11"),
        ({"k": (5, 0)}, "not 0"),
        ({"metrics": ["hitrate"]}, "there is no metric 'hitrate'; known are ndcg, hit_rate"),
        ({"without_positives": "ignore"}, "without_positives='ignore'"),
        ({"level": 95}, "level must lie between 0 and 1, not 95"),
        ({"n_bootstrap": -1}, "n_bootstrap must be at least 0, not -1"),
        ({"users": [1, 2]}, "120 ranked lists for 2 users"),
        ({"test": sparse.csr_array((120, 37))}, "no user has anything held out"),
    ],
)
def test_bad_input_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        evaluate(**({"ranked": RANKED, "test": CASE.test} | change))


def test_nan_scores_are_refused_with_their_row():
    scores = CASE.scores.copy()
    scores[17, 3] = np.nan
    with pytest.raises(ValueError, match="row 17, column 3 is NaN"):
        evaluate_scores(scores, None, CASE.test)
