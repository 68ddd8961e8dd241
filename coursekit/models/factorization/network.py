"""The network of matrix factorisation, shared by the models that differ in their loss alone."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.pairs import PairBatch, RatingBatch


class FactorNetwork(nn.Module):
    """Scores of pairs as ŷ = μ + b_u + b_i + p_u · q_i.

    A row of a table holds a user's (an item's) k factors and, last, the bias: one table for a side means one
    reading and one update of it for each batch.

    Args:
        known_users: (n_users,) booleans; who never occurs starts with zeros and, since no batch meets
            them, keeps them.
        known_items: (n_items,) likewise.
        factors: k.
        mean: μ.
        spread: standard deviation of the first factors; biases start at 0.
        regularization: λ >= 0 of the loss.
    """

    def __init__(
        self,
        known_users: np.ndarray,
        known_items: np.ndarray,
        factors: int,
        mean: float = 0.0,
        spread: float = 0.1,
        regularization: float = 0.0,
    ) -> None:
        super().__init__()
        self.users, self.items = table(known_users, factors, spread), table(known_items, factors, spread)
        self.mean, self.regularization = mean, regularization

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores of items for users: (B,) and (C,) or (B, C) -> (B, C)."""
        return self._scores(self.users(users), self.items(items))

    def _scores(self, users: Tensor, items: Tensor) -> Tensor:
        p, q = users[:, :-1], items[..., :-1]  # (B, k) and (C, k) or (B, C, k)
        return self.mean + users[:, -1:] + items[..., -1] + products(p, q)


class SquaredErrorNetwork(FactorNetwork):
    """Matrix factorisation of ratings."""

    def loss(self, batch: RatingBatch) -> Tensor:
        """(r - r̂)² + λ (b_u² + b_i² + |p_u|² + |q_i|²), the mean over the batch: ()."""
        users, items = self.users(batch.users), self.items(batch.items)
        errors = batch.values - self._scores(users, items)[:, 0]
        return errors.square().mean() + self.regularization * mean_square(users, items)


class PairwiseNetwork(FactorNetwork):
    """Matrix factorisation of an order."""

    def loss(self, batch: PairBatch) -> Tensor:
        """-ln σ(ŷ_ui - ŷ_uj) + λ (|p_u|² + |q_i|² + |q_j|²), the mean over the batch: ().

        With several negatives j the first term is their mean. Biases go free: how popular an item is
        is known from many pairs and needs no pull to zero.
        """
        users, items = self.users(batch.users), self.items(batch.items)
        penalty = self.regularization * mean_square(users[..., :-1], items[..., :-1])
        return bpr_loss(self._scores(users, items)) + penalty


def mean_square(users: Tensor, items: Tensor) -> Tensor:
    """|p_u|² + Σ_i |q_i|² of (B, k) and (B, C, k), the mean over a batch: ().

    Only what the batch has met is counted: a user with many ratings is pulled as often as fitted.
    """
    return (users.square().sum() + items.square().sum()) / len(users)


def products(p: Tensor, q: Tensor) -> Tensor:
    """p · q of each user with its items: (B, k) and (C, k), the same for all, or (B, C, k) -> (B, C)."""
    return p @ q.T if q.ndim == 2 else (q @ p[..., None])[..., 0]


def bpr_loss(scores: Tensor) -> Tensor:
    """-ln σ(ŷ_ui - ŷ_uj), the mean over (B, 1 + n) scores whose column 0 are the positives: ()."""
    return -F.logsigmoid(scores[:, :1] - scores[:, 1:]).mean()


def table(known: Sequence[bool] | np.ndarray, factors: int, spread: float) -> nn.Embedding:
    """A table of n rows of k factors drawn from N(0, spread²) and a bias of 0; all zeros where not known."""
    rows = nn.Embedding(len(known), factors + 1)
    with torch.no_grad():
        rows.weight.normal_(0, spread)
        rows.weight[:, -1] = 0
        rows.weight[~torch.as_tensor(np.asarray(known, dtype=bool))] = 0
    return rows
