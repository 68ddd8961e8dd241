"""Sums over the users two items share, for all pairs of items, a block at a time.

Every similarity of this course is made of such sums. They are products of a (users, items) matrix
with another's transpose, and the quickest way to a product depends on the user: who met n items
touches n² pairs, which a sparse product visits one by one and a dense one among all n_items².
"""

from __future__ import annotations

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

# Visiting one pair in a sparse product takes as long as some 400 = 20² multiplications in a dense
# one, so a user who met more than a twentieth of the catalogue is cheaper to treat as dense.
BUSY_SHARE = 1 / 20
# Never hold more than this many dense numbers (256 MB as float32), however many busy users there are.
MOST_DENSE = 2**26
# Cells of a sparse product made at a time (4 MB as float32): memory already in the cache is not
# fetched again.
CACHED = 2**20


def busy_users(matrix: sparse.csr_array) -> NDArray[np.bool_]:
    """Mark the users who met more than a twentieth of the items; (n_users,), at most `MOST_DENSE` cells."""
    n_items = matrix.shape[1]
    history = np.diff(matrix.indptr)
    busy = history > n_items * BUSY_SHARE
    room = MOST_DENSE // max(1, n_items)
    if busy.sum() > room:
        busy[np.argsort(-history, kind="stable")[room:]] = False
    return busy


class Columns:
    """The items' columns of a (users, items) matrix, ready to be multiplied with another's.

    Args:
        matrix: (n_users, n_items) sparse.
        busy: (n_users,) mask of the users to hold as dense rows; both factors must use the same.
        dtype: float32 is exact for counts up to 16 million and twice as fast; float64 for the rest.
    """

    def __init__(self, matrix: sparse.csr_array, busy: NDArray[np.bool_], dtype: DTypeLike) -> None:
        matrix = matrix.astype(dtype)
        self.dense = matrix[busy].toarray()  # (n_busy, n_items)
        self.sparse = matrix[~busy]  # (n_users - n_busy, n_items)
        self.sparse_by_item = self.sparse.T.tocsr()  # (n_items, n_users - n_busy)

    def times(self, other: Columns, rows: slice) -> NDArray:
        """Σ_u self[u, i] · other[u, j] for the items i in `rows` and all items j: (rows, n_items)."""
        product = self.dense[:, rows].T @ other.dense
        n_rows, n_items = product.shape
        step = max(1, CACHED // max(1, n_items))
        for start in range(0, n_rows, step):
            part = slice(start, min(start + step, n_rows))
            items = slice(rows.start + part.start, rows.start + part.stop)
            product[part] += (self.sparse_by_item[items] @ other.sparse).toarray()
        return product
