"""The network behind `CompletionClassifier`, and its batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.sequence.completion import CompletionExamples
from coursekit.models.sequence.layers import ATTENTIONS, BiLSTM, StepDropout
from coursekit.models.sequences import PADDING, LengthBuckets, lengths_of, trimmed


class CompletionBatch(NamedTuple):
    """B enrolments with what was known when they began.

    Attributes:
        users: (B,) int64 rows.
        items: (B,) int64 rows.
        histories: (B, T) int64 tokens, padded with 0 on the right.
        fractions: (B, T) float32; NaN where not known yet.
        finished: (B,) float32, 1 or 0.
    """

    users: Tensor
    items: Tensor
    histories: Tensor
    fractions: Tensor
    finished: Tensor


class CompletionBatches:
    """All examples once an epoch, in a new order, in batches of similar length.

    Args:
        examples: the enrolments.
        batch_size: enrolments in a batch.
        seed: of the order.
        device: where everything lies.
    """

    def __init__(
        self, examples: CompletionExamples, batch_size: int, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        kinds = {"finished": torch.float32}
        columns = {name: getattr(examples, name) for name in CompletionBatch._fields}
        self.columns = CompletionBatch(
            *(torch.as_tensor(c, dtype=kinds.get(name), device=device) for name, c in columns.items())
        )
        self.buckets = LengthBuckets(lengths_of(self.columns.histories), batch_size, seed, device)
        self.generator = self.buckets.generator  # where the trainer looks for it

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.buckets)

    def __iter__(self) -> Iterator[CompletionBatch]:
        """One epoch."""
        return map(self.batch, self.buckets)

    def by_length(self) -> Iterator[tuple[Tensor, CompletionBatch]]:
        """All examples with their rows, the shortest first and nothing shuffled: for predictions."""
        rows = torch.argsort(self.buckets.lengths, stable=True)
        return ((part, self.batch(part)) for part in rows.split(self.buckets.batch_size))

    def batch(self, rows: Tensor) -> CompletionBatch:
        """These examples, their histories as wide as the longest of them."""
        batch = CompletionBatch(*(column[rows] for column in self.columns))
        histories = trimmed(batch.histories)
        return batch._replace(histories=histories, fractions=batch.fractions[:, : histories.shape[1]])


class CompletionNetwork(nn.Module):
    """P(finished) = σ(w · relu(W [c ; h ; x] + a) + b).

    x stands for the enrolment: an embedding of the course, features of course and learner where there are
    any. A BiLSTM reads the history, for each earlier course another embedding of it and two numbers: the
    fraction completed (0 where unknown) and whether it is known. c pools its states by attention with the
    query x, so the weights say what in the history this course asks about; h = [ahead_T ; back_1] is what
    either direction knows at its end. Without a history c = h = 0.

    Args:
        n_items: size of the catalogue.
        width: of embeddings, states and the hidden layer; even.
        scoring: how attention scores, "additive" or "dot".
        dropout: share dropped in training of the embeddings read and of [c ; h ; x].
        item_features, user_features: (n_items, a) and (n_users, b) float tensors, or None.
    """

    def __init__(
        self,
        n_items: int,
        width: int,
        scoring: str,
        dropout: float = 0.0,
        item_features: Tensor | None = None,
        user_features: Tensor | None = None,
    ) -> None:
        super().__init__()
        # Not saved with the weights: they are data.
        self.register_buffer("item_features", item_features, persistent=False)
        self.register_buffer("user_features", user_features, persistent=False)
        asked = width + sum(0 if f is None else f.shape[1] for f in (item_features, user_features))
        self.embedding = nn.Embedding(n_items + 1, width, padding_idx=PADDING)
        self.items = nn.Embedding(n_items, width)
        self.bilstm = BiLSTM(width + 2, width)
        self.attention = ATTENTIONS[scoring](asked, width)
        self.hidden = nn.Linear(2 * width + asked, width)
        self.output = nn.Linear(width, 1)
        self.step_dropout, self.dropout = StepDropout(dropout), nn.Dropout(dropout)
        nn.init.normal_(self.embedding.weight, std=0.1)
        nn.init.zeros_(self.items.weight)  # a course that nobody has taken yet stays an average one

    def forward(self, batch: CompletionBatch) -> tuple[Tensor, Tensor]:
        """Logits (B,) and attention weights (B, T); `batch.finished` is not looked at."""
        x, lengths = self._asked(batch), lengths_of(batch.histories)
        states = self.bilstm(self._read(batch), lengths)
        last = self.bilstm.last(states, lengths) * (lengths > 0)[:, None]
        context, weights = self.attention(x, states, batch.histories != PADDING)
        z = self.hidden(self.dropout(torch.cat([context, last, x], dim=-1))).relu()
        return self.output(z)[:, 0], weights

    def loss(self, batch: CompletionBatch) -> Tensor:
        """Binary cross-entropy, the mean over B: ()."""
        return F.binary_cross_entropy_with_logits(self(batch)[0], batch.finished)

    def _asked(self, batch: CompletionBatch) -> Tensor:
        """x: (B, width + a + b)."""
        parts = [self.items(batch.items)]
        for features, rows in ((self.item_features, batch.items), (self.user_features, batch.users)):
            if features is not None:
                parts.append(features[rows])
        return torch.cat(parts, dim=-1)

    def _read(self, batch: CompletionBatch) -> Tensor:
        """What the BiLSTM reads: (B, T, width + 2)."""
        known = ~batch.fractions.isnan()
        numbers = torch.stack([batch.fractions.nan_to_num(), known.float()], dim=-1)
        return torch.cat([self.step_dropout(self.embedding(batch.histories)), numbers], dim=-1)
