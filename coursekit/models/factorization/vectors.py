"""Likeness of items that are points in a space of factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cosines(
    vectors: NDArray[np.floating], rows: NDArray[np.int64], known: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Cosine of each chosen item's vector with every item's: (U, n_items).

    An item the model knows nothing of is like none, and none is like it: -inf, which no list shows.

    Args:
        vectors: (n_items, k).
        rows: (U,) the items asked about.
        known: (n_items,) which items the model has learned something of.
    """
    length = np.linalg.norm(vectors, axis=1)
    known = known & (length > 0)
    directions = vectors / np.where(known, length, 1.0)[:, None]
    likeness = directions[rows] @ directions.T
    return np.where(known & known[rows, None], likeness, -np.inf).astype(np.float32)
