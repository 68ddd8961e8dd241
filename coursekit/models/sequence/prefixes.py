"""Every event with what came before it: examples for networks that read a history both ways."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from coursekit.interactions import Interactions
from coursekit.models.options import check_at_least
from coursekit.models.sequences import PADDING, LengthBuckets, user_sequences


class PrefixBatch(NamedTuple):
    """B histories, each with the item that followed.

    Attributes:
        histories: (B, T) int64 tokens, oldest first, padded with 0 on the right.
        targets: (B,) int64 item rows.
    """

    histories: Tensor
    targets: Tensor


class PrefixBatches:
    """Each event after a user's first as an example, in batches of similar length.

    A network that reads back from the end sees the next item at every step but the last, so unlike a causal
    one it cannot learn from all steps of a sequence at once: n events make n - 1 examples. The
    histories are cut out of one array when their batch comes, so that they are never stored padded.

    Args:
        data: what was observed.
        max_length: longest history; older events are left out.
        batch_size: examples in a batch.
        seed: of the order.
        device: where everything lies.
    """

    def __init__(
        self,
        data: Interactions,
        max_length: int,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> None:
        check_at_least(self, 1, max_length=max_length)
        whole = user_sequences(data, max(1, len(data)))
        tokens, before_it = whole[whole != PADDING], np.nonzero(whole)[1]  # user by user
        later = np.flatnonzero(before_it)
        lengths = np.minimum(before_it[later], max_length)
        self.tokens, self.ends, self.lengths = (
            torch.as_tensor(part, device=device) for part in (tokens, later, lengths)
        )
        self.buckets = LengthBuckets(self.lengths, batch_size, seed, device)
        self.generator = self.buckets.generator  # where the trainer looks for it

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.buckets)

    def __iter__(self) -> Iterator[PrefixBatch]:
        """One epoch."""
        for rows in self.buckets:
            ends = self.ends[rows]
            yield PrefixBatch(before(self.tokens, ends, self.lengths[rows]), self.tokens[ends] - 1)


def before(tokens: Tensor, ends: Tensor, lengths: Tensor) -> Tensor:
    """The `lengths[b]` tokens in front of place `ends[b]`: (B, T), padded with 0 on the right."""
    step = torch.arange(int(lengths.max()), device=ends.device)
    places = (ends - lengths)[:, None] + step
    return torch.where(step < lengths[:, None], tokens[places.clamp(max=len(tokens) - 1)], PADDING)
