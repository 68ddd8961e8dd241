"""The k best items of every user, written once for the whole course."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

# A block of this many scores (0.75 MiB as float32) stays in a core's cache while it is read twice.
BLOCK_SCORES = 192 * 1024


def top_k(scores: ArrayLike, k: int, exclude: sparse.sparray | None = None) -> NDArray[np.int64]:
    """Give the k best items of every user, best first.

    Equal scores are ordered by the lower item index, so the answer is unique and the same on every
    machine. A score of minus infinity means "not a candidate" and is never returned.

    Args:
        scores: (U, n_items) numbers, the higher the better.
        k: length of the lists, at least 1; it may exceed n_items.
        exclude: (U, n_items) sparse matrix whose stored entries are not candidates (what a user has
            already seen), or None. `scores` itself is never changed.

    Returns:
        (U, k) item indices, int64; -1 where a user has fewer than k candidates.

    Raises:
        ValueError: when k < 1, a shape does not fit, or a score is NaN (its row is named).

    Example:
        >>> top_k([[0.1, 0.9, 0.9], [0.3, float("-inf"), 0.2]], k=3)
        array([[ 1,  2,  0],
               [ 0,  2, -1]])
    """
    scores, k = as_scores(scores), check_k(k)
    seen = None if exclude is None else _as_exclusion(exclude, scores.shape)
    n_users, n_items = scores.shape
    best = np.full((n_users, k), -1, dtype=np.int64)
    if not n_items:
        return best
    step = max(1, BLOCK_SCORES // n_items)
    for start in range(0, n_users, step):
        block = scores[start : start + step]
        if seen is not None:
            block = masked_block(block, seen, start)
        best[start : start + step] = _top_k_of_block(block, k, start)
    return best


def as_scores(scores: ArrayLike) -> NDArray[np.floating]:
    """Scores as a (U, n_items) float32 or float64 array; anything that is not a matrix is refused."""
    scores = np.asarray(scores)
    if scores.ndim != 2:
        raise ValueError(f"scores must have the shape (users, items), not {scores.shape}")
    if scores.dtype not in (np.float32, np.float64):
        scores = scores.astype(np.float32 if scores.dtype == np.float16 else np.float64)
    return scores


def check_k(k: int) -> int:
    """Return the cut-off as an int; refuse what is not a whole number of at least 1."""
    if isinstance(k, bool | np.bool_) or int(k) != k or k < 1:
        raise ValueError(f"k must be a whole number of at least 1, not {k!r}")
    return int(k)


def refuse_nan(block: NDArray[np.floating], first_row: int = 0) -> None:
    """Raise ValueError naming the first row and column that hold NaN."""
    rows, columns = np.nonzero(np.isnan(block))
    if len(rows):
        raise ValueError(
            f"the score in row {first_row + rows[0]}, column {columns[0]} is NaN: it has no place in a "
            "ranking. Mend the model, or write -inf where an item is no candidate"
        )


def masked_block(block: NDArray, seen: sparse.csr_array, start: int) -> NDArray:
    """Copy one block of rows, the first being row `start`, and strike out its seen items."""
    bounds = seen.indptr[start : start + len(block) + 1]
    rows = np.repeat(np.arange(len(block)), np.diff(bounds))
    block = block.copy()
    block[rows, seen.indices[bounds[0] : bounds[-1]]] = -np.inf
    return block


def _as_exclusion(exclude: sparse.sparray, shape: tuple[int, int]) -> sparse.csr_array:
    if not sparse.issparse(exclude):
        raise TypeError(f"exclude must be a sparse matrix, not {type(exclude).__name__}")
    if exclude.shape != shape:
        raise ValueError(f"exclude has the shape {exclude.shape}, the scores have {shape}")
    return sparse.csr_array(exclude)


def _top_k_of_block(block: NDArray, k: int, first_row: int) -> NDArray[np.int64]:
    """Find a bound that at least k scores of a row reach, then sort only the few that reach it.

    The maxima of k or more disjoint groups of columns are scores of the row, so their k-th largest is
    such a bound; with 8 k groups hardly more than k scores reach it. Two quick passes over the row
    take the place of a full selection.
    """
    bound = _lower_bound(block, k, first_row)
    keep = block >= bound[:, None]
    if (bound == -np.inf).any():
        keep &= block > -np.inf
    rows, columns = _marked(keep)
    counts = np.bincount(rows, minlength=len(block))
    crowded = counts > 4 * k + 32  # many equal scores, as a sparse model gives
    if crowded.any():
        keep[crowded] = _exactly_k(block[crowded], bound[crowded], k)
        rows, columns = _marked(keep)
        counts = np.bincount(rows, minlength=len(block))
    return _sorted_candidates(block, rows, columns, counts, k)


def _lower_bound(block: NDArray, k: int, first_row: int) -> NDArray:
    """(B,) a score per row that at least k scores reach; -inf where the row is shorter than k."""
    n_rows, n_items = block.shape
    n_groups = min(n_items, max(128, 8 * k))
    size = n_items // n_groups
    whole = size * n_groups
    # Column j goes to group j mod n_groups: the maximum then runs over contiguous stretches.
    groups = block[:, :whole].reshape(n_rows, size, n_groups)
    maxima = np.maximum.reduce(groups, axis=1)
    rest = n_items - whole
    np.maximum(maxima[:, :rest], block[:, whole:], out=maxima[:, :rest])
    if np.isnan(maxima).any():  # a maximum passes NaN on, so this has looked at every score
        refuse_nan(block, first_row)
    if k > n_groups:
        return np.full(n_rows, -np.inf, dtype=block.dtype)
    maxima.partition(n_groups - k, axis=1)
    return maxima[:, n_groups - k]


def _marked(keep: NDArray[np.bool_]) -> tuple[NDArray, NDArray]:
    """Rows and columns of the marks, row by row (np.nonzero on a matrix is several times slower)."""
    flat = np.flatnonzero(keep)
    rows = flat // keep.shape[1]
    return rows, flat - rows * keep.shape[1]


def _exactly_k(block: NDArray, bound: NDArray, k: int) -> NDArray[np.bool_]:
    """Mark the k best of each row: all above the k-th largest score, then the first that equal it.

    The bound is that k-th largest score itself when fewer than k scores lie above it.
    """
    kth, keep = bound[:, None].copy(), block > bound[:, None]
    loose = np.count_nonzero(keep, axis=1) >= k
    if loose.any():
        place = block.shape[1] - k
        kth[loose] = np.partition(block[loose], place, axis=1)[:, place, None]
        keep[loose] = block[loose] > kth[loose]
    room = k - np.count_nonzero(keep, axis=1)
    rows, columns = _marked((block == kth) & (kth > -np.inf))
    first_of_row = np.searchsorted(rows, np.arange(len(block)))
    fits = np.arange(len(rows)) - first_of_row[rows] < room[rows]
    keep[rows[fits], columns[fits]] = True
    return keep


def _sorted_candidates(
    block: NDArray, rows: NDArray, columns: NDArray, counts: NDArray, k: int
) -> NDArray[np.int64]:
    """Sort each row's candidates by falling score, then rising index; pad with -1 to k columns."""
    width = max(int(counts.max(initial=0)), k)
    slot = np.arange(width) < counts[:, None]
    items = np.full(slot.shape, -1, dtype=np.int64)
    falling = np.full(slot.shape, np.inf, dtype=block.dtype)
    items[slot] = columns
    falling[slot] = -block[rows, columns]
    order = np.argsort(falling, axis=1, kind="stable")[:, :k]
    return items[np.arange(len(block))[:, None], order]
