"""The networks of `coursekit.models.sequence`: equations, padding, attention, what they see and do not."""

import numpy as np
import pytest
import torch
from contract import interactions, taste_data
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from coursekit.models.sequence import (
    AdditiveAttention,
    BiLSTM,
    BiLSTMAttention,
    DotProductAttention,
    TwoTowerLSTM,
)
from coursekit.models.sequence.bilstm import BiLSTMAttentionNetwork
from coursekit.models.sequence.layers import StepDropout
from coursekit.models.sequence.prefixes import PrefixBatch
from coursekit.models.sequence.two_tower import TwoTowerNetwork
from coursekit.models.sequences import SequenceBatch, last_state

N_ITEMS = 9
LENGTHS = torch.tensor([5, 2, 1, 5, 3])


@pytest.fixture
def tokens():
    """Histories of 5, 2, 1, 5 and 3 events, padded on the right."""
    rows = torch.randint(1, N_ITEMS + 1, (5, 5), generator=torch.Generator().manual_seed(0))
    return rows * (torch.arange(5) < LENGTHS[:, None])


def seeded(make, *args, **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make(*args, **options).eval()


def wider(tokens, n):
    """The same histories with n more columns of padding."""
    return nn.functional.pad(tokens, (0, n))


# --- layers -------------------------------------------------------------------------------------------------


def test_bilstm_gives_the_states_of_pytorchs_packed_bidirectional_lstm():
    ours, theirs = seeded(BiLSTM, 4, 6), nn.LSTM(4, 3, batch_first=True, bidirectional=True)
    named = dict(theirs.named_parameters())
    with torch.no_grad():
        for half, ending in ((ours.ahead, ""), (ours.back, "_reverse")):
            for name, parameter in half.named_parameters():
                named[name + ending].copy_(parameter)
    x = torch.randn(5, 5, 4, generator=torch.Generator().manual_seed(1))
    packed = pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False)
    expected, _ = pad_packed_sequence(theirs(packed)[0], batch_first=True)
    real = torch.arange(5) < LENGTHS[:, None]
    torch.testing.assert_close(ours(x, LENGTHS)[real], expected[real], rtol=0, atol=1e-6)


