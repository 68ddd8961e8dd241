"""Every metric of a list against scikit-learn, to 1e-9, with ties and with users who have nothing to find."""

import numpy as np
import pytest
from metric_cases import random_case
from scipy import sparse
from sklearn.metrics import (
    average_precision_score,
    f1_score,
    label_ranking_average_precision_score,
    ndcg_score,
    precision_score,
    recall_score,
    roc_auc_score,
)

from coursekit.metrics import (
    auc,
    average_precision,
    count_relevant,
    f1,
    graded_ndcg,
    graded_relevance,
    hit_rate,
    mrr,
    ndcg,
    precision,
    recall,
    relevance,
    top_k,
)

TOLERANCE = 1e-9
CASES = [(seed, ties, k) for seed in range(2) for ties in (False, True) for k in (1, 10, 37)]


def measured(case, k):
    ranked = top_k(case.scores, k)
    return relevance(ranked, case.test), count_relevant(case.test)


def by_sklearn(case, function):
    """One number a user from scikit-learn; NaN where it has nothing to work on."""
    rows = zip(case.relevant, case.placed, strict=True)
    return np.array([function(true, score) if true.any() else np.nan for true, score in rows])


def agree(ours, theirs):
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=TOLERANCE, strict=True)


def head(score, k):
    """The k items recommended, as a yes-or-no prediction."""
    return score > len(score) - k


@pytest.mark.parametrize(("seed", "ties", "k"), CASES)
def test_precision_recall_and_f1_are_those_of_a_classifier_that_says_yes_to_the_head(seed, ties, k):
    case = random_case(seed, ties=ties)
    hits, n_relevant = measured(case, k)
    options = {"zero_division": 0}
    for ours, score in ((precision, precision_score), (recall, recall_score), (f1, f1_score)):
        theirs = by_sklearn(case, lambda true, s, score=score: score(true, head(s, k), **options))
        agree(ours(hits, n_relevant, k), theirs)


@pytest.mark.parametrize(("seed", "ties", "k"), CASES)
def test_ndcg_is_scikit_learns(seed, ties, k):
    case = random_case(seed, ties=ties)
    hits, n_relevant = measured(case, k)
    agree(ndcg(hits, n_relevant, k), by_sklearn(case, lambda true, s: ndcg_score([true], [s], k=k)))


@pytest.mark.parametrize(("seed", "ties", "k"), CASES)
def test_average_precision_is_scikit_learns_on_the_head_times_its_recall(seed, ties, k):
    case = random_case(seed, ties=ties)
    hits, n_relevant = measured(case, k)

    def theirs(true, score):
        inside = head(score, k)
        found = true[inside].any()
        return (
            average_precision_score(true[inside], score[inside]) * true[inside].sum() / true.sum()
            if found
            else 0.0
        )

    expected = by_sklearn(case, theirs)
    agree(average_precision(hits, n_relevant, k), expected)
    rescaled = expected * n_relevant / np.minimum(np.maximum(n_relevant, 1), k)
    agree(average_precision(hits, n_relevant, k, denominator="min(k, relevant)"), rescaled)


def test_average_precision_of_the_whole_list_is_label_ranking_average_precision():
    case = random_case(4)
    hits, n_relevant = measured(case, 37)
    agree(
        average_precision(hits, n_relevant, 37),
        by_sklearn(case, lambda true, s: label_ranking_average_precision_score([true], [s])),
    )


@pytest.mark.parametrize(("seed", "ties", "k"), CASES)
def test_mrr_is_label_ranking_precision_with_only_the_first_hit_relevant(seed, ties, k):
    case = random_case(seed, ties=ties)
    hits, n_relevant = measured(case, k)

    def theirs(true, score):
        first = np.zeros_like(true)
        first[np.argmax(np.where(true, score, -1))] = True
        value = label_ranking_average_precision_score([first], [score])
        return value if value >= 1 / k - 1e-12 else 0.0

    agree(mrr(hits, n_relevant, k), by_sklearn(case, theirs))


@pytest.mark.parametrize(("seed", "ties", "k"), CASES)
def test_hit_rate_is_whether_recall_is_above_zero(seed, ties, k):
    case = random_case(seed, ties=ties)
    hits, n_relevant = measured(case, k)
    theirs = by_sklearn(case, lambda true, s: float(recall_score(true, head(s, k)) > 0))
    agree(hit_rate(hits, n_relevant, k), theirs)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("ties", [False, True])
def test_auc_is_scikit_learns(seed, ties):
    case = random_case(seed, ties=ties)
    rows = zip(case.relevant, case.scores, strict=True)
    theirs = [roc_auc_score(t, s) if t.any() and not t.all() else np.nan for t, s in rows]
    agree(auc(case.scores, case.relevant), np.array(theirs))


