import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import ndcg_score, roc_auc_score

from coursekit.metrics import evaluate, evaluate_ncf, evaluate_sampled, top_k

RNG = np.random.default_rng(0)
POSITIVES = RNG.integers(0, 50, 40)
NEGATIVES = np.array([RNG.permutation(np.setdiff1d(np.arange(50), p))[:20] for p in POSITIVES])
SCORES = np.round(RNG.standard_normal((40, 50)), 1)  # with ties
METRICS = ("hit_rate", "ndcg", "mrr", "auc")


def lookup(scores):
    return lambda users, items: scores[users[:, None], items]


def value(table):
    return dict(zip(table["metric"], table["value"], strict=True))


def test_index_ties_equal_full_ranking_of_the_same_candidates():
    struck = np.full(SCORES.shape, -np.inf)
    candidates = np.column_stack([POSITIVES, NEGATIVES])
    np.put_along_axis(struck, candidates, np.take_along_axis(SCORES, candidates, axis=1), axis=1)
    test = sparse.csr_array((np.ones(40), (np.arange(40), POSITIVES)), shape=SCORES.shape)
    full = evaluate(top_k(struck, 5), test, k=5, metrics=METRICS[:3], n_bootstrap=200)
    sampled = evaluate_sampled(lookup(SCORES), POSITIVES, NEGATIVES, 5, ties="index", n_bootstrap=200)
    np.testing.assert_allclose(sampled.loc[[1, 0, 2], "value"], evaluate_order(full), rtol=0, atol=1e-12)
    assert sampled["n_users"].tolist() == [40] * 3


def evaluate_order(table):
    return table.set_index("metric").loc[["ndcg", "hit_rate", "mrr"], "value"]


def test_average_ties_are_scikit_learns():
    true = np.zeros((40, 21), dtype=int)
    true[:, 0] = 1
    seen = SCORES[np.arange(40)[:, None], np.column_stack([POSITIVES, NEGATIVES])]
    ours = value(evaluate_sampled(lookup(SCORES), POSITIVES, NEGATIVES, 21, METRICS, n_bootstrap=0))
    assert ours["ndcg"] == pytest.approx(ndcg_score(true, seen), abs=1e-9)
    aucs = [roc_auc_score(t, s) for t, s in zip(true, seen, strict=True)]
    assert ours["auc"] == pytest.approx(np.mean(aucs), abs=1e-9)


def test_average_is_the_mean_over_all_orders_of_the_tied():
    scores = np.array([[0.5, 0.9, 0.5, 0.5, 0.1]])
    ours = value(evaluate_sampled(lookup(scores), [0], [[1, 2, 3, 4]], 2, METRICS[:3], n_bootstrap=0))
    places = [order.index(0) + 2 for order in itertools.permutations([0, 2, 3])]
    assert ours["hit_rate"] == pytest.approx(np.mean([place <= 2 for place in places]), abs=1e-15)
    assert ours["mrr"] == pytest.approx(np.mean([(place <= 2) / place for place in places]), abs=1e-15)
    expected = np.mean([(place <= 2) / np.log2(place + 1) for place in places])
    assert ours["ndcg"] == pytest.approx(expected, abs=1e-15)


def test_a_model_that_scores_all_alike_gets_what_chance_gets():
    flat = value(
        evaluate_sampled(lookup(np.zeros((40, 50))), POSITIVES, NEGATIVES, 7, METRICS, n_bootstrap=0)
    )
    assert flat["hit_rate"] == pytest.approx(7 / 21, abs=1e-12)
    assert flat["auc"] == pytest.approx(0.5, abs=1e-12)


def test_tie_rules_differ_as_their_names_say():
    flat = lookup(np.zeros((1, 5)))
    hits = {
        ties: value(evaluate_sampled(flat, [2], [[0, 1, 3, 4]], 2, ["hit_rate"], ties=ties, n_bootstrap=0))[
            "hit_rate"
        ]
        for ties in ("optimistic", "pessimistic", "index", "average")
    }
    assert hits == {"optimistic": 1.0, "pessimistic": 0.0, "index": 0.0, "average": 0.4}


def test_users_are_asked_for_in_batches_and_a_repeated_user_counts_once(monkeypatch):
    monkeypatch.setattr("coursekit.metrics.sampled.USERS_AT_ONCE", 2)
    asked = []

    def scores_of(users, items):
        asked.append(len(users))
        return -items.astype(float)

    table = evaluate_sampled(
        scores_of, [0, 3, 3], [[1, 2], [1, 2], [4, 5]], 1, ["hit_rate"], users=[7, 7, 9], n_bootstrap=0
    )
    assert asked == [2, 1]
    assert table["value"].tolist() == [(0.5 + 1) / 2]
    assert table["n_users"].tolist() == [2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"positives": [[0]]}, "do not fit"),
        ({"negatives": [[1, 2]] * 3}, "do not fit"),
        ({"negatives": np.empty((2, 0), int)}, "do not fit"),
        ({"negatives": [[1, 2], [3, 0]]}, "row 1 repeat an item: its positive"),
        ({"negatives": [[1, 1], [3, 4]]}, "row 0 repeat an item: a negative twice"),
        ({"k": 0}, "not 0"),
        ({"ties": "random"}, "ties='random'"),
        ({"metrics": ["map"]}, "there is no sampled metric 'map'"),
        ({"users": [0]}, "one user for each of 2 positives"),
        ({"scores_of": lambda u, i: np.zeros((2, 2))}, r"the shape \(2, 2\) for items of the shape \(2, 3\)"),
        ({"scores_of": lambda u, i: np.array([[0, 0, 0], [0, np.nan, 0]])}, "row 1, column 1 is NaN"),
    ],
)
def test_bad_input_is_refused(change, message):
    arguments = {"scores_of": lookup(SCORES), "positives": [0, 0], "negatives": [[1, 2], [3, 4]]}
    with pytest.raises(ValueError, match=message):
        evaluate_sampled(**(arguments | change))


def test_ncf_leaves_out_a_list_that_holds_its_own_test_item():
    negatives = NEGATIVES.copy()
    negatives[3, 5] = POSITIVES[3]
    exam = SimpleNamespace(test=POSITIVES, negatives=negatives)
    table = evaluate_ncf(lookup(SCORES), exam, 5, metrics=["hit_rate"], n_bootstrap=0)
    rest = np.delete(np.arange(40), 3)
    assert table["n_users"].tolist() == [39]
    wanted = evaluate_sampled(
        lookup(SCORES), POSITIVES[rest], NEGATIVES[rest], 5, ["hit_rate"], users=rest, n_bootstrap=0
    )
    assert value(table) == value(wanted)