def test_bilstm_states_of_a_row_do_not_depend_on_the_rows_beside_it():
    bilstm, x = seeded(BiLSTM, 4, 6), torch.randn(5, 5, 4)
    together = bilstm(x, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = bilstm(x[row : row + 1, :length], LENGTHS[row : row + 1])
        torch.testing.assert_close(alone[0], together[row, :length], rtol=0, atol=1e-6)


def test_the_last_states_have_read_everything():
    bilstm, x = seeded(BiLSTM, 4, 6), torch.randn(5, 5, 4)
    states = bilstm(x, LENGTHS)
    last = bilstm.last(states, LENGTHS)
    for row, length in enumerate(LENGTHS.tolist()):
        torch.testing.assert_close(last[row], torch.cat([states[row, length - 1, :3], states[row, 0, 3:]]))
    changed = x.clone()
    changed[0, 0] += 1  # what was read first ahead and last back
    assert (bilstm.last(bilstm(changed, LENGTHS), LENGTHS)[0] != last[0]).all()


@pytest.mark.parametrize("width", [0, 1, 7])
def test_bilstm_of_odd_width_is_refused(width):
    with pytest.raises(ValueError, match=f"width={width} must be even"):
        BiLSTM(4, width)


def test_last_state_is_the_one_at_the_last_real_step():
    states = torch.arange(12.0).view(2, 3, 2)
    assert last_state(states, torch.tensor([3, 1])).tolist() == [[4, 5], [6, 7]]
    assert last_state(states, torch.tensor([0, 2])).tolist() == [[0, 1], [8, 9]]


def test_step_dropout_leaves_out_the_same_numbers_at_every_step_and_nothing_when_scoring():
    drop, x = StepDropout(0.5), torch.ones(64, 7, 32)
    out = drop(x)
    assert torch.equal(out, out[:, :1].expand_as(out))
    assert set(out.unique().tolist()) == {0.0, 2.0}
    assert 0.4 < (out == 0).float().mean() < 0.6
    assert drop.eval()(x) is x


def additive_by_hand(layer, q, states):
    return [
        float(
            layer.value.weight @ torch.tanh(layer.query.weight @ q + layer.query.bias + layer.key.weight @ h)
        )
        for h in states
    ]


def dot_by_hand(layer, q, states):
    return [float((layer.query.weight @ q) @ h) / len(h) ** 0.5 for h in states]


BY_HAND = {AdditiveAttention: additive_by_hand, DotProductAttention: dot_by_hand}


@pytest.mark.parametrize("cls", BY_HAND)
@torch.no_grad()
def test_attention_follows_its_equation(cls):
    layer, q, states = seeded(cls, 3, 4), torch.randn(5, 3), torch.randn(5, 5, 4)
    context, weights = layer(q, states, torch.arange(5) < LENGTHS[:, None])
    for row, length in enumerate(LENGTHS.tolist()):
        e = np.exp(BY_HAND[cls](layer, q[row], states[row, :length]))
        alpha = e / e.sum()
        np.testing.assert_allclose(weights[row, :length], alpha, rtol=1e-5)
        np.testing.assert_allclose(context[row], alpha @ states[row, :length].numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("cls", BY_HAND)
def test_attention_is_zero_beside_padding_whatever_stands_there(cls):
    layer, q, states = seeded(cls, 3, 4), torch.randn(5, 3), torch.randn(5, 5, 4)
    keep = torch.arange(5) < LENGTHS[:, None]
    context, weights = layer(q, states, keep)
    assert (weights[~keep] == 0).all()
    torch.testing.assert_close(weights.sum(1), torch.ones(5))
    other, _ = layer(q, torch.where(keep[..., None], states, 1e6), keep)
    torch.testing.assert_close(other, context, rtol=0, atol=1e-6)


@pytest.mark.parametrize("cls", BY_HAND)
def test_attention_to_nothing_gives_zeros_and_finite_gradients(cls):
    layer, states = seeded(cls, 3, 4), torch.randn(2, 5, 4, requires_grad=True)
    context, weights = layer(torch.randn(2, 3), states, torch.zeros(2, 5, dtype=torch.bool))
    assert not context.any()
    assert not weights.any()
    context.sum().backward()
    assert torch.isfinite(states.grad).all()


# --- networks -----------------------------------------------------------------------------------------------


def network(kind):
    if kind in ("dot", "mlp"):
        return seeded(TwoTowerNetwork, N_ITEMS, 8, kind)
    return seeded(BiLSTMAttentionNetwork, N_ITEMS, 8, kind.removeprefix("BiLSTM "))


KINDS = ["dot", "mlp", "BiLSTM additive", "BiLSTM dot"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("columns", [1, 7, 40])
def test_scores_do_not_depend_on_how_much_padding_follows(kind, columns, tokens):
    model, items = network(kind), torch.arange(N_ITEMS)
    torch.testing.assert_close(model(wider(tokens, columns), items), model(tokens, items), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_scores_do_not_depend_on_the_histories_beside_one(kind, tokens):
    model, items = network(kind), torch.arange(N_ITEMS)
    together = model(tokens, items)
    for row, length in enumerate(LENGTHS.tolist()):
        alone = model(tokens[row : row + 1, :length], items)
        torch.testing.assert_close(alone[0], together[row], rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_own_items_are_scored_as_all_items_are(kind, tokens):
    model, own = network(kind), torch.tensor([[3, 0], [8, 8], [1, 2], [0, 7], [4, 5]])
    expected = model(tokens, torch.arange(N_ITEMS)).gather(1, own)
    torch.testing.assert_close(model(tokens, own), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_order_counts(kind, tokens):
    model, items = network(kind), torch.arange(N_ITEMS)
    turned = tokens.clone()
    turned[0] = tokens[0].flip(0)
    assert not torch.allclose(model(turned, items)[0], model(tokens, items)[0], atol=1e-4)


def test_two_towers_follow_their_equations(tokens):
    model = network("dot")
    embedded = model.embedding(tokens[1:2, :2])
    h = model.lstm(embedded)[0][0] + embedded[0]
    u = model.of_history.weight @ (h[0] + h[1]) / 2**0.5 + model.of_history.bias
    v = model.items.weight @ model.of_item.weight.T + model.of_item.bias
    torch.testing.assert_close(model(tokens, torch.arange(N_ITEMS))[1], v @ u + model.bias, rtol=0, atol=1e-6)
    tower = network("mlp")
    u, v = tower.read(tokens)[1, 1], tower.of_item(tower.items(torch.tensor([4])))[0]
    expected = tower.output.weight[0] @ (u + v).relu() + tower.bias[4]
    torch.testing.assert_close(tower(tokens, torch.tensor([4]))[1, 0], expected, rtol=0, atol=1e-6)


def test_a_step_of_two_towers_sees_nothing_that_comes_later(tokens):
    model = network("dot")
    before = model.read(tokens)
    changed = tokens.clone()
    changed[0, 3] = tokens[0, 3] % N_ITEMS + 1
    after = model.read(changed)
    torch.testing.assert_close(after[0, :3], before[0, :3], rtol=0, atol=1e-6)
    assert not torch.allclose(after[0, 3:], before[0, 3:])


def alternatives(logits, target, met):
    """-log softmax of the target beside everything not met, the slow way."""
    others = [logits[i] for i in range(N_ITEMS) if i == target or i not in met]
    return float(torch.logsumexp(torch.stack(others), 0) - logits[target])


def test_two_towers_loss_is_cross_entropy_beside_what_was_not_met(tokens):
    model = network("dot")
    inputs, targets = tokens[:, :-1], tokens[:, 1:]
    inputs = torch.where(targets != 0, inputs, 0)
    losses = []
    for row in tokens:
        history = [int(token) - 1 for token in row if token]
        for n in range(1, len(history)):
            logits = model(torch.tensor([history[:n]]) + 1, torch.arange(N_ITEMS))[0]
            losses.append(alternatives(logits, history[n], set(history[:n])))
    assert model.loss(SequenceBatch(inputs, targets)).item() == pytest.approx(np.mean(losses), rel=1e-5)


def test_sampled_negatives_estimate_which_item_came_next(tokens):
    """With as many negatives as it takes, a sampled loss differs from the full one by little but chance."""
    full, sampled = network("dot"), network("dot")
    sampled.n_negatives = 20_000
    batch = SequenceBatch(torch.where(tokens[:, 1:] != 0, tokens[:, :-1], 0), tokens[:, 1:])
    torch.manual_seed(0)
    # Every item stands there about 20,000 / 9 times: the target's share of the sum is so much the smaller.
    real = batch.targets[batch.targets != 0] - 1
    queries = full.read(batch.inputs)[batch.targets != 0]
    logits = full._meet(queries, torch.arange(N_ITEMS))
    seen = torch.stack(
        [(batch.inputs == item + 1).cumsum(1)[batch.targets != 0] > 0 for item in range(N_ITEMS)], 1
    )
    own = nn.functional.one_hot(real, N_ITEMS).bool()
    rest = logits.masked_fill(seen | own, -torch.inf).logsumexp(1) + np.log(20_000 / N_ITEMS)
    right = logits[own]
    expected = (torch.logaddexp(rest, right) - right).mean()
    torch.testing.assert_close(sampled.loss(batch), expected, rtol=0.01, atol=0)


def test_bilstm_loss_is_cross_entropy_beside_what_was_not_met(tokens):
    model, targets = network("BiLSTM additive"), torch.tensor([0, 3, 5, 7, 1])
    logits = model(tokens, torch.arange(N_ITEMS))
    losses = [
        alternatives(row, int(target), {int(token) - 1 for token in history})
        for row, target, history in zip(logits, targets, tokens, strict=True)
    ]
    assert model.loss(PrefixBatch(tokens, targets)).item() == pytest.approx(np.mean(losses), rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_learned_from_padding(kind, tokens):
    model = network(kind)
    if kind.startswith("BiLSTM"):
        batches = [PrefixBatch(part, torch.arange(5)) for part in (tokens, wider(tokens, 9))]
    else:
        targets = [torch.cat([part[:, 1:], part[:, :1] * 0], 1) for part in (tokens, wider(tokens, 9))]
        batches = [
            SequenceBatch(torch.where(t != 0, p, 0), t)
            for p, t in zip((tokens, wider(tokens, 9)), targets, strict=True)
        ]
    gradients = []
    for batch in batches:
        model.zero_grad()
        model.loss(batch).backward()
        gradients.append([p.grad.clone() for p in model.parameters()])
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert not model.embedding.weight.grad[0].any()


# --- recommenders -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fitted():
    return BiLSTMAttention(8, epochs=2, batch_size=32).fit(taste_data())


@pytest.mark.parametrize("scoring", ["additive", "dot"])
def test_attention_of_histories_sums_to_one_and_does_not_depend_on_those_beside_it(scoring):
    model = BiLSTMAttention(8, scoring, epochs=1, batch_size=32, max_length=4).fit(taste_data())
    weights = model.attention([[3, 1, 4], [7], [1, 2, 3, 4, 5, 6]])
    assert weights.shape == (3, 4)
    assert weights.dtype == np.float32
    assert (weights[0, 3:] == 0).all()
    assert weights[1].tolist() == [1, 0, 0, 0]
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    np.testing.assert_allclose(model.attention([[3, 1, 4]])[0], weights[0, :3], atol=1e-6)
    np.testing.assert_allclose(model.attention([[3, 4, 5, 6]])[0], weights[2], atol=1e-6)


def test_attention_refuses_what_it_cannot_read(fitted):
    with pytest.raises(ValueError, match="history 1 is empty"):
        fitted.attention([[1], []])
    with pytest.raises(IndexError, match="item row 30"):
        fitted.attention([[30]])
    with pytest.raises(RuntimeError, match="call fit"):
        BiLSTMAttention().attention([[1]])


def test_unknown_options_are_named():
    data = taste_data()
    with pytest.raises(ValueError, match=r"TwoTowerLSTM\(head='cosine'\): choose 'dot' or 'mlp'"):
        TwoTowerLSTM(head="cosine").fit(data)
    with pytest.raises(ValueError, match=r"BiLSTMAttention\(scoring='sum'\): choose 'additive' or 'dot'"):
        BiLSTMAttention(scoring="sum").fit(data)
    with pytest.raises(ValueError, match=r"TwoTowerLSTM\(n_negatives=-1\)"):
        TwoTowerLSTM(n_negatives=-1).fit(data)
    with pytest.raises(ValueError, match="width=7 must be even"):
        BiLSTMAttention(7).fit(data)


def cycles(n_items=12, n_users=60, length=8):
    """Everybody goes round the same circle, from somewhere: after i always comes i + 1."""
    start = np.arange(n_users) % n_items
    item = (start[:, None] + np.arange(length)) % n_items
    return interactions(np.repeat(np.arange(n_users), length), item.ravel(), n_items=n_items)


MAKES = {
    "two towers": lambda: TwoTowerLSTM(16, epochs=40, dropout=0.0),
    "two towers, MLP": lambda: TwoTowerLSTM(16, "mlp", epochs=40, dropout=0.0),
    "two towers, negatives": lambda: TwoTowerLSTM(16, n_negatives=20, epochs=40, dropout=0.0),
    "BiLSTM additive": lambda: BiLSTMAttention(16, epochs=10, dropout=0.0, learning_rate=0.02),
    "BiLSTM dot": lambda: BiLSTMAttention(16, "dot", epochs=10, dropout=0.0, learning_rate=0.02),
}


@pytest.mark.parametrize("make", MAKES)
def test_a_circle_is_learned(make):
    model = MAKES[make]().fit(cycles())
    histories = [[0, 1, 2], [9, 10, 11], [5]]
    scores = model.score_next(histories)
    for row, met in zip(scores, histories, strict=True):
        row[met] = -np.inf  # never an alternative in training: their scores mean nothing
    assert scores.argmax(1).tolist() == [3, 0, 6]
