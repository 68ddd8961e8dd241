"""Batches of pairs: what a negative may be, how it is drawn, and that a run can be resumed."""

import numpy as np
import pytest
import torch
from contract import interactions
from scipy import stats
from torch import nn
from torch.nn import functional as F

from coursekit.models import pairs
from coursekit.models.pairs import PairBatch, RatedPairs, SampledPairs
from coursekit.training import Callback, Trainer, TrainingOptions

N_USERS, N_ITEMS = 30, 25


@pytest.fixture(scope="module")
def data():
    """User u met the first u items of an order of their own: 0 nothing, 24 all but one, 25 … 29 all."""
    rng = np.random.default_rng(0)
    met = [rng.permutation(N_ITEMS)[:u] for u in range(N_USERS)]
    user = np.repeat(np.arange(N_USERS), [len(items) for items in met])
    return interactions(user, np.concatenate(met), n_users=N_USERS, n_items=N_ITEMS)


@pytest.fixture
def met(data):
    return data.matrix(binary=True).toarray().astype(bool)


def epoch(source):
    """An epoch's users (n,) and items (n, 1 + negatives)."""
    batches = list(source)
    return torch.cat([b.users for b in batches]).numpy(), torch.cat([b.items for b in batches]).numpy()


def equal(one, other):
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def p_value(drawn, allowed):
    """Of the hypothesis that the items were drawn uniformly from the allowed ones."""
    return stats.chisquare(np.bincount(drawn, minlength=N_ITEMS)[allowed]).pvalue


def test_every_positive_comes_once_an_epoch_and_users_who_met_everything_are_left_out(data, met):
    users, items = epoch(SampledPairs(data, 4, 32, seed=0))
    found = np.zeros_like(met, dtype=int)
    np.add.at(found, (users, items[:, 0]), 1)
    met[met.all(axis=1)] = False
    np.testing.assert_array_equal(found, met.astype(int))


def test_a_pair_that_occurs_twice_counts_once():
    twice = interactions([0, 0, 1, 0], [2, 2, 1, 0], n_users=2, n_items=5)
    users, items = epoch(SampledPairs(twice, 1, 8, seed=0))
    assert sorted(zip(users.tolist(), items[:, 0].tolist(), strict=True)) == [(0, 0), (0, 2), (1, 1)]


@pytest.mark.parametrize("drawn_at_once", [pairs.DRAWN_AT_ONCE, 70, 1])
def test_batches_have_the_size_asked_for_and_say_how_many_they_are(data, monkeypatch, drawn_at_once):
    monkeypatch.setattr(pairs, "DRAWN_AT_ONCE", drawn_at_once)
    source = SampledPairs(data, 3, 32, seed=0)
    batches = list(source)
    assert len(batches) == len(source) == 10  # 0 + 1 + … + 24 = 300 pairs
    assert all(isinstance(batch, PairBatch) for batch in batches)
    assert [len(batch.users) for batch in batches] == [32] * 9 + [12]
    assert {batch.items.shape[1] for batch in batches} == {4}
    assert batches[0].users.dtype == batches[0].items.dtype == torch.int64


@pytest.mark.parametrize("cells", [pairs.BITMAP_CELLS, 0], ids=["bitmap", "search"])
def test_no_negative_was_ever_met(data, met, monkeypatch, cells):
    monkeypatch.setattr(pairs, "BITMAP_CELLS", cells)
    source = SampledPairs(data, 4, 64, seed=1)
    for _ in range(20):
        users, items = epoch(source)
        assert not met[users[:, None], items[:, 1:]].any()
        assert ((items >= 0) & (items < N_ITEMS)).all()


def test_bitmap_and_search_draw_the_same(data, monkeypatch):
    with_bitmap = epoch(SampledPairs(data, 4, 64, seed=1))
    monkeypatch.setattr(pairs, "BITMAP_CELLS", 0)
    assert equal(epoch(SampledPairs(data, 4, 64, seed=1)), with_bitmap)


def test_negatives_are_uniform_over_what_the_user_never_met(data, met):
    source = SampledPairs(data, 200, 300, seed=2)
    users, items = epoch(source)
    p = [p_value(items[users == u, 1:].ravel(), ~met[u]) for u in range(1, 24)]
    assert min(p) > 1e-4
    # Together they are uniform on 0 … 1 themselves: neither too far from the expected counts nor too near.
    assert stats.kstest(p, "uniform").pvalue > 1e-3


def test_that_band_refuses_a_sampler_which_steps_on_to_the_next_free_item(met):
    rng, free = np.random.default_rng(0), ~met[12]
    drawn = rng.integers(N_ITEMS, size=12 * 200)
    while met[12, drawn].any():
        drawn = np.where(met[12, drawn], (drawn + 1) % N_ITEMS, drawn)
    assert p_value(drawn, free) < 1e-9
    assert p_value(rng.choice(np.flatnonzero(free), size=12 * 200), free) > 1e-4


def test_negatives_do_not_depend_on_the_positive_beside_them(data, met):
    """Of user 23, who met all items but two, each positive sees both negatives about as often."""
    users, items = epoch(SampledPairs(data, 400, 300, seed=3))
    free = np.flatnonzero(~met[23])
    shares = (items[users == 23, 1:] == free[0]).mean(axis=1)
    assert len(shares) == 23
    assert ((shares > 0.38) & (shares < 0.62)).all()  # five standard deviations of 400 draws


def test_order_and_negatives_are_new_every_epoch(data):
    source = SampledPairs(data, 4, 32, seed=0)
    (users, items), (later_users, later_items) = epoch(source), epoch(source)
    assert not np.array_equal(users, later_users)
    order, later = (np.lexsort((i[:, 0], u)) for u, i in ((users, items), (later_users, later_items)))
    np.testing.assert_array_equal(items[order, 0], later_items[later, 0])
    free = N_ITEMS - users[order]  # equal by chance: one in `free`
    assert (items[order, 1:] == later_items[later, 1:]).mean() < 1.5 * (1 / free).mean()


