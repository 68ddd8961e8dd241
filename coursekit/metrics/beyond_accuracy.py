"""What a list of hits does not show: how much of the catalogue is recommended, and how popular it is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray


def coverage(ranked: ArrayLike, n_items: int) -> float:
    """Share of the catalogue that is recommended to at least one user.

    Args:
        ranked: (U, k) item indices, -1 pads.
        n_items: size of the catalogue.

    Example:
        >>> coverage([[0, 1], [1, -1]], n_items=4)
        0.5
    """
    return float(np.count_nonzero(recommendation_counts(ranked, n_items)) / n_items)


def recommendation_counts(ranked: ArrayLike, n_items: int) -> NDArray[np.int64]:
    """(n_items,) how often each item is recommended; feed it to `gini`."""
    if n_items < 1:
        raise ValueError(f"n_items must be at least 1, not {n_items!r}")
    items = np.asarray(ranked)
    if items.size and not np.issubdtype(items.dtype, np.integer):
        raise ValueError(f"ranked must be item indices, not {items.dtype}")
    outside = (items < -1) | (items >= n_items)
    if outside.any():
        raise ValueError(f"item {items[outside][0]} is outside the catalogue of {n_items}; -1 pads")
    return np.bincount(items[items >= 0].astype(np.int64), minlength=n_items)


def gini(counts: ArrayLike) -> float:
    """Gini coefficient of how unevenly something is shared out: 0 all alike, towards 1 one has all.

    G = sum over i of (2 i - n - 1) x_i / (n · sum of x), with x_1 <= … <= x_n and i from 1 (Gini, 1912):
    half the mean absolute difference of two members, divided by the mean. One of n having all gives
    1 - 1/n.

    Args:
        counts: (n,) numbers >= 0, one an item (items nobody took included: they are the point).

    Raises:
        ValueError: for no counts, a negative or missing one, or a sum of 0.

    Example:
        >>> gini([1, 1, 1, 1]), gini([0, 0, 0, 5])
        (0.0, 0.75)
    """
    counts = np.sort(np.asarray(counts, np.float64))
    if counts.ndim != 1 or not len(counts):
        raise ValueError(f"counts must be one row of numbers, not of shape {counts.shape}")
    if not (counts >= 0).all():
        raise ValueError("counts must be numbers of at least 0")
    if counts[-1] == 0:
        raise ValueError("all counts are 0: there is nothing to share out")
    n = len(counts)
    return float((2 * np.arange(1, n + 1) - n - 1) @ counts / (n * counts.sum()))


def novelty(ranked: ArrayLike, popularity: ArrayLike) -> NDArray[np.float64]:
    """Mean self-information of the recommended items (Castells et al., 2011), one number a user.

    -log2 p(i), with p(i) the item's share of all interactions: an item that takes half of them is
    worth 1 bit, a rare one more. An item without interactions counts as if it had one, so the value
    stays finite.

    Args:
        ranked: (U, k) item indices, -1 pads.
        popularity: (n_items,) number of interactions of each item, at least one above 0.

    Returns:
        (U,) bits; NaN for an empty list.

    Example:
        >>> novelty([[0, 1], [1, -1]], popularity=[6, 2])
        array([1.20751875, 2.        ])
    """
    popularity = np.asarray(popularity, np.float64)
    if popularity.ndim != 1 or not (popularity >= 0).all() or not popularity.sum() > 0:
        raise ValueError("popularity must be one row of counts >= 0, not all of them 0")
    ranked = np.asarray(ranked)
    recommendation_counts(ranked, len(popularity))  # refuses items outside the catalogue
    bits = -np.log2(np.maximum(popularity, 1) / popularity.sum())
    listed = ranked >= 0
    total = np.where(listed, bits[ranked], 0).sum(axis=1)
    lengths = listed.sum(axis=1)
    return np.where(lengths > 0, total / np.maximum(lengths, 1), np.nan)
