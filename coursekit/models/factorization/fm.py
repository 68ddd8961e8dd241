"""The factorization machine: every pair of things known about user and item may matter together."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.interactions import Interactions
from coursekit.models.factorization.network import bpr_loss, mean_square, products, table
from coursekit.models.factorization.vectors import cosines
from coursekit.models.features import SideFeatures
from coursekit.models.neural import NeuralRecommender
from coursekit.models.options import check_at_least
from coursekit.models.pairs import PairBatch, SampledPairs


class FMSide(nn.Module):
    """One side's part of x: a one-hot of the row, then its features.

    Args:
        known: (n,) booleans; rows that never occur start with zeros and keep them, so that their features
            alone speak for them.
        features: (n, d) float32 or None.
        factors: k.
        spread: standard deviation of the first factors; weights w start at 0.
    """

    def __init__(self, known: np.ndarray, features: np.ndarray | None, factors: int, spread: float) -> None:
        super().__init__()
        self.rows = table(known, factors, spread)  # (n, k + 1): v of the one-hot's entry, and its w
        width = 0 if features is None else features.shape[1]
        self.of_features = nn.Parameter(torch.zeros(width, factors + 1))
        nn.init.normal_(self.of_features[:, :-1], 0, spread)
        self.register_buffer("features", None if features is None else torch.as_tensor(features), False)

    def forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Σ v_j x_j and what this side scores by itself, Σ w_j x_j + Σ_{j<l} (v_j · v_l) x_j x_l.

        The pairs take O(d k) by Rendle's identity ½ (|Σ v_j x_j|² - Σ |v_j|² x_j²); (…, k) and (…,).
        """
        own = self.rows(rows)  # (…, k + 1)
        if self.features is None:
            return own[..., :-1], own[..., -1]  # one entry of x is 1: there is no pair
        x = F.embedding(rows, self.features)  # (…, d)
        total = own + x @ self.of_features
        squares = own[..., :-1].square().sum(-1) + x.square() @ self.of_features[:, :-1].square().sum(-1)
        pairs = (total[..., :-1].square().sum(-1) - squares) / 2
        return total[..., :-1], total[..., -1] + pairs

    def factors_of(self, rows: Tensor) -> Tensor:
        """v of the one-hots' entries: (…, k)."""
        return self.rows(rows)[..., :-1]


class FMNetwork(nn.Module):
    """ŷ = Σ_j w_j x_j + Σ_{j<l} (v_j · v_l) x_j x_l, x being the user's side followed by the item's.

    With s_u and s_i the sums Σ v_j x_j of the sides, all pairs across the sides together are s_u · s_i, so
    every item of every user is scored by one matrix product.
    """

    def __init__(self, users: FMSide, items: FMSide, regularization: float = 0.0) -> None:
        super().__init__()
        self.users, self.items, self.regularization = users, items, regularization

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Scores of items for users: (B,) and (C,) or (B, C) -> (B, C)."""
        (p, of_user), (q, of_item) = self.users(users), self.items(items)
        return of_user[:, None] + of_item + products(p, q)

    def loss(self, batch: PairBatch) -> Tensor:
        """-ln σ(ŷ_ui - ŷ_uj) + λ Σ |v|², the mean over the batch: ().

        The v are those of the triple's ids and of all features. Weights w go free, as BPR's biases.
        """
        own = mean_square(self.users.factors_of(batch.users), self.items.factors_of(batch.items))
        shared = sum(side.of_features[:, :-1].square().sum() for side in (self.users, self.items))
        return bpr_loss(self(batch.users, batch.items)) + self.regularization * (own + shared)


@dataclass(eq=False)
class FactorizationMachine(SideFeatures, NeuralRecommender):
    """Factorization machine over ids and side features (Rendle, 2010), trained to rank.

    An example is one vector x: ones for the user and the item, followed by the features of both. Each entry j
    has a weight w_j and factors v_j, and ŷ = Σ w_j x_j + Σ_{j<l} (v_j · v_l) x_j x_l (the paper's w_0 is the
    same for every item and left out). Without features that is matrix factorisation with item bias. The
    loss is BPR's, so what only depends on the user has no effect on it.

    An item nobody met, or a user without history, is scored by features alone. For that, negatives are
    drawn only among items that somebody met: an item that came later was not turned down.

    Args:
        factors: length of v_j.
        n_negatives, regularization: as in `BPR`.
        user_features: (n_users, a) float array, one row a user; see `feature_matrix`.
        item_features: (n_items, b) likewise.
        epochs, learning_rate, batch_size, rng, …: see `NeuralRecommender`.

    Raises:
        ValueError: for an option outside its range, or features that do not fit the data.
    """

    factors: int = 32
    user_features: ArrayLike | None = None
    item_features: ArrayLike | None = None
    n_negatives: int = field(default=1, kw_only=True)
    regularization: float = field(default=0.01, kw_only=True)
    learning_rate: float = field(default=5e-3, kw_only=True)

    def __post_init__(self) -> None:
        check_at_least(self, 1, factors=self.factors, n_negatives=self.n_negatives)
        check_at_least(self, 0, regularization=self.regularization)

    def _network(self) -> FMNetwork:
        known_users, known_items = np.diff(self.seen_.indptr) > 0, self.popularity_ > 0
        users = FMSide(known_users, self.user_features_, self.factors, 0.1)
        items = FMSide(known_items, self.item_features_, self.factors, 0.1)
        return FMNetwork(users, items, self.regularization)

    def _batches(self, data: Interactions, device: torch.device) -> SampledPairs:
        return SampledPairs(data, self.n_negatives, self.batch_size, self.rng, device, met_only=True)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        device = self.network_.items.rows.weight.device
        with torch.inference_mode():
            vectors, _ = self.network_.items(torch.arange(self.n_items, device=device))
        known = (self.popularity_ > 0) | (self.item_features_ is not None)
        return cosines(vectors.cpu().numpy(), items, known)