def test_auc_leaves_seen_items_out_on_both_sides():
    case = random_case(5, ties=True)
    rng = np.random.default_rng(5)
    seen = (rng.random(case.relevant.shape) < 0.3) & ~case.relevant
    rows = zip(case.relevant, case.scores, ~seen, strict=True)
    theirs = [roc_auc_score(t[c], s[c]) if 0 < t[c].sum() < c.sum() else np.nan for t, s, c in rows]
    struck = np.where(seen, -np.inf, case.scores)
    agree(auc(case.scores, case.relevant, exclude=sparse.csr_array(seen)), np.array(theirs))
    agree(auc(struck, case.relevant), np.array(theirs))


def test_auc_of_a_positive_that_cannot_be_recommended_is_zero():
    scores = np.array([[-np.inf, -np.inf, 0.1, 0.2]])
    assert auc(scores, np.array([[True, False, False, False]])).tolist() == [0.0]


def test_auc_needs_a_positive_and_a_negative():
    assert np.isnan(auc([[1.0, 2.0], [1.0, 2.0]], np.array([[True, True], [False, False]]))).all()


@pytest.mark.parametrize("k", [1, 5, 37])
@pytest.mark.parametrize("gain", ["linear", "exponential"])
def test_graded_ndcg_is_scikit_learns_on_the_gains(k, gain):
    case = random_case(6, ties=True)
    stars = case.relevant * np.random.default_rng(6).integers(1, 6, case.relevant.shape)
    gains, ideal = graded_relevance(top_k(case.scores, k), sparse.csr_array(stars))
    worth = stars if gain == "linear" else 2.0**stars - 1
    rows = zip(worth, case.placed, strict=True)
    theirs = np.array([ndcg_score([w], [s], k=k) if w.any() else np.nan for w, s in rows])
    agree(graded_ndcg(gains, ideal, k, gain=gain), theirs)


HITS = np.array([[True, False, True, False], [False, False, False, False], [False, True, False, False]])
COUNTS = np.array([6, 0, 1])


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        (precision, [2 / 4, 0, 1 / 4]),
        (recall, [2 / 6, 0, 1]),
        (f1, [4 / 10, 0, 2 / 5]),
        (hit_rate, [1, 0, 1]),
        (mrr, [1, 0, 1 / 2]),
        (average_precision, [(1 + 2 / 3) / 6, 0, 1 / 2]),
        (ndcg, [(1 + 1 / 2) / (1 + 1 / np.log2(3) + 1 / 2 + 1 / np.log2(5)), 0, 1 / np.log2(3)]),
    ],
)
def test_a_user_without_positives_is_nan_by_default_and_zero_when_asked(metric, expected):
    agree(metric(HITS, COUNTS, 4, without_positives="zero"), np.array(expected, float))
    expected[1] = np.nan
    agree(metric(HITS, COUNTS, 4), np.array(expected, float))


def test_recall_can_divide_by_what_k_places_hold():
    agree(recall(HITS, COUNTS, 4, denominator="min(k, relevant)"), np.array([2 / 4, np.nan, 1]))
    agree(f1(HITS, COUNTS, 4, denominator="min(k, relevant)"), np.array([1 / 2, np.nan, 2 / 5]))


def test_only_the_first_k_places_count():
    for metric in (precision, recall, f1, hit_rate, mrr, average_precision, ndcg):
        agree(metric(HITS, COUNTS, 2), metric(HITS[:, :2], COUNTS, 2))
    assert hit_rate(HITS, COUNTS, 1).tolist()[2] == 0


def test_a_list_shorter_than_k_is_filled_up_with_misses():
    longer = np.pad(HITS, ((0, 0), (0, 6)))
    for metric in (precision, recall, f1, hit_rate, mrr, average_precision, ndcg):
        agree(metric(HITS, COUNTS, 10), metric(longer, COUNTS, 10))
        assert metric(np.zeros((1, 0), bool), [3], 10).tolist() == [0.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hits": HITS.astype(int)}, "hits must be booleans"),
        ({"n_relevant": [1, 2]}, "must be 3 whole numbers"),
        ({"n_relevant": [6.0, 0.0, 1.0]}, "not float64"),
        ({"n_relevant": [1, 0, 1]}, "list 0 has 2 hits, but only 1 items are relevant"),
        ({"k": 0}, "k must be a whole number of at least 1, not 0"),
        ({"without_positives": "drop"}, "without_positives='drop'"),
    ],
)
def test_impossible_input_is_refused(change, message):
    arguments = {"hits": HITS, "n_relevant": COUNTS, "k": 4} | change
    with pytest.raises(ValueError, match=message):
        ndcg(**arguments)


def test_unknown_conventions_and_negative_gains_are_refused():
    with pytest.raises(ValueError, match="denominator='k'"):
        recall(HITS, COUNTS, 4, denominator="k")
    with pytest.raises(ValueError, match="list 1 at place 0 is -1"):
        graded_ndcg([[1.0], [-1.0]], [[1.0], [1.0]])
    with pytest.raises(ValueError, match="gain='log'"):
        graded_ndcg([[1.0]], [[1.0]], gain="log")
