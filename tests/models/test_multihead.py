"""Multi-head attention against its formula, and what its masks promise."""

import numpy as np
import pytest
import torch
from torch import nn

from coursekit.models.multihead import MultiHeadAttention, attention_weights

B, T, WIDTH, HEADS = 3, 7, 12, 4
LENGTHS = torch.tensor([7, 4, 1])
KEEP = torch.arange(T) < LENGTHS[:, None]
MASKS = {
    "none": {},
    "causal": {"causal": True},
    "padding": {"keep": KEEP},
    "both": {"keep": KEEP, "causal": True},
}


@pytest.fixture(scope="module")
def attention():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return MultiHeadAttention(WIDTH, HEADS).double().eval()


@pytest.fixture(scope="module")
def x():
    return torch.randn(B, T, WIDTH, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def by_hand(attention, x, keep=None, causal=False):
    """One history, one head, one query after the other."""
    out, size = torch.zeros_like(x), WIDTH // HEADS
    weights = torch.zeros(B, HEADS, T, T, dtype=x.dtype)
    for b in range(B):
        q, k, v = (
            x[b] @ part.weight.T + part.bias for part in (attention.query, attention.key, attention.value)
        )
        for h in range(HEADS):
            own = slice(h * size, (h + 1) * size)
            for t in range(T):
                seen = [s for s in range(T) if (keep is None or keep[b, s]) and not (causal and s > t)]
                scores = torch.stack([q[t, own] @ k[s, own] for s in seen]) / size**0.5
                shares = scores.exp() / scores.exp().sum()
                weights[b, h, t, seen] = shares
                out[b, t, own] = sum(share * v[s, own] for share, s in zip(shares, seen, strict=True))
    return out @ attention.output.weight.T + attention.output.bias, weights


@pytest.mark.parametrize("masks", MASKS.values(), ids=MASKS)
@torch.no_grad()
def test_it_is_the_formula(attention, x, masks):
    out, weights = by_hand(attention, x, **masks)
    torch.testing.assert_close(attention(x, **masks), out, rtol=0, atol=1e-6)
    also, returned = attention(x, **masks, weights=True)
    torch.testing.assert_close(also, out, rtol=0, atol=1e-6)
    torch.testing.assert_close(returned, weights, rtol=0, atol=1e-6)


@pytest.mark.parametrize("masks", MASKS.values(), ids=MASKS)
def test_in_single_precision_too(attention, x, masks):
    single = MultiHeadAttention(WIDTH, HEADS).eval()
    single.load_state_dict(attention.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(
            single(x.float(), **masks).double(), attention(x, **masks), rtol=0, atol=1e-6
        )


@torch.no_grad()
def test_it_is_torchs_own(attention, x):
    theirs = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).double().eval()
    parts = attention.query, attention.key, attention.value
    theirs.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    theirs.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
    theirs.out_proj.load_state_dict(attention.output.state_dict())
    later = torch.ones(T, T, dtype=torch.bool).triu(1)
    expected, _ = theirs(x, x, x, key_padding_mask=~KEEP, attn_mask=later)
    torch.testing.assert_close(attention(x, KEEP, causal=True), expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("causal", [False, True])
@torch.no_grad()
def test_padding_changes_nothing(attention, x, causal):
    for b, length in enumerate(LENGTHS):
        alone = attention(x[b : b + 1, :length], causal=causal)[0]
        torch.testing.assert_close(attention(x, KEEP, causal=causal)[b, :length], alone, rtol=0, atol=1e-6)


@torch.no_grad()
def test_the_future_changes_nothing_earlier(attention, x):
    other = x.clone()
    other[:, 4:] = 100.0
    for keep in (None, KEEP):
        before = attention(x, keep, causal=True)[:, :4]
        torch.testing.assert_close(attention(other, keep, causal=True)[:, :4], before, rtol=0, atol=0)
    assert not torch.allclose(attention(other)[:, :4], attention(x)[:, :4])


@torch.no_grad()
def test_weights_are_shares_of_what_may_be_seen(attention, x):
    _, weights = attention(x, KEEP, causal=True, weights=True)
    assert weights.shape == (B, HEADS, T, T)
    torch.testing.assert_close(weights.sum(-1), torch.ones(B, HEADS, T, dtype=x.dtype))
    assert not weights.triu(1).any()
    assert not weights.transpose(2, 3)[~KEEP[:, None, :].expand(-1, HEADS, -1)].any()


@torch.no_grad()
def test_a_row_without_any_token_gives_numbers_not_nan(attention, x):
    keep = KEEP.clone()
    keep[1] = False
    for weights in (False, True):
        out = attention(x, keep, weights=weights)
        assert torch.isfinite(out[0] if weights else out).all()


@torch.no_grad()
def test_without_positions_order_means_nothing(attention, x):
    """Attention is about sets: whoever wants order must put positions into x."""
    order = torch.randperm(T, generator=torch.Generator().manual_seed(2))
    torch.testing.assert_close(attention(x[:, order]), attention(x)[:, order], rtol=0, atol=1e-6)


def test_dropout_acts_in_training_only():
    attention = MultiHeadAttention(WIDTH, HEADS, dropout=0.5)
    x = torch.randn(1, T, WIDTH)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        assert not torch.equal(attention(x), attention(x))
        attention.eval()
        assert torch.equal(attention(x), attention(x))


def test_heads_must_divide_the_width():
    for heads in (5, 0):
        with pytest.raises(ValueError, match=f"heads={heads} must divide width=12"):
            MultiHeadAttention(12, heads)


def test_attention_weights_need_no_module():
    q, k = torch.tensor([[2.0, 0.0]]), torch.tensor([[1.0, 5.0], [0.0, 1.0]])
    expected = np.exp([2 / 2**0.5, 0]) / np.exp([2 / 2**0.5, 0]).sum()
    np.testing.assert_allclose(attention_weights(q, k)[0], expected, rtol=1e-6)
    assert attention_weights(q, k, torch.tensor([[False, True]])).tolist() == [[0, 1]]
