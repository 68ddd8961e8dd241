"""Users as sequences: what they met, oldest first, as tokens in batches of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coursekit.interactions import Interactions

PADDING = 0  # the token that stands for nothing; the item in row r is token r + 1


class SequenceBatch(NamedTuple):
    """B sequences of at most T steps, each step with what came next.

    Attributes:
        inputs: (B, T) int64 tokens, oldest first, padded with 0 on the right.
        targets: (B, T) int64, the token that followed each input; 0 beside padding.
    """

    inputs: Tensor
    targets: Tensor


def user_sequences(data: Interactions, max_length: int) -> NDArray[np.int64]:
    """What each user met most recently, oldest first.

    Events are ordered by time, equal times by their order in `data`; without times that order alone counts.
    Something met twice stands there twice.

    Args:
        data: N interactions.
        max_length: longest sequence kept, H; older events are left out.

    Returns:
        (n_users, H') int64 tokens, item row + 1, padded with 0 on the right; H' ≤ H is the longest there is,
        and at least 1.

    Raises:
        ValueError: when `max_length` is below 1.
    """
    users, tokens, age = _in_order(data, max_length)
    recent = age < max_length
    rows = _right_padded(users[recent], tokens[recent], age[recent], data.n_users)
    return rows if rows.shape[1] else np.full((data.n_users, 1), PADDING, np.int64)


def sequence_windows(data: Interactions, max_length: int) -> NDArray[np.int64]:
    """Whole histories, cut into windows in which every event but the first is once something to predict.

    A window holds at most `max_length` + 1 events, the newest ends with the user's last event, and each older
    one ends with the event the next begins with.

    Args:
        data: N interactions, ordered as in `user_sequences`.
        max_length: inputs in a window, H.

    Returns:
        (W, H' + 1) int64 tokens, padded with 0 on the right, of at least two events each.

    Raises:
        ValueError: when `max_length` is below 1.
    """
    users, tokens, age = _in_order(data, max_length)
    window = age // max_length
    n_windows = int(window.max(initial=0)) + 1
    # An event that a window ends with also begins the next newer one.
    shared = (age % max_length == 0) & (age > 0)
    window = np.concatenate([window, window[shared] - 1])
    users, tokens, age = (np.concatenate([part, part[shared]]) for part in (users, tokens, age))
    kept, row = np.unique(users * n_windows + window, return_inverse=True)
    rows = _right_padded(row, tokens, age - window * max_length, len(kept))
    return rows[(rows != PADDING).sum(axis=1) > 1]


def _in_order(data: Interactions, max_length: int) -> tuple[NDArray, NDArray, NDArray]:
    """Users, tokens and age of all events, by user and time; the age of a user's last event is 0."""
    if max_length < 1:
        raise ValueError(f"max_length={max_length} must be at least 1")
    times = np.zeros(len(data), np.int64) if data.time is None else data.time
    order = np.lexsort((times, data.user))  # by user, then by time; equals keep their order
    users = data.user[order]
    ends = np.cumsum(np.bincount(users, minlength=data.n_users))
    return users, data.item[order] + 1, ends[users] - 1 - np.arange(len(users))


def _right_padded(row: NDArray, tokens: NDArray, age: NDArray, n_rows: int) -> NDArray[np.int64]:
    """Write tokens into rows, the oldest first; the ages within a row are 0, 1, 2, …"""
    lengths = np.bincount(row, minlength=n_rows)
    table = np.full((n_rows, lengths.max(initial=0)), PADDING, np.int64)
    table[row, lengths[row] - 1 - age] = tokens
    return table


def padded(histories: Sequence[Sequence[int]], max_length: int) -> NDArray[np.int64]:
    """Lists of item rows as tokens: (B, T), the `max_length` most recent of each, padded with 0 on the right.

    T is the longest, and at least 1: an empty list becomes a row of padding.
    """
    recent = [list(history)[-max_length:] for history in histories]
    tokens = np.full((len(recent), max([1, *map(len, recent)])), PADDING, np.int64)
    for row, history in zip(tokens, recent, strict=True):
        row[: len(history)] = np.asarray(history, np.int64) + 1
    return tokens


def lengths_of(tokens: Tensor) -> Tensor:
    """(B,) number of real tokens in each row of (B, T)."""
    return (tokens != PADDING).sum(dim=1)


def last_state(states: Tensor, lengths: Tensor) -> Tensor:
    """The state at each row's last real step: (B, width) of (B, T, width); the first where there is none."""
    return states[torch.arange(len(states), device=states.device), (lengths - 1).clamp(min=0)]


def trimmed(tokens: Tensor) -> Tensor:
    """(B, T) without the columns on the right that hold padding only; one column always stays."""
    longest = int(lengths_of(tokens).max()) if tokens.numel() else 0
    return tokens[:, : max(1, longest)]


class LengthBuckets:
    """All examples once an epoch, in batches of similar length, so that little padding is computed.

    Every epoch the examples are shuffled and then sorted by length, which leaves the order within a length
    random; neighbours make a batch, and the batches come in a random order.

    A batch is not a fair sample of all lengths: its gradient is noisier than that of a random batch. Over an
    epoch every example counts once, as ever.

    Args:
        lengths: (N,) length of each example.
        batch_size: examples in a batch; the last of the longest may be fewer.
        seed: of the order.
        device: where the rows are wanted.
    """

    def __init__(
        self, lengths: Tensor, batch_size: int, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size={batch_size} must be at least 1")
        self.lengths = torch.as_tensor(lengths, device=device)
        self.batch_size = batch_size
        self.generator = torch.Generator(device).manual_seed(seed)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.lengths) // self.batch_size)

    def __iter__(self) -> Iterator[Tensor]:
        """(B,) rows of one batch after the other."""
        n, device = len(self.lengths), self.lengths.device
        if not n:
            return
        shuffled = torch.randperm(n, generator=self.generator, device=device)
        by_length = shuffled[torch.argsort(self.lengths[shuffled], stable=True)]
        batches = by_length.split(self.batch_size)
        for place in torch.randperm(len(batches), generator=self.generator, device=device).tolist():
            yield batches[place]


class SequenceBuckets:
    """Whole sequences, (B, T) tokens, in batches of similar length; those of one event are left out.

    Args:
        sequences: (N, H) tokens, padded with 0 on the right.
        batch_size: sequences in a batch.
        seed: of the order.
        device: where everything lies.
    """

    def __init__(
        self, sequences: NDArray[np.int64], batch_size: int, seed: int, device: torch.device | str = "cpu"
    ) -> None:
        tokens = torch.as_tensor(sequences, device=device)
        lengths = lengths_of(tokens)
        self.sequences = tokens[lengths > 1]
        self.buckets = LengthBuckets(lengths[lengths > 1], batch_size, seed, device)
        self.generator = self.buckets.generator  # where the trainer looks for it

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.buckets)

    def __iter__(self) -> Iterator[Tensor]:
        """One epoch."""
        return (trimmed(self.sequences[rows]) for rows in self.buckets)


class NextItemBatches:
    """Sequences as examples: at every step, what comes next?

    Users with fewer than two events have no next item and are left out.

    Args:
        data: what was observed.
        max_length: longest input.
        batch_size: sequences in a batch.
        seed: of the order.
        device: where everything lies.
        windows: whether longer histories give several sequences (`sequence_windows`). Otherwise only their
            `max_length` + 1 most recent events take part, as in SASRec's paper.
    """

    def __init__(
        self,
        data: Interactions,
        max_length: int,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
        windows: bool = True,
    ) -> None:
        cut = sequence_windows(data, max_length) if windows else user_sequences(data, max_length + 1)
        self.whole = SequenceBuckets(cut, batch_size, seed, device)
        self.generator = self.whole.generator  # where the trainer looks for it

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.whole)

    def __iter__(self) -> Iterator[SequenceBatch]:
        """One epoch."""
        for sequences in self.whole:
            targets = sequences[:, 1:]
            yield SequenceBatch(torch.where(targets != PADDING, sequences[:, :-1], PADDING), targets)
