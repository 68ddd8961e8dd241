"""Ranking one positive among sampled negatives: the 1+99 protocol (He et al., 2017)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from coursekit.metrics.evaluation import summarise
from coursekit.metrics.selection import as_scores, check_k, refuse_nan

USERS_AT_ONCE = 2048
TIES = ("average", "index", "pessimistic", "optimistic")

ScoresOf = Callable[[NDArray[np.int64], NDArray[np.int64]], ArrayLike]


def evaluate_sampled(
    scores_of: ScoresOf,
    positives: ArrayLike,
    negatives: ArrayLike,
    k: int = 10,
    metrics: Sequence[str] = ("hit_rate", "ndcg", "mrr"),
    *,
    users: ArrayLike | None = None,
    ties: str = "average",
    n_bootstrap: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Rank each user's held-out item among a sample of items the user never met.

    Far cheaper than full ranking for a model that scores pairs, and biased: it can order two models
    the other way round (Krichene and Rendle, 2020). Use it to compare with papers that used it.

    Args:
        scores_of: function of users (B,) and items (B, 1 + n) that gives their scores (B, 1 + n).
        positives: (U,) held-out item of each user.
        negatives: (U, n) sampled items (see `splits.sample_negatives`).
        k: cut-off.
        metrics: any of "hit_rate", "ndcg", "mrr" (all at k) and "auc" (of the whole list).
        users: (U,) user rows; by default 0, 1, 2, … A user who comes several times counts once,
            with the mean of the cases.
        ties: where the positive stands among negatives of the same score: "average" over all orders
            (the expected value: a model that scores everything alike gets what chance gets),
            "index" (lower item index first), "pessimistic" (last) or "optimistic" (first).
        n_bootstrap, level, rng: as in `evaluate`.

    Returns:
        The table of `evaluate`: metric, k, value, low, high, n_users.

    Raises:
        ValueError: when shapes do not fit, a positive stands among its negatives, a negative comes
            twice, or a score is NaN (its row is named).
    """
    k, items = check_k(k), _candidates(positives, negatives)
    users = np.arange(len(items)) if users is None else np.asarray(users)
    if users.shape != (len(items),):
        raise ValueError(f"users has the shape {users.shape}; one user for each of {len(items)} positives")
    scores = np.empty(items.shape)
    for start in range(0, len(items), USERS_AT_ONCE):
        part = slice(start, start + USERS_AT_ONCE)
        scores[part] = _checked_scores(scores_of(users[part], items[part]), items[part].shape, start)
    better, equal = _places(scores, items, ties)
    columns = {name: _expected(_worth(name, items.shape[1], k), better, equal) for name in metrics}
    values = pd.DataFrame(columns, index=users).groupby(level=0).mean()
    return summarise(values, k, n_bootstrap=n_bootstrap, level=level, rng=rng)


def evaluate_ncf(scores_of: ScoresOf, exam: object, k: int = 10, **options: object) -> pd.DataFrame:
    """Rank each test item of the NCF paper among the authors' own 99 negatives.

    A user whose test item stands among its own negatives has no proper list and is left out; `n_users` of
    the table says how many remain.

    Args:
        scores_of: as for `evaluate_sampled`, of a model that was fitted on `exam.train`.
        exam: has `test` and `negatives`, as `ncf_split()` returns them.
        k: cut-off.
        **options: passed on to `evaluate_sampled` (metrics, ties, n_bootstrap, level, rng).

    Returns:
        The table of `evaluate`: metric, k, value, low, high, n_users.
    """
    test, negatives = np.asarray(exam.test), np.asarray(exam.negatives)
    users = np.flatnonzero((negatives != test[:, None]).all(axis=1))
    return evaluate_sampled(scores_of, test[users], negatives[users], k, users=users, **options)


def _candidates(positives: ArrayLike, negatives: ArrayLike) -> NDArray[np.int64]:
    """(U, 1 + n) items, the positive in column 0."""
    positives, negatives = np.asarray(positives), np.asarray(negatives)
    if positives.ndim != 1 or negatives.ndim != 2 or len(positives) != len(negatives) or not negatives.size:
        raise ValueError(
            f"positives (U,) and negatives (U, n) do not fit: {positives.shape} and {negatives.shape}"
        )
    items = np.column_stack([positives, negatives]).astype(np.int64)
    in_order = np.sort(items, axis=1)
    twice = (in_order[:, 1:] == in_order[:, :-1]).any(axis=1)
    if twice.any():
        row = int(np.argmax(twice))
        what = (
            "its positive stands among its negatives"
            if items[row, 0] in items[row, 1:]
            else "a negative twice"
        )
        raise ValueError(f"candidates of row {row} repeat an item: {what}")
    return items


def _checked_scores(scores: ArrayLike, shape: tuple[int, ...], first_row: int) -> NDArray[np.floating]:
    scores = as_scores(scores)
    if scores.shape != shape:
        raise ValueError(f"scores_of gave the shape {scores.shape} for items of the shape {shape}")
    refuse_nan(scores, first_row)
    return scores


def _places(
    scores: NDArray[np.float64], items: NDArray[np.int64], ties: str
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many negatives stand surely before the positive, and how many share its place."""
    if ties not in TIES:
        raise ValueError(f"ties={ties!r}: choose one of {TIES}")
    before = scores[:, 1:] > scores[:, :1]
    same = scores[:, 1:] == scores[:, :1]
    if ties == "pessimistic":
        before |= same
    elif ties == "index":
        before |= same & (items[:, 1:] < items[:, :1])
    shared = same.sum(axis=1) if ties == "average" else np.zeros(len(items), dtype=np.int64)
    return before.sum(axis=1), shared


def _worth(metric: str, n_candidates: int, k: int) -> NDArray[np.float64]:
    """(n_candidates,) what a positive at place 1, 2, … is worth."""
    place = np.arange(1, n_candidates + 1)
    if metric == "auc":
        return (n_candidates - place) / (n_candidates - 1)
    kinds = {"hit_rate": np.ones(n_candidates), "ndcg": 1 / np.log2(place + 1), "mrr": 1 / place}
    if metric not in kinds:
        raise ValueError(f"there is no sampled metric {metric!r}; known are {', '.join(kinds)}, auc")
    return np.where(place <= k, kinds[metric], 0.0)


def _expected(
    worth: NDArray[np.float64], better: NDArray[np.int64], equal: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Mean worth of the places better + 1 … better + equal + 1."""
    total = np.concatenate([[0.0], np.cumsum(worth)])
    return (total[better + equal + 1] - total[better]) / (equal + 1)
