"""The same numbers from ranx (Bassani, 2022), where it is installed (extra `bench`)."""

import numpy as np
import pytest
from metric_cases import random_case
from scipy import sparse

from coursekit.metrics import (
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

ranx = pytest.importorskip("ranx", reason="ranx is not installed (extra 'bench')")

PAIRS = {
    "hit_rate": hit_rate,
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "ndcg": ndcg,
    "mrr": mrr,
    "map": average_precision,
}


def as_dicts(table, width):
    """{user: {item: number}} as ranx wants it, for the users who have positives."""
    rows = {f"u{u}": {f"i{i}": n for i, n in row.items()} for u, row in table.items() if row}
    return {user: row for user, row in rows.items() if width is None or user in width}


@pytest.mark.parametrize("k", [1, 5, 20])
@pytest.mark.parametrize("ties", [False, True])
def test_every_list_metric_equals_ranx(ties, k):
    case = random_case(21, ties=ties)
    truth = as_dicts(
        {u: {int(i): 1 for i in np.flatnonzero(row)} for u, row in enumerate(case.relevant)}, None
    )
    run = as_dicts({u: dict(enumerate(row.tolist())) for u, row in enumerate(case.placed)}, truth)
    hits, n_relevant = relevance(top_k(case.scores, k), case.test), count_relevant(case.test)
    order = [int(user[1:]) for user in truth]
    for name, ours in PAIRS.items():
        theirs = ranx.evaluate(
            ranx.Qrels(truth), ranx.Run(run), f"{name}@{k}", return_mean=False, make_comparable=True
        )
        by_user = dict(zip(sorted(truth), theirs, strict=True))
        expected = [by_user[f"u{user}"] for user in order]
        np.testing.assert_allclose(
            ours(hits, n_relevant, k)[order], expected, rtol=0, atol=1e-9, err_msg=name
        )


@pytest.mark.parametrize(("gain", "name"), [("linear", "ndcg"), ("exponential", "ndcg_burges")])
def test_graded_ndcg_equals_ranx(gain, name):
    case = random_case(22)
    stars = case.relevant * np.random.default_rng(0).integers(1, 6, case.relevant.shape)
    truth = as_dicts(
        {u: {int(i): int(row[i]) for i in np.flatnonzero(row)} for u, row in enumerate(stars)}, None
    )
    run = as_dicts({u: dict(enumerate(row.tolist())) for u, row in enumerate(case.placed)}, truth)
    ours = graded_ndcg(*graded_relevance(top_k(case.scores, 10), sparse.csr_array(stars)), 10, gain=gain)
    theirs = ranx.evaluate(ranx.Qrels(truth), ranx.Run(run), f"{name}@10", make_comparable=True)
    assert np.nanmean(ours) == pytest.approx(theirs, abs=1e-9)
