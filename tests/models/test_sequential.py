"""What recommenders share that read a history: score after any list of events, blocks, files."""

import numpy as np
import pytest
import torch
from contract import interactions, taste_data
from torch import nn

from coursekit.interactions import Interactions
from coursekit.models import neural
from coursekit.models.sequences import NextItemBatches, lengths_of
from coursekit.models.sequential import SequentialRecommender


class Decaying(nn.Module):
    """As simple as can be: items score by a table, summed over the history, half as much each step back.

    Its sum depends on the order, on every event and on nothing else; padding would be seen at once.
    """

    def __init__(self, n_items):
        super().__init__()
        self.table = nn.Parameter(
            torch.randn(n_items + 1, n_items, generator=torch.Generator().manual_seed(0))
        )
        self.widths = []  # how wide the histories came

    def forward(self, histories, items):
        self.widths.append(histories.shape[1])
        age = lengths_of(histories)[:, None] - 1 - torch.arange(histories.shape[1])
        scores = (self.table[histories] * torch.where(age >= 0, 0.5**age, 0)[..., None]).sum(1)
        scores = scores + 1000 * (histories[:, :1] == 0)  # a history of padding would stand out
        return scores[:, items] if items.ndim == 1 else scores.gather(1, items)

    def loss(self, batch):
        return self(batch.inputs, batch.targets[:, :1].clamp(min=1) - 1).mean()


class LastEvents(SequentialRecommender):
    def _network(self):
        return Decaying(self.n_items)

    def _batches(self, data, device):
        return NextItemBatches(data, self.max_length, self.batch_size, self.rng, device)


@pytest.fixture(scope="module")
def data():
    return taste_data()


@pytest.fixture(scope="module")
def fitted(data):
    return LastEvents(epochs=1, max_length=3, device="cpu").fit(data)


def by_hand(model, history):
    table, recent = model.network_.table.detach(), history[-model.max_length :]
    return sum(
        table[item + 1] * 0.5 ** (len(recent) - 1 - place) for place, item in enumerate(recent)
    ).numpy()


def test_a_user_is_their_most_recent_events_in_order(data, fitted):
    assert fitted.histories_.shape == (40, 3)
    for user in (0, 7, 38):
        history = data.item[data.user == user].tolist()
        np.testing.assert_allclose(fitted.score([user])[0], by_hand(fitted, history), rtol=1e-5)
        np.testing.assert_allclose(fitted.score_next([history])[0], by_hand(fitted, history), rtol=1e-5)


def test_time_decides_the_order_not_the_rows():
    data = Interactions([0, 0, 0], [2, 0, 1], [1, 1, 1], [9, 5, 7], np.arange(1), np.arange(3))
    model = LastEvents(epochs=1, device="cpu").fit(data)
    assert model.histories_.tolist() == [[1, 2, 3]]
    np.testing.assert_allclose(model.score([0])[0], by_hand(model, [0, 1, 2]), rtol=1e-5)


def test_histories_of_all_lengths_together_score_as_alone(fitted):
    histories = [[1], [4, 2], [3, 1, 4, 1, 5, 9, 2, 6], [0], [29, 28, 27]]
    together = fitted.score_next(histories)
    assert together.shape == (5, 30)
    assert together.dtype == np.float32
    for row, history in zip(together, histories, strict=True):
        np.testing.assert_allclose(row, by_hand(fitted, history), rtol=1e-5)


def test_chosen_items_for_all_or_for_each_history(fitted):
    histories, scores = [[1], [4, 2]], fitted.score_next([[1], [4, 2]])
    np.testing.assert_allclose(fitted.score_next(histories, [7, 0]), scores[:, [7, 0]])
    own = np.array([[3, 3, 0], [29, 1, 8]])
    np.testing.assert_allclose(fitted.score_next(histories, own), np.take_along_axis(scores, own, 1))
    assert fitted.score_next(histories, [5, -1])[:, 1].tolist() == [-np.inf] * 2


def test_a_history_may_be_anybodys(fitted):
    """What counts is the list, not who has it: no user of the data has this one."""
    assert np.isfinite(fitted.score_next([[29, 29, 29]])).all()


def test_what_cannot_be_scored_is_named(fitted):
    with pytest.raises(ValueError, match="history 1 is empty"):
        fitted.score_next([[1], []])
    with pytest.raises(IndexError, match="item row 30 is outside"):
        fitted.score_next([[1], [30]])
    with pytest.raises(IndexError, match=r"history 0 holds an unknown item \(-1\)"):
        fitted.score_next([[-1]])
    with pytest.raises(IndexError, match="item row 31"):
        fitted.score_next([[1]], [31])
    with pytest.raises(RuntimeError, match="call fit"):
        LastEvents().score_next([[1]])
    with pytest.raises(ValueError, match=r"LastEvents\(max_length=0\): it must be at least 1"):
        LastEvents(max_length=0).fit(interactions([0, 0], [0, 1]))


def test_blocks_change_no_score_and_are_no_wider_than_they_must(monkeypatch):
    rng = np.random.default_rng(0)
    counts = rng.integers(1, 30, 50)
    user = np.repeat(np.arange(50), counts)
    data = interactions(user, rng.integers(0, 20, len(user)), n_items=20)
    model = LastEvents(epochs=1, max_length=30, device="cpu").fit(data)
    whole = model.score(np.arange(50))
    monkeypatch.setattr(neural, "PAIRS_AT_ONCE", 5 * 20)
    model.network_.widths.clear()
    np.testing.assert_allclose(model.score(np.arange(50)), whole, rtol=1e-5)
    # Five users a block, side by side by length: each block is as wide as its longest history.
    assert model.network_.widths == np.sort(counts)[4::5].tolist()
    own = rng.integers(0, 20, (50, 3))
    np.testing.assert_allclose(model.score(np.arange(50), own), np.take_along_axis(whole, own, 1), rtol=1e-5)


def test_a_loaded_model_knows_the_histories(data, fitted, tmp_path):
    loaded = LastEvents.load(fitted.save(tmp_path / "model.npz"), device="cpu")
    assert loaded.max_length == 3
    np.testing.assert_array_equal(loaded.histories_, fitted.histories_)
    np.testing.assert_array_equal(loaded.score([0, 5]), fitted.score([0, 5]))
    np.testing.assert_array_equal(loaded.score_next([[1, 2]]), fitted.score_next([[1, 2]]))


def test_users_without_a_history_get_what_is_popular(data, fitted):
    np.testing.assert_array_equal(fitted.score([39, -1]), np.tile(fitted.popularity_, (2, 1)))
