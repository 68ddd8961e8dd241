"""Metrics of a ranked list, one number a user.

Every function takes `hits` (U, L), which places of each list hold a relevant item, best first, and
`n_relevant` (U,), how many relevant items the user has, recommended or not. `relevance` and
`count_relevant` make both. Only the first k places count; a list shorter than k counts as filled up
with misses.

What people disagree on is an argument. `without_positives` says what a user with nothing held out is
worth: "skip" gives NaN (left out of means by `evaluate`), "zero" gives 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.metrics.selection import check_k

PerUser = NDArray[np.float64]
DENOMINATORS = ("relevant", "min(k, relevant)")


def precision(
    hits: ArrayLike, n_relevant: ArrayLike, k: int = 10, *, without_positives: str = "skip"
) -> PerUser:
    """Share of the k places that hold a relevant item: hits / k.

    The denominator is k also for a list that is shorter: an empty place is a miss.

    Example:
        >>> precision([[True, False, True, False]], [3], k=4)
        array([0.5])
    """
    hits, n_relevant = _checked(hits, n_relevant, k)
    return _finish(hits.sum(axis=1) / k, n_relevant, without_positives)


def recall(
    hits: ArrayLike,
    n_relevant: ArrayLike,
    k: int = 10,
    *,
    denominator: str = "relevant",
    without_positives: str = "skip",
) -> PerUser:
    """Share of the relevant items that stand in the first k places.

    Args:
        hits: (U, L) booleans.
        n_relevant: (U,) counts.
        k: cut-off.
        denominator: "relevant" divides by all relevant items, so a user with more than k of them
            cannot reach 1; "min(k, relevant)" divides by what k places can hold.
        without_positives: "skip" or "zero".

    Example:
        >>> recall([[True, False]], [4], k=2), recall([[True, False]], [4], k=2, denominator=DENOMINATORS[1])
        (array([0.25]), array([0.5]))
    """
    hits, n_relevant = _checked(hits, n_relevant, k)
    return _finish(hits.sum(axis=1) / _denominator(n_relevant, k, denominator), n_relevant, without_positives)


def f1(
    hits: ArrayLike,
    n_relevant: ArrayLike,
    k: int = 10,
    *,
    denominator: str = "relevant",
    without_positives: str = "skip",
) -> PerUser:
    """Harmonic mean of precision and recall, 2PR / (P + R); 0 for a list without hits.

    `denominator` is recall's.
    """
    hits, n_relevant = _checked(hits, n_relevant, k)
    # P = h/k and R = h/d give 2PR/(P+R) = 2h/(k+d), which needs no care at h = 0.
    values = 2 * hits.sum(axis=1) / (k + _denominator(n_relevant, k, denominator))
    return _finish(values, n_relevant, without_positives)


def hit_rate(
    hits: ArrayLike, n_relevant: ArrayLike, k: int = 10, *, without_positives: str = "skip"
) -> PerUser:
    """1 for a user with at least one hit among the first k places, else 0 (HR@k)."""
    hits, n_relevant = _checked(hits, n_relevant, k)
    return _finish(hits.any(axis=1).astype(np.float64), n_relevant, without_positives)


def ndcg(hits: ArrayLike, n_relevant: ArrayLike, k: int = 10, *, without_positives: str = "skip") -> PerUser:
    """Normalised discounted cumulative gain with binary gains (Järvelin and Kekäläinen, 2002).

    DCG = sum over hits at place i = 1..k of 1 / log2(i + 1), divided by the DCG of the best possible
    list, in which min(k, n_relevant) hits come first. For ratings as gains see `graded_ndcg`.

    Example:
        >>> ndcg([[True, False, True]], [2], k=3).round(4)
        array([0.9197])
    """
    hits, n_relevant = _checked(hits, n_relevant, k)
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[1.0], np.cumsum(discount)])[np.minimum(n_relevant, k)]
    return _finish(hits @ discount[: hits.shape[1]] / ideal, n_relevant, without_positives)


def graded_ndcg(
    gains: ArrayLike, ideal: ArrayLike, k: int = 10, *, gain: str = "linear", without_positives: str = "skip"
) -> PerUser:
    """NDCG whose gains are values such as ratings.

    Args:
        gains: (U, L) value of each recommended item, 0 where it is not relevant.
        ideal: (U, M) values of all the user's relevant items, falling (see `graded_relevance`).
        k: cut-off; the ideal list is cut there too.
        gain: "linear" takes the value itself (Järvelin and Kekäläinen, 2002), "exponential" 2^value - 1
            (Burges et al., 2005), which rewards the top grades more.
        without_positives: for users whose values are all 0: "skip" or "zero".

    Raises:
        ValueError: for a negative value: a loss has no place in an NDCG between 0 and 1.
    """
    if gain not in ("linear", "exponential"):
        raise ValueError(f"gain={gain!r}: choose 'linear' or 'exponential'")
    got, best = (_dcg_of_values(np.asarray(values, np.float64), k, gain) for values in (gains, ideal))
    if len(got) != len(best):
        raise ValueError(f"gains are given for {len(got)} users, the ideal for {len(best)}")
    return _finish(got / np.where(best > 0, best, 1), best > 0, without_positives)


def mrr(hits: ArrayLike, n_relevant: ArrayLike, k: int = 10, *, without_positives: str = "skip") -> PerUser:
    """Reciprocal rank of the first hit: 1 / its place, 0 when there is none among the first k.

    Example:
        >>> mrr([[False, True, True], [False, False, False]], [2, 1], k=3)
        array([0.5, 0. ])
    """
    hits, n_relevant = _checked(hits, n_relevant, k)
    if not hits.shape[1]:
        return _finish(np.zeros(len(hits)), n_relevant, without_positives)
    return _finish(hits.any(axis=1) / (hits.argmax(axis=1) + 1), n_relevant, without_positives)


def average_precision(
    hits: ArrayLike,
    n_relevant: ArrayLike,
    k: int = 10,
    *,
    denominator: str = "relevant",
    without_positives: str = "skip",
) -> PerUser:
    """Average over the relevant items of the precision at each one's place; its mean is MAP@k.

    AP@k = (1 / d) · sum over hits at place i <= k of (hits among the first i) / i. A relevant item
    that is not among the first k adds 0.

    Args:
        hits: (U, L) booleans.
        n_relevant: (U,) counts.
        k: cut-off.
        denominator: d = "relevant" (TREC, ranx) or "min(k, relevant)" (Kaggle, RecBole).
        without_positives: "skip" or "zero".

    Example:
        >>> average_precision([[True, False, True]], [2], k=3).round(4)
        array([0.8333])
    """
    hits, n_relevant = _checked(hits, n_relevant, k)
    at_place = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    values = (at_place * hits).sum(axis=1) / _denominator(n_relevant, k, denominator)
    return _finish(values, n_relevant, without_positives)


def _checked(hits: ArrayLike, n_relevant: ArrayLike, k: int) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """First k places and counts, after refusing impossible ones."""
    k, hits, n_relevant = check_k(k), np.asarray(hits), np.asarray(n_relevant)
    if hits.ndim != 2 or hits.dtype != np.bool_:
        raise ValueError(f"hits must be booleans (users, places), not {hits.dtype} of shape {hits.shape}")
    if n_relevant.shape != hits.shape[:1] or not (
        n_relevant.size == 0 or np.issubdtype(n_relevant.dtype, np.integer)
    ):
        raise ValueError(
            f"n_relevant must be {len(hits)} whole numbers, one a list, "
            f"not {n_relevant.dtype} of shape {n_relevant.shape}"
        )
    found = np.count_nonzero(hits, axis=1)
    if (found > n_relevant).any():
        row = int(np.argmax(found > n_relevant))
        raise ValueError(f"list {row} has {found[row]} hits, but only {n_relevant[row]} items are relevant")
    return hits[:, :k], n_relevant.astype(np.int64)


def _denominator(n_relevant: NDArray[np.int64], k: int, rule: str) -> NDArray[np.int64]:
    if rule not in DENOMINATORS:
        raise ValueError(f"denominator={rule!r}: choose one of {DENOMINATORS}")
    return np.maximum(n_relevant if rule == "relevant" else np.minimum(n_relevant, k), 1)


def _dcg_of_values(values: NDArray[np.float64], k: int, gain: str) -> PerUser:
    if values.ndim != 2:
        raise ValueError(f"values must have the shape (users, places), not {values.shape}")
    values = values[:, : check_k(k)]
    if not (values >= 0).all():
        row, place = np.argwhere(~(values >= 0))[0]
        raise ValueError(f"the gain of list {row} at place {place} is {values[row, place]}; it must be >= 0")
    worth = values if gain == "linear" else np.exp2(values) - 1
    return worth @ (1 / np.log2(np.arange(2, worth.shape[1] + 2)))


def _finish(values: PerUser, n_relevant: NDArray, without_positives: str) -> PerUser:
    """Give the users who have nothing to find the value that the convention wants."""
    if without_positives not in ("skip", "zero"):
        raise ValueError(f"without_positives={without_positives!r}: choose 'skip' or 'zero'")
    return np.where(n_relevant > 0, values, np.nan if without_positives == "skip" else 0.0)
