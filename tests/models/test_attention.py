"""SASRec and BERT4Rec: what their networks promise, on small data whose answer is known."""

import numpy as np
import pytest
import torch
from contract import taste_data

from coursekit.interactions import Interactions
from coursekit.models import SASRec
from coursekit.models.attention import BERT4Rec
from coursekit.models.attention.encoder import dropout, steps_back
from coursekit.models.attention.losses import (
    binary_loss,
    first_steps,
    sampled_softmax_loss,
    softmax_loss,
    unmet,
)
from coursekit.models.sequences import SequenceBatch, last_state, lengths_of

BOTH = [SASRec, BERT4Rec]
OPTIONS = {"epochs": 2, "batch_size": 8, "max_length": 8, "learning_rate": 0.01}


def walks(n_users=60, n_items=20, length=8, seed=0):
    """Everybody goes on from where they are: item i is followed by item i + 1, round the circle."""
    starts = np.random.default_rng(seed).integers(n_items, size=n_users)
    items = (starts[:, None] + np.arange(length)) % n_items
    users, times = np.divmod(np.arange(items.size), length)
    labels = np.arange(n_users), np.arange(n_items)
    return Interactions(users, items.ravel(), np.ones(items.size), times, *labels, name="walks")


@pytest.fixture(scope="module", params=BOTH, ids=lambda cls: cls.__name__)
def fitted(request):
    return request.param(16, 2, 2, **OPTIONS).fit(walks())


def tokens(*histories):
    longest = max(map(len, histories))
    return torch.tensor([[item + 1 for item in one] + [0] * (longest - len(one)) for one in histories])


# --- the encoder ------------------------------------------------------------------------------------------


def test_positions_count_back_from_the_last_token():
    assert steps_back(tokens([5, 5, 5, 5], [5, 5])).tolist() == [[3, 2, 1, 0], [1, 0, 0, 0]]


def test_the_last_real_step_is_read():
    x = torch.arange(8.0).reshape(2, 4, 1)
    assert last_state(x, lengths_of(tokens([5, 5, 5, 5], [5, 5]))).tolist() == [[3], [5]]


@torch.no_grad()
def test_padding_changes_no_score(fitted):
    alone = fitted.network_(tokens([3, 1, 4]), torch.arange(20))
    beside = fitted.network_(tokens([3, 1, 4], [1, 2, 3, 4, 5, 6]), torch.arange(20))[:1]
    torch.testing.assert_close(beside, alone, rtol=0, atol=1e-6)


def test_sasrec_does_not_see_the_future_and_bert4rec_does(fitted):
    with torch.no_grad():
        before = fitted.network_.encoder(tokens([3, 1, 4, 1, 5]))[0][:, :3]
        after = fitted.network_.encoder(tokens([3, 1, 4, 9, 2]))[0][:, :3]
    assert torch.allclose(before, after, rtol=0, atol=1e-6) == isinstance(fitted, SASRec)


def test_order_matters(fitted):
    one, other = fitted.score_next([[1, 2, 3, 4], [4, 1, 3, 2]])
    assert not np.allclose(one, other, atol=1e-3)


def test_only_the_most_recent_events_count(fitted):
    recent = list(range(8))
    np.testing.assert_array_equal(fitted.score_next([[9, 9, *recent]]), fitted.score_next([recent]))


def test_scores_of_users_are_scores_after_their_histories(fitted):
    data = walks()
    histories = data.item.reshape(60, 8)[:5].tolist()
    np.testing.assert_allclose(fitted.score(np.arange(5)), fitted.score_next(histories), rtol=0, atol=1e-5)


def test_dropout_keeps_the_mean_and_drops_its_share():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        x = torch.ones(1000, 1001)
        dropped = dropout(x, 0.2)
    assert (dropped == 0).float().mean().item() == pytest.approx(51 / 256, abs=2e-3)
    assert dropped.mean().item() == pytest.approx(1, abs=3e-3)
    assert dropped.unique().tolist() == [0.0, pytest.approx(256 / 205)]
    # Numbers that share a draw are dropped independently of each other.
    pairs = (dropped[:, :1000] == 0).float().view(1000, 500, 2)
    assert (pairs[..., 0] * pairs[..., 1]).mean().item() == pytest.approx((51 / 256) ** 2, abs=2e-3)
    assert dropout(x, 0.0) is x


# --- attention maps ---------------------------------------------------------------------------------------


def test_attention_has_a_map_for_each_history_block_and_head(fitted):
    histories = [[1, 2, 3], [4, 5, 6, 7, 8]]
    maps = fitted.attention(histories)
    steps = 5 + isinstance(fitted, BERT4Rec)
    assert maps.shape == (2, 2, 2, steps, steps)
    assert maps.dtype == np.float32
    lengths = [len(history) + isinstance(fitted, BERT4Rec) for history in histories]
    for one, length in zip(maps, lengths, strict=True):
        np.testing.assert_allclose(one[..., :length, :].sum(-1), 1, rtol=1e-5)
        assert not one[..., :length, length:].any()


