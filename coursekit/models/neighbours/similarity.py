"""How alike are two items? Cosine, Pearson, Jaccard and adjusted cosine, with shrinkage.

Notation: U_i are the users who rated item i, U_ij = U_i ∩ U_j those who rated both, r_ui a rating,
r̄_u the mean of a user's ratings. A similarity that is not defined (an item nobody rated, no common
user, ratings that do not vary) is 0, never NaN.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from coursekit.metrics import top_k
from coursekit.models.neighbours.products import Columns, busy_users

# Cells of the (items, items) table held at once: 64 MB where one float32 table is enough. Ratings
# need float64 and up to ten tables side by side, hence the smaller block.
COUNT_BLOCK = 2**24
RATING_BLOCK = 2**21
# A variance below this share of its largest possible value is rounding: the ratings are all equal.
ROUNDING = 1e-11

Block = Callable[[slice], NDArray]


def item_similarity(
    matrix: ArrayLike | sparse.sparray,
    kind: str = "cosine",
    shrinkage: float = 0.0,
    n_neighbours: int | None = None,
) -> sparse.csr_array:
    """Similarity of every item to every other, or to its nearest ones.

    | kind            | s(i, j)                                                                        |
    |-----------------|--------------------------------------------------------------------------------|
    | cosine          | Σ r_ui r_uj / (√Σ_{U_i} r_ui² · √Σ_{U_j} r_uj²), a missing rating counts as 0   |
    | jaccard         | n_ij / (n_i + n_j - n_ij), the ratings' values do not matter                   |
    | pearson         | correlation of r_ui and r_uj over U_ij, means taken over U_ij                  |
    | adjusted_cosine | cosine of r_ui - r̄_u and r_uj - r̄_u, lengths taken over U_ij (Sarwar, 2001)     |

    Few common users make large similarities by accident; shrinkage λ pulls those to zero:
    s'(i, j) = s(i, j) · n_ij / (n_ij + λ), n_ij = |U_ij|  (Bell & Koren, 2007).

    Args:
        matrix: (n_users, n_items), sparse (a stored zero is a rating) or dense (0 and NaN are missing).
        kind: one of the four names.
        shrinkage: λ >= 0; 0 leaves similarities as they are.
        n_neighbours: keep, for each item, only this many most similar other items. Similarities of
            zero or less are dropped, so a row may be shorter. Equal ones go by the lower item row.
            None keeps all pairs, negative ones and the diagonal included.

    Returns:
        (n_items, n_items) sparse; row i holds the neighbours of item i. Without `n_neighbours` it
        is symmetric and takes n_items² cells at the worst.

    Raises:
        ValueError: for an unknown kind, a negative shrinkage, n_neighbours < 1, an infinite value,
            or a NaN stored in a sparse matrix (its place is named).

    Example:
        >>> item_similarity([[5, 4, 0], [3, 0, 2], [0, 1, 0]], kind="jaccard").toarray().round(2)
        array([[1.  , 0.33, 0.5 ],
               [0.33, 1.  , 0.  ],
               [0.5 , 0.  , 1.  ]], dtype=float32)
    """
    check_options(kind, shrinkage, n_neighbours)
    ratings = as_ratings(matrix)
    n_items = ratings.shape[1]
    if not n_items:
        return sparse.csr_array((0, 0), dtype=np.float32)
    similarity = _shrunk(KINDS[kind](ratings), ratings, shrinkage)
    size = COUNT_BLOCK if _only_counts(kind, ratings) else RATING_BLOCK
    step = max(1, size // n_items)
    starts = range(0, n_items, step)
    blocks = (slice(start, min(start + step, n_items)) for start in starts)
    return sparse.vstack([_kept(similarity(rows), rows, n_neighbours) for rows in blocks], format="csr")


def user_similarity(
    matrix: ArrayLike | sparse.sparray,
    kind: str = "cosine",
    shrinkage: float = 0.0,
    n_neighbours: int | None = None,
) -> sparse.csr_array:
    """Similarity of users: `item_similarity` of the transposed matrix, (n_users, n_users).

    Users and items change places throughout; adjusted cosine subtracts each item's mean.
    """
    return item_similarity(as_ratings(matrix).T.tocsr(), kind, shrinkage, n_neighbours)


def check_options(kind: str, shrinkage: float, n_neighbours: int | None) -> None:
    """Refuse options that mean nothing, before any work is done."""
    if kind not in KINDS:
        raise ValueError(f"there is no similarity {kind!r}; choose one of {', '.join(KINDS)}")
    if not shrinkage >= 0:
        raise ValueError(f"shrinkage must be 0 or more, not {shrinkage}")
    if n_neighbours is not None and n_neighbours < 1:
        raise ValueError(f"n_neighbours must be at least 1 (or None for all), not {n_neighbours}")


def as_ratings(matrix: ArrayLike | sparse.sparray) -> sparse.csr_array:
    """Ratings as a sparse matrix without doubles; see `item_similarity` for what counts as missing."""
    if not sparse.issparse(matrix):
        dense = np.atleast_2d(np.asarray(matrix, dtype=np.float64))
        return as_ratings(sparse.csr_array(np.nan_to_num(dense, nan=0.0, posinf=np.inf, neginf=-np.inf)))
    ratings = sparse.csr_array(matrix)
    if not ratings.has_canonical_format:
        ratings = ratings.copy()
        ratings.sum_duplicates()
    wrong = np.flatnonzero(~np.isfinite(ratings.data))
    if len(wrong):
        row = np.searchsorted(ratings.indptr, wrong[0], side="right") - 1
        raise ValueError(
            f"the rating in row {row}, column {ratings.indices[wrong[0]]} is {ratings.data[wrong[0]]}; "
            "drop it from the matrix, then it counts as missing"
        )
    return ratings


def _shrunk(similarity: Block, ratings: sparse.csr_array, shrinkage: float) -> Block:
    if not shrinkage:
        return similarity
    common = _common_users(ratings)

    def block(rows: slice) -> NDArray:
        n = common(rows)
        return similarity(rows) * (n / (n + shrinkage))

    return block


def _cosine(ratings: sparse.csr_array) -> Block:
    dtype = np.float32 if _only_counts("cosine", ratings) else np.float64
    columns = Columns(ratings, busy_users(ratings), dtype)
    squares = np.zeros(ratings.shape[1])
    np.add.at(squares, ratings.indices, ratings.data.astype(np.float64) ** 2)
    # 1 / length, and 0 for an item without ratings, whose similarities then are 0.
    scale = np.divide(1, np.sqrt(squares), out=np.zeros_like(squares), where=squares > 0).astype(dtype)

    def block(rows: slice) -> NDArray:
        table = columns.times(columns, rows)
        table *= scale[rows, None]
        table *= scale
        return table

    return block


def _jaccard(ratings: sparse.csr_array) -> Block:
    common = _common_users(ratings)
    raters = np.bincount(ratings.indices, minlength=ratings.shape[1]).astype(np.float32)

    def block(rows: slice) -> NDArray:
        both = common(rows)
        either = raters[rows, None] + raters - both
        return np.divide(both, either, out=both, where=either > 0)

    return block


def _pearson(ratings: sparse.csr_array) -> Block:
    # Correlation does not see a shift. One by a whole number keeps sums of whole ratings exact,
    # and a small offset keeps digits when ratings lie far from zero.
    shift = np.rint(ratings.data.mean(dtype=np.float64)) if ratings.nnz else 0.0
    values = ratings.data.astype(np.float64) - shift
    busy = busy_users(ratings)
    one, r, r2 = (
        Columns(_with_data(ratings, data), busy, np.float64)
        for data in (np.ones_like(values), values, values**2)
    )

    def block(rows: slice) -> NDArray:
        n = one.times(one, rows)  # the six sums run over U_ij
        sum_i, sum_j = r.times(one, rows), one.times(r, rows)
        squares_i, squares_j = n * r2.times(one, rows), n * one.times(r2, rows)
        covariance = n * r.times(r, rows) - sum_i * sum_j  # all three are n² times the textbook's
        variance_i = _unless_rounding(squares_i - sum_i**2, squares_i)
        variance_j = _unless_rounding(squares_j - sum_j**2, squares_j)
        return _ratio(covariance, variance_i, variance_j)

    return block


def _adjusted_cosine(ratings: sparse.csr_array) -> Block:
    history = np.diff(ratings.indptr)
    values = ratings.data.astype(np.float64)
    user = np.repeat(np.arange(len(history)), history)
    means = np.bincount(user, values, minlength=len(history)) / np.maximum(history, 1)
    centred = _unless_rounding(values - means[user], np.abs(values), both_signs=True)
    busy = busy_users(ratings)
    one, r, r2 = (
        Columns(_with_data(ratings, data), busy, np.float64)
        for data in (np.ones_like(values), centred, centred**2)
    )

    def block(rows: slice) -> NDArray:
        return _ratio(r.times(r, rows), r2.times(one, rows), one.times(r2, rows))

    return block


KINDS: dict[str, Callable[[sparse.csr_array], Block]] = {
    "cosine": _cosine,
    "pearson": _pearson,
    "jaccard": _jaccard,
    "adjusted_cosine": _adjusted_cosine,
}


def _common_users(ratings: sparse.csr_array) -> Block:
    """n_ij for a block of items: float32 holds these whole numbers exactly."""
    columns = Columns(_with_data(ratings, np.ones(ratings.nnz)), busy_users(ratings), np.float32)
    return lambda rows: columns.times(columns, rows)


def _only_counts(kind: str, ratings: sparse.csr_array) -> bool:
    return kind == "jaccard" or (kind == "cosine" and bool((ratings.data == 1).all()))


def _with_data(ratings: sparse.csr_array, data: NDArray) -> sparse.csr_array:
    return sparse.csr_array((data, ratings.indices, ratings.indptr), shape=ratings.shape)


def _unless_rounding(difference: NDArray, terms: NDArray, both_signs: bool = False) -> NDArray:
    """Zero where a difference is no larger than the rounding of its terms."""
    size = np.abs(difference) if both_signs else difference
    return np.where(size > ROUNDING * terms, difference, 0.0)


def _ratio(product: NDArray, squares_i: NDArray, squares_j: NDArray) -> NDArray:
    """product / √(squares_i · squares_j), 0 where either square is 0."""
    length = np.sqrt(squares_i) * np.sqrt(squares_j)
    ratio = np.divide(product, length, out=np.zeros_like(product), where=length > 0)
    return np.clip(ratio, -1, 1, out=ratio)


def _kept(block: NDArray, rows: slice, n_neighbours: int | None) -> sparse.csr_array:
    """The block in sparse form: whole, or each row's largest positive similarities to other items."""
    if n_neighbours is None:
        return sparse.csr_array(block.astype(np.float32, copy=False))
    n_rows, n_items = block.shape
    block[np.arange(n_rows), np.arange(rows.start, rows.stop)] = -np.inf
    best = top_k(block, min(n_neighbours, n_items))
    values = np.take_along_axis(block, best, axis=1)
    keep = (best >= 0) & (values > 0)
    ends = np.concatenate([[0], np.cumsum(keep.sum(axis=1))])
    nearest = sparse.csr_array((values[keep].astype(np.float32), best[keep], ends), shape=block.shape)
    nearest.sort_indices()
    return nearest
