"""Batches for models that learn from pairs of a user and an item."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from coursekit.interactions import Interactions

# A bitmap of all pairs answers at once whether a pair occurred; beyond this size (1 GB) a search must do.
BITMAP_CELLS = 2**30
# Positives that get their negatives together: for a batch of 50 alone, calling torch would cost more.
DRAWN_AT_ONCE = 2**14


class PairBatch(NamedTuple):
    """B users, each with one item they chose and n that they did not.

    Attributes:
        users: (B,) int64.
        items: (B, 1 + n) int64; column 0 holds the positives, the others sampled negatives.
    """

    users: Tensor
    items: Tensor


class RatingBatch(NamedTuple):
    """B ratings.

    Attributes:
        users: (B,) int64.
        items: (B, 1) int64.
        values: (B,) float32.
    """

    users: Tensor
    items: Tensor
    values: Tensor


class SampledPairs:
    """All pairs that occurred, in a new order every epoch, each with `n_negatives` freshly drawn items.

    Negatives are uniform over the items their user never met in `data`: all are drawn at once and those
    that hit a known pair are drawn again, so no example is ever touched by a Python loop. Users who
    have met all there is have no negatives and are left out. A pair that occurs more than once counts once.

    Args:
        data: what was observed.
        n_negatives: negatives for each positive.
        batch_size: positives in a batch.
        seed: of the order and the negatives.
        device: where everything lies and is drawn.
        met_only: draw only items that somebody met. An item that nobody met was perhaps not there yet;
            a model that knows items by their features must not learn from it that new means bad.
    """

    def __init__(
        self,
        data: Interactions,
        n_negatives: int,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
        met_only: bool = False,
    ) -> None:
        if n_negatives < 1 or batch_size < 1:
            raise ValueError(f"n_negatives={n_negatives} and batch_size={batch_size} must be at least 1")
        seen = data.matrix(binary=True)
        users, items = seen.nonzero()
        drawn = np.unique(items) if met_only else np.arange(data.n_items)
        keep = (seen.sum(axis=1) < len(drawn))[users]
        self.users = torch.as_tensor(users[keep], dtype=torch.int64, device=device)
        self.items = torch.as_tensor(items[keep], dtype=torch.int64, device=device)
        self.drawn = torch.as_tensor(drawn, dtype=torch.int64, device=device) if met_only else None
        self.n_drawn, self.n_negatives, self.batch_size = len(drawn), n_negatives, batch_size
        self.generator = torch.Generator(device).manual_seed(seed)
        self._known = _KnownPairs(self.users, self.items, data.n_users, data.n_items)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.users) // self.batch_size)

    def __iter__(self) -> Iterator[PairBatch]:
        """One epoch."""
        whole_batches = self.batch_size * max(1, DRAWN_AT_ONCE // self.batch_size)
        for rows in _shuffled(len(self.users), whole_batches, self.generator):
            users = self.users[rows]
            items = torch.cat([self.items[rows, None], self._draw(users)], dim=1)
            yield from map(PairBatch, users.split(self.batch_size), items.split(self.batch_size))

    def _draw(self, users: Tensor) -> Tensor:
        """(B, n_negatives) items that these users never met."""
        users = users[:, None].expand(-1, self.n_negatives)
        negatives = self._random_items(users.shape)
        met = self._known(users, negatives).nonzero(as_tuple=True)
        while len(met[0]):
            negatives[met] = self._random_items(met[0].shape)
            still = self._known(users[met], negatives[met])
            met = tuple(place[still] for place in met)
        return negatives

    def _random_items(self, shape: torch.Size) -> Tensor:
        places = torch.randint(self.n_drawn, shape, generator=self.generator, device=self.users.device)
        return places if self.drawn is None else self.drawn[places]


class _KnownPairs:
    """Did this pair occur? Called with users and items of one shape, it gives booleans of that shape."""

    def __init__(self, users: Tensor, items: Tensor, n_users: int, n_items: int) -> None:
        self.n_items = n_items
        pairs = users * n_items + items
        if n_users * n_items <= BITMAP_CELLS:
            self.bitmap = torch.zeros(n_users * n_items, dtype=torch.bool, device=users.device)
            self.bitmap[pairs] = True
        else:
            self.bitmap, self.pairs = None, pairs.sort().values

    def __call__(self, users: Tensor, items: Tensor) -> Tensor:
        wanted = users * self.n_items + items
        if self.bitmap is not None:
            return self.bitmap[wanted]
        place = torch.searchsorted(self.pairs, wanted).clamp(max=len(self.pairs) - 1)
        return self.pairs[place] == wanted


class RatedPairs:
    """All ratings, in a new order every epoch; of a pair rated twice, the latest.

    Args:
        data: what was observed.
        batch_size: ratings in a batch.
        seed: of the order.
        device: where everything lies.
    """

    def __init__(
        self, data: Interactions, batch_size: int, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        ratings = data.matrix().tocoo()
        users, items = ratings.coords
        self.users = torch.as_tensor(users, dtype=torch.int64, device=device)
        self.items = torch.as_tensor(items, dtype=torch.int64, device=device)[:, None]
        self.values = torch.as_tensor(ratings.data, dtype=torch.float32, device=device)
        self.batch_size = batch_size
        self.generator = torch.Generator(device).manual_seed(seed)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.users) // self.batch_size)

    def __iter__(self) -> Iterator[RatingBatch]:
        """One epoch."""
        for rows in _shuffled(len(self.users), self.batch_size, self.generator):
            yield RatingBatch(self.users[rows], self.items[rows], self.values[rows])


def _shuffled(n: int, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """The rows 0 … n - 1 in a random order, a batch at a time; no batch where there are no rows."""
    order = torch.randperm(n, generator=generator, device=generator.device)
    return iter(order.split(batch_size) if n else ())
