"""Batches for models that read: histories, what came next, and the items' texts of the epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from coursekit.interactions import Interactions
from coursekit.models.sequences import PADDING, LengthBuckets, NextItemBatches, user_sequences

Rewritten = Callable[[], Tensor] | None


class ReadingBatch(NamedTuple):
    """B histories with what came next at each step.

    Attributes:
        inputs: (B, T) int64 tokens of items, oldest first, padded with 0 on the right.
        targets: (B, T) int64, the token that followed each input; 0 beside padding.
        ids: (n_items, L) int64, the items' texts of this epoch; None where they never change.
    """

    inputs: Tensor
    targets: Tensor
    ids: Tensor | None


class CandidateBatch(NamedTuple):
    """B histories, each with the item that followed and n that their learner never met.

    Attributes:
        histories: (B, T) int64 tokens of items, oldest first, padded with 0 on the right.
        items: (B, 1 + n) int64 item rows; column 0 holds what followed.
        ids: as in `ReadingBatch`.
    """

    histories: Tensor
    items: Tensor
    ids: Tensor | None


class ReadingBatches:
    """Next-item batches, with texts that are written anew every epoch where there is augmentation.

    Args:
        steps: the sequences.
        rewritten: makes an epoch's texts, (n_items, L) ids; None where they never change.
    """

    def __init__(self, steps: NextItemBatches, rewritten: Rewritten = None) -> None:
        self.steps, self.rewritten, self.generator = steps, rewritten, steps.generator

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.steps)

    def __iter__(self) -> Iterator[ReadingBatch]:
        """One epoch."""
        ids = self.rewritten() if self.rewritten else None
        for batch in self.steps:
            yield ReadingBatch(batch.inputs, batch.targets, ids)


class CandidateBatches:
    """One event of every learner each epoch, drawn at random, after what came before it.

    Negatives are uniform over the items that somebody met and this learner did not: one that nobody met was
    perhaps not there yet. Learners with fewer than two events, or nothing left to draw, are left out.

    Args:
        data: what was observed.
        max_length: longest history.
        n_negatives: for each learner; 0 is allowed.
        batch_size: learners in a batch.
        seed: of the order, the events and the negatives.
        device: where batches lie.
        rewritten: as in `ReadingBatches`.
    """

    def __init__(
        self,
        data: Interactions,
        max_length: int,
        n_negatives: int,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
        rewritten: Rewritten = None,
    ) -> None:
        self.met, self.max_length, self.n_negatives = data.matrix(binary=True), max_length, n_negatives
        self.somebody = np.asarray(self.met.sum(axis=0)).reshape(-1) > 0
        sequences = user_sequences(data, max(1, len(data)))
        lengths = (sequences != PADDING).sum(axis=1)
        self.users = np.flatnonzero((lengths > 1) & (np.diff(self.met.indptr) < self.somebody.sum()))
        self.sequences = torch.as_tensor(sequences[self.users], device=device)
        self.lengths = torch.as_tensor(lengths[self.users], device=device)
        self.buckets = LengthBuckets(self.lengths, batch_size, seed, device)
        self.generator, self.rewritten = self.buckets.generator, rewritten

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.buckets)

    def __iter__(self) -> Iterator[CandidateBatch]:
        """One epoch."""
        ids = self.rewritten() if self.rewritten else None
        for rows in self.buckets:
            histories, wanted = self._events(rows)
            items = torch.cat([wanted[:, None] - 1, self._negatives(rows)], dim=1)
            yield CandidateBatch(histories, items, ids)

    def _events(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) histories and the tokens (B,) that followed them."""
        sequences, device = self.sequences[rows], rows.device
        chance = torch.rand(len(rows), generator=self.generator, device=device)
        place = 1 + (chance * (self.lengths[rows] - 1)).long()
        start = (place - self.max_length).clamp(min=0)
        columns = start[:, None] + torch.arange(int((place - start).max()), device=device)
        histories = sequences.gather(1, columns.clamp(max=sequences.shape[1] - 1))
        histories = torch.where(columns < place[:, None], histories, PADDING)
        return histories, sequences.gather(1, place[:, None])[:, 0]

    def _negatives(self, rows: Tensor) -> Tensor:
        """(B, n) item rows."""
        if not self.n_negatives:
            return rows.new_zeros(len(rows), 0)
        met = self.met[self.users[rows.cpu().numpy()]].toarray() > 0
        allowed = torch.as_tensor(self.somebody & ~met, dtype=torch.float32, device=rows.device)
        return torch.multinomial(allowed, self.n_negatives, replacement=True, generator=self.generator)
