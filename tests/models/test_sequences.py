"""User sequences and their batches: order, padding, windows, buckets, and that a run can be resumed."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from contract import interactions
from torch import nn
from torch.nn import functional as F

from coursekit.interactions import Interactions
from coursekit.models.sequence.prefixes import PrefixBatches
from coursekit.models.sequences import (
    LengthBuckets,
    NextItemBatches,
    lengths_of,
    padded,
    sequence_windows,
    trimmed,
    user_sequences,
)
from coursekit.training import Callback, Trainer, TrainingOptions


def timed(user, item, time, n_users=None, n_items=None):
    n_users, n_items = n_users or max(user) + 1, n_items or max(item) + 1
    return Interactions(user, item, np.ones(len(user)), time, np.arange(n_users), np.arange(n_items))


@pytest.fixture(scope="module")
def data():
    """User u has u events, in an order of their own, at random and sometimes equal times."""
    rng = np.random.default_rng(0)
    user = rng.permutation(np.repeat(np.arange(25), np.arange(25)))
    return timed(user, rng.integers(0, 40, len(user)), rng.integers(0, 200, len(user)), n_items=40)


def history(data, user):
    """A user's item rows in order, the slow way."""
    events = [(data.time[row], row, data.item[row]) for row in range(len(data)) if data.user[row] == user]
    return [int(item) for _, _, item in sorted(events)]


def real(row):
    return [int(token) - 1 for token in row if token]


# --- sequences ----------------------------------------------------------------------------------------------


def test_sequences_are_in_order_of_time_and_padded_on_the_right():
    data = timed([0, 1, 0, 1, 0], [4, 2, 1, 0, 3], [30, 5, 10, 6, 20], n_users=3)
    assert user_sequences(data, 10).tolist() == [[2, 4, 5], [3, 1, 0], [0, 0, 0]]


def test_equal_times_keep_the_order_of_the_rows():
    data = timed([0, 0, 0, 0], [3, 1, 2, 0], [7, 7, 7, 1])
    assert user_sequences(data, 10).tolist() == [[1, 4, 2, 3]]


def test_without_times_the_order_of_the_rows_counts():
    assert user_sequences(interactions([1, 0, 1], [0, 1, 2]), 5).tolist() == [[2, 0], [1, 3]]


@pytest.mark.parametrize("max_length", [1, 3, 24, 100])
def test_only_the_most_recent_events_are_kept(data, max_length):
    sequences = user_sequences(data, max_length)
    assert sequences.dtype == np.int64
    assert sequences.shape == (25, min(24, max_length))
    for user, row in enumerate(sequences):
        assert real(row) == history(data, user)[-max_length:]
        assert (np.diff((row == 0).astype(int)) >= 0).all()  # nothing real after padding


def test_what_is_met_twice_stands_twice():
    assert user_sequences(timed([0, 0, 0], [1, 0, 1], [1, 2, 3]), 5).tolist() == [[2, 1, 2]]


def test_data_without_events_gives_a_column_of_padding():
    assert user_sequences(interactions([], [], n_users=2, n_items=3), 5).tolist() == [[0], [0]]


@pytest.mark.parametrize("max_length", [0, -1])
def test_a_length_below_one_is_refused(data, max_length):
    for make in (user_sequences, sequence_windows):
        with pytest.raises(ValueError, match=f"max_length={max_length} must be at least 1"):
            make(data, max_length)


def test_lists_are_padded_like_users():
    assert padded([[4, 0, 2], [], [1]], 2).tolist() == [[1, 3], [0, 0], [2, 0]]
    assert padded([[]], 2).tolist() == [[0]]


def test_trimming_takes_away_columns_of_padding_only():
    tokens = torch.tensor([[3, 0, 0, 0], [1, 2, 0, 0]])
    assert trimmed(tokens).tolist() == [[3, 0], [1, 2]]
    assert trimmed(tokens * 0).tolist() == [[0], [0]]
    assert trimmed(tokens[:0]).shape == (0, 1)
    assert lengths_of(tokens).tolist() == [1, 2]


# --- windows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_length", [1, 4, 7, 30])
def test_every_event_but_the_first_is_a_target_in_exactly_one_window(data, max_length):
    targets = [
        tuple(real(row)[i - 1 : i + 1])
        for row in sequence_windows(data, max_length)
        for i in range(1, len(real(row)))
    ]
    expected = [pair for user in range(25) for pair in pairwise(history(data, user))]
    assert sorted(targets) == sorted(expected)


def test_windows_are_cut_from_the_end(data):
    rows = [real(row) for row in sequence_windows(data, 7)]
    whole = history(data, 24)  # 24 events: 23 steps, 2 + 7 + 7 + 7
    for start, stop in ((0, 3), (2, 10), (9, 17), (16, 24)):
        assert whole[start:stop] in rows
    assert max(map(len, rows)) == 8
    assert min(map(len, rows)) == 2


# --- buckets ------------------------------------------------------------------------------------------------


@pytest.fixture
def lengths():
    return torch.as_tensor(np.random.default_rng(1).integers(1, 60, 1003))


