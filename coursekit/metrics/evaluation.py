"""From a model's lists or scores to one tidy table with intervals. A metric never sees a model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from coursekit.metrics import ranking
from coursekit.metrics.bootstrap import bootstrap_interval
from coursekit.metrics.relevance import HeldOut, count_relevant, relevance, rows_of
from coursekit.metrics.selection import as_scores, check_k, top_k

Metric = str | Callable[..., NDArray[np.float64]]

RANKING_METRICS: dict[str, Callable[..., NDArray[np.float64]]] = {
    "ndcg": ranking.ndcg,
    "hit_rate": ranking.hit_rate,
    "precision": ranking.precision,
    "recall": ranking.recall,
    "f1": ranking.f1,
    "map": ranking.average_precision,
    "mrr": ranking.mrr,
}
DEFAULT_METRICS = ("ndcg", "hit_rate", "precision", "recall", "map", "mrr")


def evaluate(
    ranked: ArrayLike,
    test: HeldOut,
    users: ArrayLike | None = None,
    k: int | Sequence[int] = 10,
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    *,
    without_positives: str = "skip",
    n_bootstrap: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Measure ranked lists against held-out interactions.

    Args:
        ranked: (U, L) item indices, best first, padded with -1; L must reach the largest k.
        test: held-out interactions, or a sparse matrix (see `relevance`).
        users: (U,) the test rows that the lists belong to; by default list i is row i.
        k: one cut-off or several.
        metrics: names, or functions of this room; `functools.partial(recall,
            denominator="min(k, relevant)")` chooses another convention.
        without_positives: users with nothing held out are left out of the mean ("skip") or count
            as 0 ("zero").
        n_bootstrap: resamples for the interval; 0 leaves low and high empty (NaN).
        level: share of the resampled means inside the interval.
        rng: generator or seed of the resampling.

    Returns:
        One row a metric and k: metric, k, value (mean over users), low, high, n_users.

    Raises:
        ValueError: when lists are shorter than k, name an item twice or do not fit the test data,
            or when no user is left to measure.

    Example:
        >>> from scipy import sparse
        >>> test = sparse.csr_array([[1, 0, 0], [0, 0, 1]])
        >>> evaluate([[0, 1], [0, 1]], test, k=2, metrics=["hit_rate"], n_bootstrap=0)
             metric  k  value  low  high  n_users
        0  hit_rate  2    0.5  NaN   NaN        2
    """
    cutoffs = [check_k(one) for one in np.atleast_1d(k).tolist()]
    held_out = rows_of(test, users)
    tables = [evaluate_users(ranked, held_out, None, one, metrics) for one in cutoffs]
    rng = np.random.default_rng(rng)
    rows = []
    for one, table in zip(cutoffs, tables, strict=True):
        values = _apply_convention(table, without_positives)
        rows.append(summarise(values, one, n_bootstrap=n_bootstrap, level=level, rng=rng))
    return pd.concat(rows, ignore_index=True)


def evaluate_users(
    ranked: ArrayLike,
    test: HeldOut,
    users: ArrayLike | None = None,
    k: int = 10,
    metrics: Sequence[Metric] = DEFAULT_METRICS,
) -> pd.DataFrame:
    """The same measures user by user, for `compare_models`, histograms and groups.

    Returns:
        (U rows, one column a metric), indexed by user row; NaN for users with nothing held out.
    """
    functions = _resolve(metrics)
    held_out = rows_of(test, users)
    k, ranked = check_k(k), np.asarray(ranked)
    if ranked.ndim == 2 and ranked.shape[1] < k:
        raise ValueError(
            f"the lists have {ranked.shape[1]} places, too few for k = {k}: recommend more items"
        )
    hits, n_relevant = (
        relevance(ranked[:, :k] if ranked.ndim == 2 else ranked, held_out),
        count_relevant(held_out),
    )
    columns = {name: function(hits, n_relevant, k) for name, function in functions.items()}
    index = np.arange(len(hits)) if users is None else np.asarray(users)
    return pd.DataFrame(columns, index=pd.Index(index, name="user"))


def evaluate_scores(
    scores: ArrayLike,
    seen: HeldOut | None,
    test: HeldOut,
    users: ArrayLike | None = None,
    k: int | Sequence[int] = 10,
    metrics: Sequence[Metric] = DEFAULT_METRICS,
    **options: object,
) -> pd.DataFrame:
    """Full ranking: every item a user has not seen is a candidate.

    Args:
        scores: (U, n_items), the higher the better; -inf is no candidate; ties go to the lower index.
        seen: training interactions, struck out before ranking, or None when `scores` already has
            them at -inf. A held-out pair that was also seen cannot be hit but stays relevant.
        test: held-out interactions.
        users: (U,) rows of `seen` and `test` that the rows of scores belong to.
        k, metrics: as in `evaluate`.
        **options: `without_positives`, `n_bootstrap`, `level`, `rng` of `evaluate`.

    Returns:
        The table of `evaluate`.
    """
    scores = as_scores(scores)
    exclude = None if seen is None else rows_of(seen, users)
    longest = max(check_k(one) for one in np.atleast_1d(k).tolist())
    return evaluate(top_k(scores, longest, exclude), test, users, k, metrics, **options)


def summarise(
    values: pd.DataFrame, k: int, *, n_bootstrap: int, level: float, rng: np.random.Generator | int
) -> pd.DataFrame:
    """Means and intervals of a table of per-user values without NaN; see `evaluate`."""
    if not len(values):
        raise ValueError("no user has anything held out: there is nothing to measure")
    numbers = values.to_numpy(np.float64)
    low, high = bootstrap_interval(numbers, n_bootstrap, level=level, rng=rng)
    facts = {"metric": list(values.columns), "k": k, "value": numbers.mean(axis=0), "low": low, "high": high}
    return pd.DataFrame(facts | {"n_users": len(values)})


def _apply_convention(values: pd.DataFrame, without_positives: str) -> pd.DataFrame:
    if without_positives not in ("skip", "zero"):
        raise ValueError(f"without_positives={without_positives!r}: choose 'skip' or 'zero'")
    return values.dropna() if without_positives == "skip" else values.fillna(0.0)


def _resolve(metrics: Sequence[Metric]) -> dict[str, Callable[..., NDArray[np.float64]]]:
    """Names of the table's rows and the functions behind them."""
    metrics = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    functions = {}
    for metric in metrics:
        if isinstance(metric, str):
            if metric not in RANKING_METRICS:
                raise ValueError(f"there is no metric {metric!r}; known are {', '.join(RANKING_METRICS)}")
            functions[metric] = RANKING_METRICS[metric]
        else:
            functions[_name_of(metric)] = metric
    return functions


def _name_of(metric: Callable[..., NDArray[np.float64]]) -> str:
    plain = metric.func if isinstance(metric, partial) else metric
    known = [name for name, function in RANKING_METRICS.items() if function is plain]
    return known[0] if known else plain.__name__
