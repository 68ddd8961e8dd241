"""AutoRec: an autoencoder that reads a row of the rating matrix and fills in what is missing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from scipy import sparse
from scipy.special import expit
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.interactions import Interactions
from coursekit.models.factorization.network import products
from coursekit.models.factorization.rows import MatrixRows, RowBatch
from coursekit.models.factorization.vectors import cosines
from coursekit.models.means import rating_means
from coursekit.models.neural import NeuralRecommender
from coursekit.models.options import check_at_least, check_choice


class AutoRecNetwork(nn.Module):
    """x̂ = μ + W g(V (x - μ) + b) + c, g the sigmoid; x a row of the matrix of users and items.

    Args:
        shape: of the matrix whose rows are read: (m, n).
        hidden: k, the length of the code g(V (x - μ) + b).
        rows_are: "item" or "user".
        mean: μ.
        dropout: share of x that is hidden from the encoder in training; the rest is scaled up.
        regularization: λ >= 0 of the loss.

    Attributes:
        codes: (m, k), the code of each row; `encode` writes it, and scores are read from it.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        hidden: int,
        rows_are: str = "item",
        mean: float = 0.0,
        dropout: float = 0.0,
        regularization: float = 0.0,
    ) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(shape[1], hidden), nn.Linear(hidden, shape[1])
        self.register_buffer("codes", torch.zeros(shape[0], hidden))
        self.rows_are, self.mean, self.dropout, self.regularization = rows_are, mean, dropout, regularization

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Single cells of the reconstruction: (B,) and (C,) or (B, C) -> (B, C)."""
        weight, bias = self.decoder.weight, self.decoder.bias
        if self.rows_are == "item":
            return self.mean + bias[users][:, None] + products(weight[users], self.codes[items])
        return self.mean + bias[items] + products(self.codes[users], weight[items])

    def reconstruct(self, rows: Tensor) -> Tensor:
        """x̂ - μ of whole rows x - μ: (B, n) -> (B, n)."""
        rows = F.dropout(rows, self.dropout, self.training) if self.dropout else rows
        return self.decoder(torch.sigmoid(self.encoder(rows)))

    def loss(self, batch: RowBatch) -> Tensor:
        """Σ (x - x̂)² over the cells that count / their number + λ (|V|² + |W|²): ()."""
        errors = (self.reconstruct(batch.values) - batch.values).square() * batch.counts
        penalty = self.encoder.weight.square().sum() + self.decoder.weight.square().sum()
        return errors.sum() / batch.counts.sum() + self.regularization * penalty

    @torch.no_grad()
    def encode(self, rows: sparse.csr_array) -> None:
        """Write the codes of all rows: a product with the sparse rows, since most cells are empty."""
        weight, bias = (parameter.cpu().numpy() for parameter in (self.encoder.weight, self.encoder.bias))
        self.codes.copy_(torch.as_tensor(expit(rows @ weight.T + bias)))


@dataclass(eq=False)
class AutoRec(NeuralRecommender):
    """An autoencoder on rows of the rating matrix (Sedhain et al., 2015).

    A row x is what all users gave one item (`by="item"`, the paper's better half) or one user gave all items.
    It goes through a narrow code and back, x̂ = W g(V x + b) + c, and only the cells that were rated count in
    the squared error. The mean of all ratings is subtracted first, so that the 0 of a missing rating says
    "average" to the encoder. Since x̂ is linear in the code, this is matrix factorisation in which one side's
    factors are not learned one by one but computed from the row.

    With feedback="implicit" x is 1 where something was met and 0 elsewhere, all cells count, and
    `dropout` hides a share of the row, so that the network learns what goes with what instead of copying
    (a denoising autoencoder; Wu et al., 2016).

    Args:
        hidden: length of the code.
        by: "item" or "user": what a row is.
        feedback: "explicit" (ratings) or "implicit".
        dropout: share of each row hidden in training, 0 <= dropout < 1.
        regularization: λ >= 0 of the weights' squares.
        batch_size: rows in a batch.
        epochs, learning_rate, rng, …: see `NeuralRecommender`.

    Raises:
        ValueError: for an option outside its range.
    """

    hidden: int = 64
    by: str = field(default="item", kw_only=True)
    feedback: str = field(default="explicit", kw_only=True)
    dropout: float = field(default=0.0, kw_only=True)
    regularization: float = field(default=1e-4, kw_only=True)
    epochs: int = field(default=50, kw_only=True)
    batch_size: int = field(default=64, kw_only=True)

    def __post_init__(self) -> None:
        check_at_least(self, 1, hidden=self.hidden)
        check_at_least(self, 0, regularization=self.regularization, dropout=self.dropout)
        check_choice(self, ("item", "user"), by=self.by)
        check_choice(self, ("explicit", "implicit"), feedback=self.feedback)
        if self.dropout >= 1:
            raise ValueError(f"AutoRec(dropout={self.dropout}): hiding everything leaves nothing to read")

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float32]:
        """Ratings expected for pairs of a user and an item, on the scale of the data.

        An unknown user (-1) or one without ratings gets the item's mean, such an item the user's mean,
        and where neither is known, the mean of all ratings. Nothing is clipped or rounded.

        Args:
            users, items: (n,) rows; users[m] is paired with items[m]. One may be a single row.

        Returns:
            (n,) float32.

        Raises:
            ValueError: when the model was built for implicit feedback, or the lengths differ.
        """
        if self.feedback != "explicit":
            raise ValueError("ratings need AutoRec(feedback='explicit')")
        users, items = np.broadcast_arrays(self._rows("user", users), self._rows("item", items))
        known_users, known_items = self._known(users), (items >= 0) & (self.popularity_[items] > 0)
        expected = self._scores_of(users.clip(0), items[:, None])[:, 0] if len(users) else np.empty(0)
        expected = np.where(known_items, expected, self.user_mean_[users])
        return np.where(known_users, expected, self.item_mean_[items]).astype(np.float32)

    def _prepare(self, data: Interactions) -> None:
        ratings = data.matrix(binary=self.feedback == "implicit")
        self.mean_ = 0.0
        if self.feedback == "explicit":
            self.mean_ = float(ratings.data.mean(dtype=np.float64)) if ratings.nnz else 0.0
            # The default stands last, too, where the row -1 of a stranger finds it.
            self.user_mean_, self.item_mean_ = (
                np.append(rating_means(ratings, axis, self.mean_), np.float32(self.mean_)) for axis in (0, 1)
            )
        centred = ratings.data - np.float32(self.mean_)
        rows = sparse.csr_array((centred, ratings.indices, ratings.indptr), shape=ratings.shape)
        self._matrix = rows if self.by == "user" else rows.T.tocsr()

    def _fit(self, data: Interactions) -> None:
        super()._fit(data)
        self.network_.encode(self._matrix)
        del self._matrix  # only needed to learn from

    def _validation(self) -> Callable[[nn.Module], Any] | None:
        validate = super()._validation()
        if validate is None:
            return None

        def with_codes_of_now(network: AutoRecNetwork) -> Any:
            network.encode(self._matrix)
            return validate(network)

        return with_codes_of_now

    def _network(self) -> AutoRecNetwork:
        shape = (self.n_items, self.n_users) if self.by == "item" else (self.n_users, self.n_items)
        return AutoRecNetwork(shape, self.hidden, self.by, self.mean_, self.dropout, self.regularization)

    def _batches(self, data: Interactions, device: torch.device) -> MatrixRows:
        implicit = self.feedback == "implicit"
        return MatrixRows(self._matrix, implicit, self.batch_size, self.rng, device)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        network = self.network_
        vectors = (network.codes if self.by == "item" else network.decoder.weight).detach().cpu().numpy()
        # All codes lie between 0 and 1; what tells items apart is how they differ from the mean code.
        return cosines(vectors - vectors.mean(axis=0), items, self.popularity_ > 0)