def test_attention_of_sasrec_is_causal_and_of_bert4rec_leaves_masks_out():
    sasrec, bert4rec = (cls(16, 2, 2, **OPTIONS).fit(walks()) for cls in BOTH)
    assert not np.triu(sasrec.attention([[1, 2, 3, 4]]), 1).any()
    maps = bert4rec.attention([[1, 2, 3, 4]])
    assert np.triu(maps, 1)[..., :4].any()
    assert not maps[..., 4].any()


def test_looking_at_the_maps_changes_no_score(fitted):
    history = tokens([3, 1, 4])
    with torch.no_grad():
        asking = fitted.network_.asking(history)
        plain, with_maps = (
            fitted.network_.encoder(asking)[0],
            fitted.network_.encoder(asking, weights=True)[0],
        )
    torch.testing.assert_close(plain, with_maps, rtol=0, atol=1e-5)


def test_attention_refuses_what_is_no_history(fitted):
    with pytest.raises(ValueError, match="history 1 is empty"):
        fitted.attention([[1], []])
    with pytest.raises(IndexError, match="20"):
        fitted.attention([[20]])
    with pytest.raises(RuntimeError, match="call fit"):
        SASRec().attention([[1]])


# --- losses -----------------------------------------------------------------------------------------------


@pytest.fixture
def case():
    """Three states of five items; the first two items may be left out for one or another."""
    generator = torch.Generator().manual_seed(0)
    states, table = (torch.randn(n, 4, generator=generator) for n in (3, 5))
    seen = torch.tensor([[1, 1, 0], [2, 1, 6], [0, 0, 0]])  # 6 is no item, and one item is asked for again
    return states, torch.tensor([1, 0, 3]), table, torch.randn(5, generator=generator), seen


def test_first_steps_pass_over_what_is_no_item():
    assert first_steps(torch.tensor([[3, 1, 3, 0], [4, 2, 0, 0]]), 3).tolist() == [[1, 4, 0], [4, 1, 4]]


def test_softmax_is_over_the_item_and_all_that_were_not_seen(case):
    states, items, table, bias, seen = case
    each = []
    for h, item, gone in zip(states, items, seen, strict=True):
        scores = {i: float(h @ table[i] + bias[i]) for i in range(5) if i == item or i + 1 not in gone}
        each.append(-np.log(np.exp(scores[int(item)]) / np.exp(list(scores.values())).sum()))
    assert softmax_loss(*case).item() == pytest.approx(np.mean(each), rel=1e-5)


def test_sampled_softmax_comes_near_the_whole_with_many_draws(case):
    states, items, table, bias, seen = case
    left_out = (seen[:, :, None] == torch.arange(1, 6)).any(dim=1)
    drawn = torch.randint(5, (200_000,), generator=torch.Generator().manual_seed(0))
    sampled = sampled_softmax_loss(states, items, table, bias, left_out[:, drawn], drawn)
    torch.testing.assert_close(sampled, softmax_loss(*case), rtol=0.01, atol=0.01)


def test_binary_loss_is_that_of_one_other_item(case):
    states, items, table, bias, _ = case
    negatives, rows = torch.tensor([2, 4, 0]), torch.arange(3)
    scores = states @ table.T + bias
    expected = -(scores[rows, items].sigmoid().log() + (1 - scores[rows, negatives].sigmoid()).log()).mean()
    torch.testing.assert_close(binary_loss(states, items, table, bias, negatives), expected)


class Watched:
    """The losses, with what was left out of them kept."""

    def __init__(self, monkeypatch):
        self.left_out = []
        monkeypatch.setattr("coursekit.models.attention.network.softmax_loss", self)

    def __call__(self, *arguments):
        self.left_out.append(
            [{token - 1 for token in row if 0 < token <= 20} for row in arguments[-1].tolist()]
        )
        return softmax_loss(*arguments)


def test_sasrec_leaves_out_what_came_before_and_bert4rec_what_it_shows(monkeypatch):
    sasrec, bert4rec = (cls(8, 1, 1, **OPTIONS).fit(walks()).network_ for cls in BOTH)
    watched, sequences = Watched(monkeypatch), tokens([2, 0, 1, 4])
    sasrec.loss(SequenceBatch(sequences[:, :-1], sequences[:, 1:]))
    assert watched.left_out[0] == [{2}, {0, 2}, {0, 1, 2}]
    monkeypatch.setattr(bert4rec, "hide", lambda _: torch.tensor([[False, True, False, True]]))
    bert4rec.loss(sequences)
    assert watched.left_out[1] == [{1, 2}, {1, 2}]


def test_unmet_items_are_drawn_evenly_from_what_is_left():
    met = torch.tensor([[True, False, False, True], [True, True, True, True]])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        drawn = unmet(met, torch.tensor([0, 1]).repeat(4000))
    counts = torch.bincount(drawn[::2], minlength=4)
    assert counts[[0, 3]].tolist() == [0, 0]
    assert abs(counts[1] - counts[2]) < 300
    assert set(drawn[1::2].tolist()) == {0, 1, 2, 3}  # who has met all gets any


