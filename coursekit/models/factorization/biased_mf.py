"""Ratings from factors: what everybody gives, what this user adds, what this item adds, and their match."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray

from coursekit.interactions import Interactions
from coursekit.models.factorization.network import SquaredErrorNetwork
from coursekit.models.factorization.vectors import cosines
from coursekit.models.neural import NeuralRecommender
from coursekit.models.options import check_at_least
from coursekit.models.pairs import RatedPairs


@dataclass(eq=False)
class BiasedMF(NeuralRecommender):
    """Biased matrix factorisation of explicit ratings (Koren, Bell & Volinsky, 2009).

    r̂_ui = μ + b_u + b_i + p_u · q_i minimises, over the ratings that were given,

        Σ_ui (r_ui - r̂_ui)² + λ (b_u² + b_i² + |p_u|² + |q_i|²),

    μ being the mean of all ratings. The penalty stands inside the sum: each rating pulls at its own user and
    item. Scores are predicted ratings, so a ranked list holds what the user would rate highest, which is
    not the same as what the user would choose next.

    Args:
        factors: length of p_u and q_i; 0 leaves the biases alone.
        regularization: λ >= 0.
        epochs, learning_rate, batch_size, rng, …: see `NeuralRecommender`.

    Raises:
        ValueError: for an option outside its range.
    """

    factors: int = 16
    regularization: float = field(default=0.05, kw_only=True)
    learning_rate: float = field(default=5e-3, kw_only=True)

    def __post_init__(self) -> None:
        check_at_least(self, 0, factors=self.factors, regularization=self.regularization)

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float32]:
        """Ratings expected for pairs of a user and an item, on the scale of the data.

        A user who is unknown (-1) or has no ratings adds nothing, nor does such an item: what remains is
        μ + b_i, μ + b_u or μ. Nothing is clipped or rounded.

        Args:
            users, items: (n,) rows; users[m] is paired with items[m]. One may be a single row.

        Returns:
            (n,) float32.

        Raises:
            ValueError: when the lengths differ.
            IndexError: when a row is outside the data.
            RuntimeError: before `fit`.
        """
        users, items = np.broadcast_arrays(self._rows("user", users), self._rows("item", items))
        p, q = (
            _with_stranger(rows.weight)[chosen]
            for rows, chosen in ((self.network_.users, users), (self.network_.items, items))
        )
        products = np.einsum("nk,nk->n", p[:, :-1], q[:, :-1])
        return self.mean_ + p[:, -1] + q[:, -1] + products

    def _prepare(self, data: Interactions) -> None:
        ratings = data.matrix().data
        self.mean_ = float(ratings.mean(dtype=np.float64)) if len(ratings) else 0.0

    def _network(self) -> SquaredErrorNetwork:
        known_users, known_items = np.diff(self.seen_.indptr) > 0, self.popularity_ > 0
        return SquaredErrorNetwork(
            known_users, known_items, self.factors, self.mean_, regularization=self.regularization
        )

    def _batches(self, data: Interactions, device: torch.device) -> RatedPairs:
        return RatedPairs(data, self.batch_size, self.rng, device)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        factors = self.network_.items.weight.detach().cpu().numpy()[:, :-1]
        return cosines(factors, items, self.popularity_ > 0)


def _with_stranger(weights: torch.Tensor) -> NDArray[np.float32]:
    """The table with a row of zeros at its end, where the row -1 finds it."""
    rows = weights.detach().cpu().numpy()
    return np.vstack([rows, np.zeros_like(rows[:1])])
