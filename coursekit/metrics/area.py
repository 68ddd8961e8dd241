"""AUC a user: is a relevant item scored above one that is not?"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.stats import rankdata

from coursekit.interactions import Interactions
from coursekit.metrics.relevance import HeldOut, rows_of
from coursekit.metrics.selection import BLOCK_SCORES, as_scores, masked_block, refuse_nan


def auc(
    scores: ArrayLike,
    positives: HeldOut | NDArray[np.bool_],
    users: ArrayLike | None = None,
    *,
    exclude: HeldOut | None = None,
) -> NDArray[np.float64]:
    """Probability that a random positive is scored above a random negative; a tie counts one half.

    AUC_u = (|{(p, n): s_p > s_n}| + |{(p, n): s_p = s_n}| / 2) / (P · N) over the user's P positives
    and N negatives, that is, all other candidates. It looks at the whole ranking, not at its head.

    Args:
        scores: (U, n_items).
        positives: relevant items: Interactions, a sparse matrix or a boolean matrix.
        users: (U,) rows of `positives` and `exclude` that the rows of scores belong to.
        exclude: items that are neither positive nor negative (already seen), or None. A score of
            minus infinity also takes an item out of the negatives; a positive with that score loses
            against every candidate.

    Returns:
        (U,) numbers between 0 and 1; NaN for a user without positives or without negatives.

    Example:
        >>> auc([[0.9, 0.5, 0.5, 0.1]], np.array([[False, True, False, False]]))
        array([0.5])
    """
    scores = as_scores(scores)
    positive = rows_of(_as_sparse(positives), users)
    seen = None if exclude is None else rows_of(exclude, users)
    for name, matrix in (("positives", positive), ("exclude", seen)):
        if matrix is not None and matrix.shape != scores.shape:
            raise ValueError(f"{name} has the shape {matrix.shape}, the scores have {scores.shape}")
    values = np.empty(len(scores))
    step = max(1, BLOCK_SCORES // max(scores.shape[1], 1))
    for start in range(0, len(scores), step):
        block = scores[start : start + step]
        refuse_nan(block, start)
        if seen is not None:
            block = masked_block(block, seen, start)
        values[start : start + step] = _auc_of_block(block, positive[start : start + step].toarray() != 0)
    return values


def _auc_of_block(block: NDArray[np.floating], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mann-Whitney's U from the rank sum of the positives (Hanley and McNeil, 1982)."""
    n_positive = positive.sum(axis=1)
    ranks = rankdata(block, method="average", axis=1)
    wins = (ranks * positive).sum(axis=1) - n_positive * (n_positive + 1) / 2
    # Struck-out items took part in the ranking: take back what was won against them.
    struck = block == -np.inf
    n_struck = (struck & ~positive).sum(axis=1)
    wins -= n_struck * (n_positive - (struck & positive).sum(axis=1) / 2)
    pairs = n_positive * (block.shape[1] - n_positive - n_struck)
    return np.where(pairs > 0, wins / np.maximum(pairs, 1), np.nan)


def _as_sparse(positives: HeldOut | NDArray[np.bool_]) -> HeldOut:
    if isinstance(positives, Interactions) or sparse.issparse(positives):
        return positives
    positives = np.asarray(positives)
    if positives.dtype != np.bool_ or positives.ndim != 2:
        raise ValueError(f"positives must be booleans (users, items), not {positives.dtype}")
    return sparse.csr_array(positives)
