"""Mean ratings, from which predicted ones start."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse


def rating_means(ratings: sparse.csr_array, axis: int, default: float) -> NDArray[np.float32]:
    """Mean rating of each user (axis 0) or item (axis 1); the default where there is none.

    Args:
        ratings: (n_users, n_items) sparse; what is stored counts, zeros too.
        axis: 0 or 1.
        default: for a user or item without ratings.

    Returns:
        (n_users,) or (n_items,) float32.
    """
    place = ratings.tocoo().coords[axis]
    counts = np.bincount(place, minlength=ratings.shape[axis])
    sums = np.bincount(place, ratings.data, minlength=ratings.shape[axis])
    return np.where(counts > 0, sums / np.maximum(counts, 1), default).astype(np.float32)
