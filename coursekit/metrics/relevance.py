"""From ranked lists to hits: which recommended items had been held out?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from coursekit.interactions import Interactions

HeldOut = Interactions | sparse.sparray


def relevance(ranked: ArrayLike, test: HeldOut, users: ArrayLike | None = None) -> NDArray[np.bool_]:
    """Mark the recommended items that are relevant, that is, held out for that user.

    Args:
        ranked: (U, L) item indices, best first, padded with -1 at the end.
        test: held-out interactions, or a sparse (n_users, n_items) matrix whose entries other than
            zero are relevant. (Every pair of an `Interactions` is relevant, whatever its value.)
        users: (U,) the row of `test` that each list belongs to; by default list i belongs to row i.

    Returns:
        (U, L) booleans; padding is never a hit.

    Raises:
        ValueError: when shapes do not fit, an item is out of range, or a list names an item twice.

    Example:
        >>> relevance([[2, 0], [1, -1]], sparse.csr_array([[1, 0, 1], [1, 0, 0]]))
        array([[ True,  True],
               [False, False]])
    """
    held_out = rows_of(test, users)
    ranked = check_ranked(ranked, held_out.shape)
    cells = _cells_of(held_out)
    wanted = np.arange(len(ranked))[:, None] * held_out.shape[1] + ranked
    place = np.searchsorted(cells, wanted)
    # One more cell that equals nothing stands for "after the last".
    return (np.append(cells, -1)[place] == wanted) & (ranked >= 0)


def count_relevant(test: HeldOut, users: ArrayLike | None = None) -> NDArray[np.int64]:
    """(U,) number of relevant items of each user; arguments as in `relevance`."""
    return np.diff(rows_of(test, users).indptr).astype(np.int64)


def graded_relevance(
    ranked: ArrayLike, test: HeldOut, users: ArrayLike | None = None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values instead of hits, for `graded_ndcg`.

    Args:
        ranked, test, users: as in `relevance`; the values of `test` (ratings, say) are the gains.

    Returns:
        (U, L) gains of the recommended items, 0 where an item was not held out, and
        (U, M) the gains of each user's M best held-out items, falling, padded with 0.
    """
    values = test.matrix() if isinstance(test, Interactions) else test
    held_out = rows_of(values, users)
    ranked = check_ranked(ranked, held_out.shape)
    gains = np.zeros(ranked.shape)
    hits = relevance(ranked, held_out)
    rows = np.nonzero(hits)[0]
    places = np.searchsorted(_cells_of(held_out), rows * held_out.shape[1] + ranked[hits])
    gains[hits] = held_out.data[places]
    return gains, _falling_rows(held_out)


def rows_of(test: HeldOut, users: ArrayLike | None) -> sparse.csr_array:
    """The users' rows of the held-out data as a canonical sparse matrix without stored zeros."""
    if isinstance(test, Interactions):
        test = test.matrix(binary=True)
    if not sparse.issparse(test):
        raise TypeError(f"test must be Interactions or a sparse matrix, not {type(test).__name__}")
    held_out = sparse.csr_array(test)
    if users is not None:
        held_out = held_out[check_users(users, held_out.shape[0])]
    if not held_out.has_canonical_format or not held_out.data.all():
        held_out = held_out.copy()
        held_out.sum_duplicates()
        held_out.eliminate_zeros()
    return held_out


def check_users(users: ArrayLike, n_users: int) -> NDArray[np.int64]:
    """User rows as (U,) int64; a row outside the data is refused by name."""
    users = np.asarray(users)
    if users.ndim != 1 or not (users.size == 0 or np.issubdtype(users.dtype, np.integer)):
        raise ValueError(f"users must be one row of whole numbers, not {users.dtype} of shape {users.shape}")
    outside = (users < 0) | (users >= n_users)
    if outside.any():
        raise IndexError(f"user {users[outside][0]} is outside the data's {n_users} users")
    return users.astype(np.int64)


def check_ranked(ranked: ArrayLike, shape: tuple[int, int]) -> NDArray[np.int64]:
    """Ranked lists as (U, L) int64, after refusing what cannot be a ranking of these items."""
    ranked = np.asarray(ranked)
    if ranked.ndim != 2 or not np.issubdtype(ranked.dtype, np.integer):
        raise ValueError(
            f"ranked must be whole numbers (users, k), not {ranked.dtype} of shape {ranked.shape}"
        )
    if len(ranked) != shape[0]:
        raise ValueError(f"{len(ranked)} ranked lists for {shape[0]} users: say whose they are with users=")
    ranked = ranked.astype(np.int64)
    outside = (ranked < -1) | (ranked >= shape[1])
    if outside.any():
        row, place = np.argwhere(outside)[0]
        raise ValueError(
            f"list {row} names item {ranked[row, place]} at place {place}; "
            f"items go from 0 to {shape[1] - 1}, and -1 pads"
        )
    _refuse_duplicates(ranked)
    return ranked


def _refuse_duplicates(ranked: NDArray[np.int64]) -> None:
    in_order = np.sort(ranked, axis=1)
    twice = (in_order[:, 1:] == in_order[:, :-1]) & (in_order[:, 1:] >= 0)
    if twice.any():
        row, place = np.argwhere(twice)[0]
        raise ValueError(
            f"list {row} names item {in_order[row, place]} more than once; it would be counted twice. "
            "Recommend each item once"
        )


def _cells_of(held_out: sparse.csr_array) -> NDArray[np.int64]:
    """Row-major cell numbers of the stored entries, rising."""
    rows = np.repeat(np.arange(held_out.shape[0]), np.diff(held_out.indptr))
    return rows * held_out.shape[1] + held_out.indices


def _falling_rows(held_out: sparse.csr_array) -> NDArray[np.float64]:
    counts = np.diff(held_out.indptr)
    ideal = np.zeros((held_out.shape[0], int(counts.max(initial=0))))
    ideal[np.arange(ideal.shape[1]) < counts[:, None]] = held_out.data
    return -np.sort(-ideal, axis=1)
