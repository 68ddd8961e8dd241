"""Alternating least squares for implicit feedback: no learning rate, each half step solved exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coursekit.interactions import Interactions
from coursekit.models.base import Recommender
from coursekit.models.factorization.vectors import cosines

# Numbers held at once while rows are solved together: 4 million float64 are 32 MB.
CELLS = 2**22


@dataclass(eq=False)
class ALS(Recommender):
    """Matrix factorisation of "met or not", sure of what was met and doubtful of the rest.

    Hu, Koren & Volinsky (2008), equation 3: with the preference p_ui = 1 where r_ui > 0 and 0 elsewhere,
    and the confidence c_ui = 1 + α r_ui, it minimises over *all* cells

        Σ_ui c_ui (p_ui - x_u · y_i)² + λ (Σ_u |x_u|² + Σ_i |y_i|²).

    With the items fixed this is a separate ridge regression for each user,
    x_u = (YᵀY + Yᵀ(C_u - I)Y + λI)⁻¹ Yᵀ C_u p_u, and likewise for items. YᵀY is computed once, so the cells
    that were not met cost nothing. Neither half step can raise the objective.

    Args:
        factors: length of x_u and y_i.
        iterations: how often both sides are solved.
        alpha: α > 0, how much surer one more unit of r makes. r is the interaction's value (a rating, a
            count), 1 where only the event was recorded.
        regularization: λ > 0.
        rng: seed or generator of the first item factors.
        device: accepted like everywhere, without effect: the work is NumPy's.

    Attributes:
        user_factors_, item_factors_: (n_users, factors) and (n_items, factors) float32.
        objective_: the objective after each iteration (list of floats).

    Raises:
        ValueError: for an option outside its range, or a negative value in the data.
    """

    factors: int = 32
    iterations: int = 15
    alpha: float = 1.0
    regularization: float = 20.0
    rng: np.random.Generator | int = 0

    def __post_init__(self) -> None:
        if self.factors < 1 or self.iterations < 1:
            raise ValueError(f"factors={self.factors} and iterations={self.iterations} must be at least 1")
        if not (self.alpha > 0 and self.regularization > 0):
            raise ValueError(f"alpha={self.alpha} and regularization={self.regularization} must be above 0")

    def _fit(self, data: Interactions) -> None:
        gains = _gains(data.matrix(), self.alpha)
        by_item = gains.T.tocsr()
        rng = np.random.default_rng(self.rng)
        items = rng.normal(0, 0.1, (self.n_items, self.factors))
        self.objective_ = []
        for _ in range(self.iterations):
            users = solve_side(items, gains, self.regularization)
            items = solve_side(users, by_item, self.regularization)
            self.objective_.append(objective(users, items, gains, self.regularization))
        self.user_factors_, self.item_factors_ = users.astype(np.float32), items.astype(np.float32)

    def _scores(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        # float64 while summing: the answer then does not depend on how many users are asked at a time.
        return self.user_factors_[users].astype(np.float64) @ self.item_factors_.T.astype(np.float64)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        return cosines(self.item_factors_, items, self.popularity_ > 0)


def solve_side(fixed: NDArray, gains: sparse.csr_array, regularization: float) -> NDArray[np.float64]:
    """The best factors of all rows while the other side's stay as they are.

    Args:
        fixed: (m, k) factors of the columns.
        gains: (n, m) sparse, c - 1 = α r of what was met.
        regularization: λ.

    Returns:
        (n, k) float64; a row that met nothing gets zeros.
    """
    k = fixed.shape[1]
    gram = fixed.T @ fixed + regularization * np.eye(k)
    solved = np.zeros((gains.shape[0], k))
    for rows in _blocks(np.diff(gains.indptr), k):
        columns, extra = _padded(gains, rows)  # (B, L) both
        met = fixed[columns]  # (B, L, k)
        left = gram + (met * extra[..., None]).transpose(0, 2, 1) @ met  # (B, k, k)
        wanted = np.where(extra > 0, 1 + extra, 0.0)  # c p: nothing for padding or a value of 0
        right = (wanted[:, None] @ met).transpose(0, 2, 1)  # (B, k, 1)
        solved[rows] = np.linalg.solve(left, right)[..., 0]
    return solved


def objective(users: NDArray, items: NDArray, gains: sparse.csr_array, regularization: float) -> float:
    """What ALS minimises, over all cells, at the price of those that were met.

    Σ_all (x·y)² is the sum of the products of XᵀX and YᵀY; the cells met replace theirs by c (p - x·y)².
    """
    row, column = gains.tocoo().coords
    scores = np.einsum("nk,nk->n", users[row], items[column])
    everywhere = np.sum((users.T @ users) * (items.T @ items))
    met = np.sum((1 + gains.data) * ((gains.data > 0) - scores) ** 2 - scores**2)
    return float(everywhere + met + regularization * (np.sum(users**2) + np.sum(items**2)))


def _gains(ratings: sparse.csr_array, alpha: float) -> sparse.csr_array:
    if ratings.nnz and ratings.data.min() < 0:
        raise ValueError(
            f"a value of {ratings.data.min()} would mean a confidence below 1; ALS wants values of 0 or more"
        )
    data = alpha * ratings.data.astype(np.float64)
    return sparse.csr_array((data, ratings.indices, ratings.indptr), shape=ratings.shape)


def _blocks(lengths: NDArray[np.int64], k: int) -> Iterator[NDArray[np.int64]]:
    """Rows to solve together: of like lengths, and as many as fit into `CELLS`; empty ones left out."""
    order = np.argsort(-lengths, kind="stable")
    order = order[lengths[order] > 0]
    start = 0
    while start < len(order):
        longest = lengths[order[start]]
        step = max(1, CELLS // (k * max(int(longest), k)))
        yield order[start : start + step]
        start += step


def _padded(gains: sparse.csr_array, rows: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray]:
    """Columns and gains of these rows, (B, L) each; shorter rows are filled with column 0 and gain 0."""
    starts, lengths = gains.indptr[rows], np.diff(gains.indptr)[rows]
    step = np.arange(lengths.max())
    inside = step < lengths[:, None]
    place = np.where(inside, starts[:, None] + step, 0)
    return np.where(inside, gains.indices[place], 0), np.where(inside, gains.data[place], 0.0)
