"""A number from a text: a rating from a title."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.bert import Bert, BertEncoder
from coursekit.models.finetuning.texts import lengths_of, pooled, rewriting, token_ids
from coursekit.models.finetuning.tuning import Tuning
from coursekit.models.sequences import LengthBuckets
from coursekit.models.storage import read_model, write_model
from coursekit.runtime import cpu_threads, pick_device

_NETWORK = "network."


class TextBatch(NamedTuple):
    """B texts and what they are worth.

    Attributes:
        ids: (B, T) int64 tokens, padded with 0 on the right.
        values: (B,) float32.
    """

    ids: Tensor
    values: Tensor


class TextBatches:
    """Texts in batches of similar length, in a new order every epoch.

    Args:
        ids: (N, L) tokens, padded with 0 on the right.
        values: (N,) numbers.
        batch_size: texts in a batch.
        seed: of the order.
        device: where everything lies.
        rewritten: makes an epoch's tokens in place of `ids`, with other words in the texts; or None.
    """

    def __init__(
        self,
        ids: Tensor,
        values: Tensor,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
        rewritten: Callable[[], Tensor] | None = None,
    ) -> None:
        self.ids, self.values, self.rewritten = ids.to(device), values.to(device), rewritten
        self.buckets = LengthBuckets(lengths_of(self.ids), batch_size, seed, device)
        self.generator = self.buckets.generator

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.buckets)

    def __iter__(self) -> Iterator[TextBatch]:
        """One epoch."""
        ids = self.ids if self.rewritten is None else self.rewritten().to(self.ids.device)
        lengths = lengths_of(ids)
        for rows in self.buckets:
            yield TextBatch(ids[rows, : int(lengths[rows].max())], self.values[rows])


class RegressionNetwork(nn.Module):
    """A linear layer over the mean of a text's hidden states.

    Args:
        encoder: of texts.
        centre, scale: mean and standard deviation of the values; the layer learns standardised ones.
    """

    def __init__(self, encoder: BertEncoder, centre: float, scale: float) -> None:
        super().__init__()
        self.encoder, self.centre, self.scale = encoder, centre, scale
        self.head = nn.Linear(encoder.config.width, 1)

    def forward(self, ids: Tensor) -> Tensor:
        """(B, T) tokens to (B,) values."""
        return self.centre + self.scale * self.head(pooled(self.encoder, ids))[:, 0]

    def loss(self, batch: TextBatch) -> Tensor:
        """Mean squared error in units of the values' variance: a () tensor."""
        return F.mse_loss(self(batch.ids), batch.values) / self.scale**2


@dataclass(eq=False)
class BertRatingRegressor(Tuning):
    """A rating (or any number) from a text: ŷ = w · mean of BERT's hidden states + b, by squared error.

    Before it is believed, two simpler models should be beaten: the mean, and ridge regression on TF-IDF.
    Options of fine-tuning stand at `Tuning`.

    Args:
        max_tokens: of a text; what is longer loses its end. None: as many as the checkpoint has positions.
        device: where to compute; None leaves the choice to `pick_device`.

    Attributes:
        network_, history_, trained_parameters_: as for the recommenders.

    Example:
        >>> model = BertRatingRegressor(epochs=3).fit(titles, ratings)  # doctest: +SKIP
        >>> model.predict(["Python for Poets"])  # doctest: +SKIP
    """

    max_tokens: int | None = field(default=None, kw_only=True)
    device: str | None = field(default=None, kw_only=True)

    def fit(
        self,
        texts: Sequence[str],
        ratings: ArrayLike,
        validate: Callable[[BertRatingRegressor], Any] | None = None,
    ) -> Self:
        """Learn from N texts and return the model itself. Fitting again starts afresh.

        Args:
            texts: N strings.
            ratings: (N,) numbers.
            validate: called with this model after every epoch; returns a number or several by name.

        Raises:
            TypeError: for one string in place of many.
            ValueError: when there is nothing to learn from, not one rating a text, or one is not finite.
        """
        values = _values(texts, ratings)
        bert = self._load()
        self.tokenizer_ = bert.tokenizer.to_str()
        self.centre_, self.scale_ = float(values.mean()), float(values.std()) or 1.0
        ids = torch.as_tensor(token_ids(bert, texts, self.max_tokens))
        batches = TextBatches(
            ids,
            torch.as_tensor(values),
            self.batch_size,
            self.rng,
            pick_device(self.device),
            rewriting(bert, texts, self.augment, self.rng, self.max_tokens),
        )
        checked = None if validate is None else lambda _: validate(self)
        self._train(lambda: self._around(self._tuned(bert.encoder)), batches, checked)
        return self

    def predict(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N,) predicted ratings, not clipped to any scale.

        Raises:
            RuntimeError: before `fit`.
        """
        self._check_fitted()
        encoder = self.network_.encoder
        ids = token_ids(Bert(encoder, Tokenizer.from_str(self.tokenizer_)), texts, self.max_tokens)
        device = next(encoder.parameters()).device
        with torch.inference_mode(), cpu_threads(1):
            parts = [self.network_(torch.as_tensor(ids, device=device))] if len(ids) else []
        return torch.cat(parts).cpu().numpy() if parts else np.zeros(0, np.float32)

    def save(self, path: str | Path) -> Path:
        """Write options and what was learned to one .npz file (arrays and JSON, no pickle).

        With tune="frozen" or "lora" it holds the trained weights only; `load` needs the checkpoint again.
        """
        self._check_fitted()
        options = {option.name: getattr(self, option.name) for option in fields(self)}
        del options["device"]
        plain = {name: value for name, value in vars(self).items() if name.endswith("_")}
        del plain["network_"]
        return write_model(path, type(self).__name__, options, plain | self._trained_state(_NETWORK))

    @classmethod
    def load(cls, path: str | Path, device: str | None = None) -> Self:
        """The model that `save` wrote, ready to predict.

        Raises:
            ValueError: when the file is damaged or holds another kind of model.
        """
        name, options, state = read_model(path)
        if name != cls.__name__:
            raise ValueError(f"{path} holds a {name}, not a {cls.__name__}")
        model = cls(**options, device=device)
        weights = {key: state.pop(key) for key in list(state) if key.startswith(_NETWORK)}
        vars(model).update(state)
        model._take_trained_state(model._around(model._encoder_again()), weights, _NETWORK)
        return model

    def _around(self, encoder: BertEncoder) -> RegressionNetwork:
        return RegressionNetwork(encoder, self.centre_, self.scale_)

    def _check_fitted(self) -> None:
        if not hasattr(self, "network_"):
            raise RuntimeError(
                "this BertRatingRegressor has learned nothing yet: call fit(texts, ratings) first"
            )


def _values(texts: Sequence[str], ratings: ArrayLike) -> NDArray[np.float32]:
    """The ratings as (N,) float32, checked."""
    values = np.asarray(ratings, np.float32)
    if values.shape != (len(texts),) or not len(texts):
        raise ValueError(f"{len(texts)} texts and ratings of shape {values.shape}; give one rating a text")
    if not np.isfinite(values).all():
        row = int(np.flatnonzero(~np.isfinite(values))[0])
        raise ValueError(f"rating {row} is {values[row]}; drop or fill it first")
    return values
