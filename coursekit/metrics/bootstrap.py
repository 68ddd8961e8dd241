"""How sure are we? Intervals from resampling users (Efron, 1979)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

# Resampled users held at once: bounds the memory at about 50 MB, whatever the number of users.
DRAWS_AT_ONCE = 2_000_000


def bootstrap_means(
    values: ArrayLike, n_bootstrap: int = 1000, *, rng: np.random.Generator | int = 0
) -> NDArray[np.float64]:
    """Means over users drawn again with replacement.

    Args:
        values: (U,) or (U, M) finite numbers, one row a user.
        n_bootstrap: number of resamples B.
        rng: generator or seed.

    Returns:
        (B,) or (B, M): the mean of each resample; all M columns see the same resampled users.
    """
    values = _finite(values)
    n_users, rng = len(values), np.random.default_rng(rng)
    means = np.empty((n_bootstrap, *values.shape[1:]))
    step = max(1, DRAWS_AT_ONCE // n_users)
    for start in range(0, n_bootstrap, step):
        n = min(step, n_bootstrap - start)
        drawn = rng.integers(0, n_users, size=(n, n_users), dtype=np.int32)
        # How often each user was drawn turns n gathers into one matrix product.
        cells = drawn + np.arange(n, dtype=np.int64)[:, None] * n_users
        times = np.bincount(cells.ravel(), minlength=n * n_users).reshape(n, n_users)
        means[start : start + n] = times.astype(np.float64) @ values / n_users
    return means


def bootstrap_interval(
    values: ArrayLike,
    n_bootstrap: int = 1000,
    *,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Percentile interval of the mean over users.

    It says how much the mean would move with other users of the same kind. It says nothing about
    another split of the data or another seed of the model.

    Args:
        values: (U,) or (U, M) per-user values.
        n_bootstrap: number of resamples; 0 gives NaN bounds.
        level: share of the resampled means inside the interval.
        rng: generator or seed.

    Returns:
        low, high: () or (M,) arrays.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level!r}")
    if n_bootstrap < 0:
        raise ValueError(f"n_bootstrap must be at least 0, not {n_bootstrap!r}")
    if n_bootstrap == 0:
        nothing = np.full(np.shape(values)[1:], np.nan)
        return nothing, nothing
    means = bootstrap_means(values, n_bootstrap, rng=rng)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def compare_models(
    per_user_a: ArrayLike | pd.DataFrame,
    per_user_b: ArrayLike | pd.DataFrame,
    *,
    n_bootstrap: int = 1000,
    level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> pd.DataFrame:
    """Is model A better than model B? Paired bootstrap of the difference A - B.

    Both models are measured on the same users, and a resample takes both values of a user together:
    what makes a user hard for both cancels, so the interval is far narrower than two separate
    intervals suggest. An interval without 0 speaks for a difference.

    Args:
        per_user_a, per_user_b: (U,) values, or the tables of `evaluate_users` for the same users.
            A user who is NaN for both is left out.
        n_bootstrap, level, rng: as in `bootstrap_interval`.

    Returns:
        One row a metric: metric, difference, low, high, share_a_better (of the resamples, ties
        counted half), n_users.

    Raises:
        ValueError: when users or metrics differ, or a user is NaN for one model only.
    """
    a, b = (_as_table(values) for values in (per_user_a, per_user_b))
    if not a.columns.equals(b.columns) or not a.index.equals(b.index):
        raise ValueError(
            f"the models were measured differently: {a.shape[0]} users and {list(a.columns)} against "
            f"{b.shape[0]} users and {list(b.columns)}. Give both the same users and metrics"
        )
    rng = np.random.default_rng(rng)
    rows = [_difference_row(name, a[name], b[name], n_bootstrap, level, rng) for name in a.columns]
    return pd.DataFrame(rows)


def _difference_row(
    name: str, a: pd.Series, b: pd.Series, n_bootstrap: int, level: float, rng: np.random.Generator
) -> dict[str, object]:
    a, b = a.to_numpy(np.float64), b.to_numpy(np.float64)
    one_sided = np.isnan(a) != np.isnan(b)
    if one_sided.any():
        raise ValueError(f"{name} of user {int(np.argmax(one_sided))} is NaN for one model only")
    difference = (a - b)[~np.isnan(a)]
    means = bootstrap_means(difference, n_bootstrap, rng=rng)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    better = float(np.mean(means > 0) + np.mean(means == 0) / 2)
    facts = {"metric": name, "difference": difference.mean(), "low": low, "high": high}
    return facts | {"share_a_better": better, "n_users": len(difference)}


def _as_table(values: ArrayLike | pd.DataFrame) -> pd.DataFrame:
    if isinstance(values, pd.DataFrame):
        return values
    values = np.asarray(values, np.float64)
    if values.ndim != 1:
        raise ValueError(f"per-user values must be one row of numbers, not of shape {values.shape}")
    return pd.DataFrame({"value": values})


def _finite(values: ArrayLike) -> NDArray[np.float64]:
    values = np.asarray(values, np.float64)
    if not len(values):
        raise ValueError("there are no users to resample")
    bad = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
    if bad.any():
        raise ValueError(f"user {int(np.argmax(bad))} has no finite value; leave NaN users out first")
    return values