@pytest.mark.parametrize("loss", ["softmax", "sampled", "bce"])
@pytest.mark.parametrize("cls", BOTH)
def test_padding_has_no_part_in_the_loss(cls, loss, monkeypatch):
    """The loss of a batch is the mean over its steps, however the rows are padded."""
    network = cls(8, 1, 1, loss=loss, **OPTIONS).fit(walks()).network_
    monkeypatch.setattr(network, "hide", lambda sequences: sequences == 3, raising=False)  # not by chance

    def value(sequences):
        with torch.random.fork_rng():
            torch.manual_seed(0)
            if cls is BERT4Rec:
                return network.loss(sequences)
            inputs = torch.where(sequences[:, 1:] > 0, sequences[:, :-1], 0)
            return network.loss(SequenceBatch(inputs, sequences[:, 1:]))

    short = tokens([1, 2, 3], [4, 2, 6])
    longer = torch.nn.functional.pad(short, (0, 3))
    torch.testing.assert_close(value(short), value(longer))


# --- hiding -----------------------------------------------------------------------------------------------


def hidden_in(mask_rate, last_only, sequences):
    network = BERT4Rec(8, 1, 1, mask_rate=mask_rate, last_only=last_only, **OPTIONS).fit(walks()).network_
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return network.hide(sequences)


def test_steps_are_hidden_at_the_rate_and_never_padding():
    sequences = tokens(*[[1] * 30, [1] * 20] * 500)
    hidden = hidden_in(0.3, 0.0, sequences)
    assert not hidden[sequences == 0].any()
    assert hidden[sequences > 0].float().mean().item() == pytest.approx(0.3, abs=0.01)


def test_every_history_hides_something_and_the_last_step_alone_in_its_share():
    sequences = tokens(*[[1, 1, 1], [1, 1]] * 500)
    assert hidden_in(0.0, 0.0, sequences)[:2].tolist() == [[False, False, True], [False, True, False]]
    assert (hidden_in(1.0, 0.0, sequences).sum(dim=1) == 1).all()  # something must be left to look at
    alone = hidden_in(0.5, 0.25, tokens(*[[1] * 30] * 2000)).sum(dim=1) == 1
    assert alone.float().mean().item() == pytest.approx(0.25, abs=0.03)


def test_the_mask_stands_after_the_last_event():
    network = BERT4Rec(8, 1, 1, **OPTIONS).fit(walks()).network_
    assert network.asking(tokens([1, 2, 3], [4])).tolist() == [[2, 3, 4, 21], [5, 21, 0, 0]]


# --- learning ---------------------------------------------------------------------------------------------

LEARN = {"epochs": 30, "batch_size": 8, "learning_rate": 0.01, "max_length": 8, "dropout": 0.0}


def share_found(model):
    """Share of the 20 histories of three steps after which the next step of the walk stands first."""
    histories = (np.arange(20)[:, None] + np.arange(3)) % 20
    scores = model.score_next(histories.tolist())
    np.put_along_axis(scores, histories, -np.inf, axis=1)
    return (scores.argmax(axis=1) == (histories[:, -1] + 1) % 20).mean()


@pytest.mark.parametrize("loss", ["softmax", "sampled"])
def test_sasrec_learns_what_follows_what(loss):
    assert share_found(SASRec(16, 1, 1, loss=loss, n_negatives=10, **LEARN).fit(walks())) > 0.9


def test_with_negatives_that_were_never_met_order_is_learned_more_slowly():
    """Such negatives do not tell what came next from what came later."""
    assert 0.3 < share_found(SASRec(16, 1, 1, loss="bce", **LEARN).fit(walks())) < 0.9


def test_bert4rec_learns_what_follows_what():
    assert share_found(BERT4Rec(16, 2, 1, **LEARN).fit(walks())) > 0.8


def test_similar_items_are_neighbours_on_the_walk():
    model = SASRec(16, 1, 1, **LEARN).fit(taste_data())
    similar = model.similar([0, 1], k=5).items
    assert similar.shape == (2, 5)
    assert not (similar == [[0], [1]]).any()


# --- options ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cls", "options", "message"),
    [
        (SASRec, {"width": 0}, r"SASRec\(width=0\)"),
        (SASRec, {"blocks": 0}, r"SASRec\(blocks=0\)"),
        (SASRec, {"loss": "hinge"}, "'hinge'.*'softmax' or 'sampled' or 'bce'"),
        (SASRec, {"dropout": 1.0}, r"dropout=1\.0"),
        (SASRec, {"n_negatives": 0}, "n_negatives=0"),
        (BERT4Rec, {"mask_rate": 1.5}, r"BERT4Rec\(mask_rate=1\.5\)"),
        (BERT4Rec, {"last_only": -0.1}, r"last_only=-0\.1"),
    ],
)
def test_options_outside_their_range_are_refused(cls, options, message):
    with pytest.raises(ValueError, match=message):
        cls(**options)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match="heads=3 must divide width=16"):
        SASRec(16, 3, **OPTIONS).fit(walks())
