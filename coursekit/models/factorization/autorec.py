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
from coursekit.models.factorization.options import check_at_least, check_choice
from coursekit.models.factorization.rows import MatrixRows, RowBatch
from coursekit.models.factorization.vectors import cosines
from coursekit.models.neural import NeuralRecommender


class AutoRecNetwork(nn.Module):
    """x̂ = W g(V x + b) + c, g the sigmoid.

    Args:
        width: n, the length of x.
        hidden: k, the length of the code g(V x + b).
        dropout: share of x that is hidden from the encoder in training; the rest is scaled up.
        regularization: λ >= 0 of the loss.
    """

    def __init__(self, width: int, hidden: int, dropout: float = 0.0, regularization: float = 0.0) -> None:
        super().__init__()
        self.encoder, self.decoder = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.dropout, self.regularization = dropout, regularization

    def forward(self, values: Tensor) -> Tensor:
        """Reconstructions of whole rows: (B, n) -> (B, n)."""
        hidden = F.dropout(values, self.dropout, self.training) if self.dropout else values
        return self.decoder(torch.sigmoid(self.encoder(hidden)))

    def loss(self, batch: RowBatch) -> Tensor:
        """Σ (x - x̂)² over the cells that count / their number + λ (|V|² + |W|²): ()."""
        errors = (self(batch.values) - batch.values).square() * batch.counts
        penalty = self.encoder.weight.square().sum() + self.decoder.weight.square().sum()
        return errors.sum() / batch.counts.sum() + self.regularization * penalty


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

    Attributes:
        codes_: (n_items or n_users, hidden) float32, the code of each row.

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
        known_user, known_item = self._known(users), (items >= 0) & (self.popularity_[items] > 0)
        of_users, of_items = self._vectors()
        expected = self.mean_ + np.einsum("nk,nk->n", of_users[users], of_items[items])
        expected = np.where(known_item, expected, self.user_mean_[users])
        return np.where(known_user, expected, self.item_mean_[items]).astype(np.float32)

    def _prepare(self, data: Interactions) -> None:
        ratings = data.matrix(binary=self.feedback == "implicit")
        self.mean_ = 0.0
        if self.feedback == "explicit":
            self.mean_ = float(ratings.data.mean(dtype=np.float64)) if ratings.nnz else 0.0
            self.user_mean_, self.item_mean_ = _means(ratings, 0, self.mean_), _means(ratings, 1, self.mean_)
        centred = ratings.data - np.float32(self.mean_)
        rows = sparse.csr_array((centred, ratings.indices, ratings.indptr), shape=ratings.shape)
        self._rows_read = rows if self.by == "user" else rows.T.tocsr()

    def _fit(self, data: Interactions) -> None:
        super()._fit(data)
        self._encode()
        del self._rows_read

    def _validation(self) -> Callable[[nn.Module], Any] | None:
        validate = super()._validation()
        if validate is None:
            return None

        def with_codes_of_now(network: nn.Module) -> Any:
            self._encode()
            return validate(network)

        return with_codes_of_now

    def _network(self) -> AutoRecNetwork:
        width = self.n_users if self.by == "item" else self.n_items
        return AutoRecNetwork(width, self.hidden, self.dropout, self.regularization)

    def _batches(self, data: Interactions, device: torch.device) -> MatrixRows:
        implicit = self.feedback == "implicit"
        return MatrixRows(self._rows_read, implicit, self.batch_size, self.rng, device)

    def _encode(self) -> None:
        """Codes of all rows; a product with the sparse rows, since most cells are empty."""
        weight, bias = _arrays(self.network_.encoder)
        self.codes_ = expit(self._rows_read @ weight.T + bias).astype(np.float32)

    def _vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Users and items as vectors whose products are the scores: (n_users, k + 1), (n_items, k + 1)."""
        weight, bias = _arrays(self.network_.decoder)
        decoded = np.hstack([weight, bias[:, None]])
        coded = np.hstack([self.codes_, np.ones_like(self.codes_[:, :1])])
        return (decoded, coded) if self.by == "item" else (coded, decoded)

    def _scores(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        of_users, of_items = self._vectors()
        return self.mean_ + of_users[users].astype(np.float64) @ of_items.T.astype(np.float64)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        of_items = self._vectors()[1][:, :-1]
        return cosines(of_items - of_items.mean(axis=0), items, self.popularity_ > 0)


def _arrays(layer: nn.Linear) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    return layer.weight.detach().cpu().numpy(), layer.bias.detach().cpu().numpy()


def _means(ratings: sparse.csr_array, axis: int, default: float) -> NDArray[np.float32]:
    """Mean rating of each user (axis 0) or item (axis 1); last, where -1 finds it, the default: (n + 1,)."""
    place = ratings.tocoo().coords[axis]
    counts = np.bincount(place, minlength=ratings.shape[axis])
    sums = np.bincount(place, ratings.data, minlength=ratings.shape[axis])
    means = np.where(counts > 0, sums / np.maximum(counts, 1), default)
    return np.append(means, default).astype(np.float32)