def test_every_example_comes_once_an_epoch(lengths):
    buckets = LengthBuckets(lengths, 32, seed=0)
    for _ in range(2):
        batches = list(buckets)
        assert len(batches) == len(buckets) == 32
        assert sorted(torch.cat(batches).tolist()) == list(range(1003))


def test_batches_hold_similar_lengths_and_come_in_no_order_of_length(lengths):
    batches = list(LengthBuckets(lengths, 32, seed=0))
    widths = torch.tensor([int(lengths[rows].max()) for rows in batches])
    computed = sum(len(rows) * width for rows, width in zip(batches, widths.tolist(), strict=True))
    assert computed < 1.03 * lengths.sum()  # random batches of 32 compute nearly twice as much
    assert abs(np.corrcoef(np.arange(len(widths)), widths)[0, 1]) < 0.5


def test_examples_of_one_length_are_shuffled_among_batches():
    buckets = LengthBuckets(torch.full((100,), 5), 10, seed=0)
    first, second = ([set(rows.tolist()) for rows in buckets] for _ in range(2))
    assert not any(rows in second for rows in first)


def test_epochs_differ_and_a_seed_repeats_them(lengths):
    one, same, other = (LengthBuckets(lengths, 32, seed=seed) for seed in (0, 0, 1))
    first, second = (torch.cat(list(one)) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(torch.cat(list(same)), first)
    assert torch.equal(torch.cat(list(same)), second)
    assert not torch.equal(torch.cat(list(other)), first)


def test_no_examples_make_no_batch():
    assert list(LengthBuckets(torch.zeros(0, dtype=torch.int64), 4, seed=0)) == []
    assert len(LengthBuckets(torch.zeros(0, dtype=torch.int64), 4, seed=0)) == 0


def test_a_batch_of_nothing_is_refused(lengths):
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        LengthBuckets(lengths, 0, seed=0)


# --- next items ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("windows", [True, False])
def test_a_target_is_what_followed_its_input(data, windows):
    found = []
    for batch in NextItemBatches(data, 6, 8, seed=0, windows=windows):
        assert batch.inputs.shape == batch.targets.shape
        assert torch.equal(batch.inputs != 0, batch.targets != 0)
        assert (batch.targets != 0).any(dim=0).all()  # no column of padding only
        for inputs, targets in zip(batch.inputs, batch.targets, strict=True):
            assert real(inputs)[1:] == real(targets)[:-1]
            found += zip(real(inputs), real(targets), strict=True)
    parts = [history(data, user) if windows else history(data, user)[-7:] for user in range(25)]
    assert sorted(found) == sorted(pair for part in parts for pair in pairwise(part))


def test_users_with_fewer_than_two_events_give_no_example():
    batches = NextItemBatches(timed([0, 1, 1], [0, 1, 2], [1, 2, 3]), 5, 4, seed=0)
    assert [(b.inputs.tolist(), b.targets.tolist()) for b in batches] == [([[2]], [[3]])]
    assert len(NextItemBatches(interactions([], [], n_users=2, n_items=3), 5, 4, seed=0)) == 0


# --- prefixes -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_length", [1, 5, 100])
def test_every_event_but_the_first_is_an_example_after_its_history(data, max_length):
    found = []
    for batch in PrefixBatches(data, max_length, 16, seed=0):
        assert batch.histories.shape[1] == lengths_of(batch.histories).max()
        found += [(real(row), int(item)) for row, item in zip(batch.histories, batch.targets, strict=True)]
    users = [history(data, user) for user in range(25)]
    expected = [(whole[:n][-max_length:], whole[n]) for whole in users for n in range(1, len(whole))]
    assert sorted(found) == sorted(expected)


def test_no_prefix_no_batch():
    source = PrefixBatches(interactions([0, 1], [0, 1]), 5, 4, seed=0)
    assert len(source) == 0
    assert list(source) == []


# --- resuming -----------------------------------------------------------------------------------------------


class Successor(nn.Module):
    """Enough of a model: a table of what follows what."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(41, 41)

    def loss(self, batch):
        inputs = batch.inputs if hasattr(batch, "inputs") else batch.histories[:, -1:]
        targets = batch.targets.view_as(inputs)
        return F.cross_entropy(self.table(inputs).flatten(0, 1), targets.flatten())


class StopAfter(Callback):
    def __init__(self, step):
        self.last = step

    def on_step(self, state):
        if state.step == self.last:
            raise KeyboardInterrupt


@pytest.mark.parametrize("source", [NextItemBatches, PrefixBatches])
def test_a_resumed_run_sees_the_batches_the_first_would_have_seen(data, source, tmp_path):
    options = TrainingOptions(
        epochs=3, learning_rate=0.1, progress=False, device="cpu", checkpoint=tmp_path / "run.pt"
    )
    whole, broken, resumed = Successor(), Successor(), Successor()
    make = lambda: source(data, 6, 8, seed=3)  # noqa: E731
    Trainer(options).fit(whole, make())
    (tmp_path / "run.pt").unlink()
    batches = len(make())
    Trainer(options, [StopAfter(batches + batches // 2)]).fit(broken, make())
    assert not torch.equal(broken.table.weight, whole.table.weight)
    Trainer(options, [StopAfter(0)]).fit(resumed, make(), resume=True)
    assert torch.equal(resumed.table.weight, whole.table.weight)