def test_one_seed_gives_one_sequence_of_epochs(data):
    one, same, other = (SampledPairs(data, 4, 32, seed=seed) for seed in (5, 5, 6))
    for _ in range(2):
        first = epoch(one)
        assert equal(first, epoch(same))
        assert not equal(first, epoch(other))


def test_batches_do_not_touch_the_global_generator(data):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    epoch(SampledPairs(data, 4, 32, seed=0))
    assert torch.equal(torch.get_rng_state(), before)


def test_met_only_draws_nothing_that_nobody_met():
    data = interactions([0, 0, 1, 2], [1, 4, 4, 7], n_users=3, n_items=10)
    users, items = epoch(SampledPairs(data, 50, 8, seed=0, met_only=True))
    assert {u: set(items[users == u, 1:].ravel().tolist()) for u in range(3)} == {
        0: {7},
        1: {1, 7},
        2: {1, 4},
    }
    _, items = epoch(SampledPairs(data, 50, 8, seed=0))
    assert set(items[:, 1:].ravel().tolist()) == set(range(10))


def test_met_only_leaves_out_users_who_met_all_that_anybody_met():
    data = interactions([0, 0, 1], [1, 4, 4], n_users=2, n_items=10)
    users, items = epoch(SampledPairs(data, 3, 8, seed=0, met_only=True))
    assert users.tolist() == [1]
    assert items.tolist() == [[4, 1, 1, 1]]


@pytest.mark.parametrize("user", [[], [0, 0, 1, 1]], ids=["nothing observed", "everything met"])
def test_where_there_is_nothing_to_learn_an_epoch_has_no_batch(user):
    source = SampledPairs(interactions(user, [0, 1, 0, 1][: len(user)], n_users=2, n_items=2), 4, 32, seed=0)
    assert len(source) == 0
    assert list(source) == []


@pytest.mark.parametrize(("n", "size"), [(0, 32), (4, 0), (-1, 1)])
def test_sizes_below_one_are_refused_by_value(data, n, size):
    with pytest.raises(ValueError, match=f"n_negatives={n} and batch_size={size} must be at least 1"):
        SampledPairs(data, n, size, seed=0)


# --- ratings ------------------------------------------------------------------------------------------------


def test_every_rating_comes_once_an_epoch_and_of_two_the_latest():
    data = interactions([0, 1, 0, 1, 0], [2, 0, 1, 3, 2], [1.0, 4.0, 0.0, 2.0, 5.0])
    source = RatedPairs(data, 3, seed=0)
    batches = list(source)
    assert [len(batch.users) for batch in batches] == [3, 1]
    assert len(source) == 2
    assert batches[0].items.shape == (3, 1)
    assert batches[0].values.dtype == torch.float32
    rows = [(int(u), int(i), float(v)) for b in batches for u, i, v in zip(*b, strict=True)]
    assert sorted(rows) == [(0, 1, 0.0), (0, 2, 5.0), (1, 0, 4.0), (1, 3, 2.0)]


def test_ratings_come_in_a_new_order_every_epoch_the_same_for_one_seed(data):
    one, same = RatedPairs(data, 64, seed=3), RatedPairs(data, 64, seed=3)
    first, second = epoch(one), epoch(one)
    assert not equal(first, second)
    assert equal(first, epoch(same))
    assert equal(second, epoch(same))


def test_no_ratings_make_no_batch_and_a_size_below_one_is_refused(data):
    assert list(RatedPairs(interactions([], [], n_users=2, n_items=2), 8, seed=0)) == []
    with pytest.raises(ValueError, match="batch_size=0 must be at least 1"):
        RatedPairs(data, 0, seed=0)


# --- resuming -----------------------------------------------------------------------------------------------


class Factors(nn.Module):
    """The smallest network that learns from pairs."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.users = nn.Parameter(torch.randn(N_USERS, 3, generator=generator))
        self.items = nn.Parameter(torch.randn(N_ITEMS, 3, generator=generator))

    def loss(self, batch):
        scores = (self.users[batch.users][:, None] * self.items[batch.items]).sum(-1)
        if isinstance(batch, PairBatch):
            return F.softplus(scores[:, 1:] - scores[:, :1]).mean()
        return F.mse_loss(scores[:, 0], batch.values)


class CutAfter(Callback):
    def __init__(self, step):
        self.step = step

    def on_step(self, state):
        if state.step == self.step:
            raise SystemError("power cut")


# 5 batches an epoch: cut in the middle of the first and the second, and at an epoch's end.
@pytest.mark.parametrize("step", [2, 5, 8])
@pytest.mark.parametrize("make", [lambda d: SampledPairs(d, 4, 64, 7), lambda d: RatedPairs(d, 90, 7)])
def test_a_resumed_run_sees_the_batches_the_first_would_have_seen(data, tmp_path, make, step):
    options = TrainingOptions(
        epochs=3, learning_rate=0.1, checkpoint=tmp_path / "run.pt", checkpoint_every=1, progress=False
    )
    whole = Factors()
    history = Trainer(options).fit(whole, make(data))
    with pytest.raises(SystemError, match="power cut"):
        Trainer(options, [CutAfter(step + 1)]).fit(Factors(), make(data))
    resumed = Factors()
    again = Trainer(options, [CutAfter(None)]).fit(resumed, make(data), resume=True)
    assert torch.equal(resumed.users, whole.users)
    assert torch.equal(resumed.items, whole.items)
    assert again["loss"].tolist() == history["loss"].tolist()
    assert history["batches"].tolist() == [5, 5, 5]
