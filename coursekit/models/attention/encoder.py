"""From tokens to a vector at every step: embeddings, positions, blocks of attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.multihead import MultiHeadAttention
from coursekit.models.sequences import PADDING, lengths_of

BYTE = 256


class TransformerBlock(nn.Module):
    """Attention, then two linear layers at each position by itself, both beside a shortcut:

        x ← x + dropout(attention(norm(x)))
        x ← x + dropout(W₂ φ(W₁ norm(x) + b₁) + b₂)

    The norm stands before each part, as in SASRec (Kang and McAuley, 2018, section III.B).

    Args:
        width: d, of x.
        heads: heads of the attention.
        hidden: width between the two linear layers.
        activation: φ, "relu" or "gelu".
        dropout: share of each part's output dropped in training.
    """

    def __init__(self, width: int, heads: int, hidden: int, activation: str, dropout: float) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(width, heads)
        self.norm_attention, self.norm_hidden = nn.LayerNorm(width), nn.LayerNorm(width)
        self.inner, self.outer = nn.Linear(width, hidden), nn.Linear(hidden, width)
        self.activation, self.dropout = getattr(F, activation), dropout

    def forward(
        self, x: Tensor, keep: Tensor | None, *, causal: bool, weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        """(B, T, d) again, and the attention weights (B, heads, T, T) if they are wanted."""
        seen = None
        mixed = self.attention(self.norm_attention(x), keep, causal=causal, weights=weights)
        if weights:
            mixed, seen = mixed
        x = x + self._drop(mixed)
        return x + self._drop(self.outer(self.activation(self.inner(self.norm_hidden(x))))), seen

    def _drop(self, x: Tensor) -> Tensor:
        return dropout(x, self.dropout) if self.training else x


class HistoryEncoder(nn.Module):
    """A vector for every step of every history.

    x_t = e(token t) + p(steps from t to the last) goes through the blocks and a last norm. Positions are
    counted back from the most recent step, so a history means the same however much padding stands beside
    it; it is the fixed window, padded on the left, of the papers.

    Args:
        n_tokens: tokens besides padding.
        width: d, of all vectors.
        heads, blocks: heads of each block, and blocks.
        max_length: longest history.
        hidden: width between the linear layers of a block.
        activation: "relu" or "gelu".
        dropout: share of the first vectors and of every part's output that is dropped in training.
        causal: whether a step sees only itself and those before it.
        unseen: a token that no step looks at, such as a mask, which has nothing to tell; None for none.
    """

    def __init__(
        self,
        n_tokens: int,
        width: int,
        heads: int,
        blocks: int,
        max_length: int,
        *,
        hidden: int,
        activation: str,
        dropout: float,
        causal: bool,
        unseen: int | None = None,
    ) -> None:
        super().__init__()
        self.causal, self.dropout, self.unseen = causal, dropout, unseen
        self.tokens = nn.Embedding(n_tokens + 1, width, padding_idx=PADDING)
        self.positions = nn.Embedding(max_length, width)
        self.blocks = nn.ModuleList(
            TransformerBlock(width, heads, hidden, activation, dropout) for _ in range(blocks)
        )
        self.norm = nn.LayerNorm(width)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Embeddings from N(0, 0.05²), layers by Glorot's rule, but values and outputs of the attention the
        identity and what follows it small; biases 0.

        So a block begins by adding the mean of what it sees, in the space of the items' own embeddings, where
        the scores are read. With random matrices in between, that space has to be found first, which takes
        epochs.
        """
        for layer in self.modules():
            if isinstance(layer, nn.Embedding):
                nn.init.normal_(layer.weight, std=0.05)
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.tokens.weight[PADDING].detach())
        for block in self.blocks:
            nn.init.eye_(block.attention.value.weight)
            nn.init.eye_(block.attention.output.weight)
            nn.init.normal_(block.outer.weight, std=0.02)

    def forward(self, tokens: Tensor, *, weights: bool = False) -> tuple[Tensor, Tensor | None]:
        """Read histories.

        Args:
            tokens: (B, T), oldest first, padded with 0 on the right, T ≤ max_length.
            weights: whether to return all attention weights as well.

        Returns:
            (B, T, d), worth nothing beside padding; and None or the weights (B, blocks, heads, T, T).
        """
        keep = self._keep(tokens)
        x = self.tokens(tokens) + self.positions(steps_back(tokens))
        x = dropout(x, self.dropout) if self.training else x
        seen = []
        for block in self.blocks:
            x, looked_at = block(x, keep, causal=self.causal, weights=weights)
            seen.append(looked_at)
        return self.norm(x), torch.stack(seen, dim=1) if weights else None

    def _keep(self, tokens: Tensor) -> Tensor | None:
        """(B, T) bool, the tokens that may be looked at, or None for all."""
        if self.causal and self.unseen is None:
            return None  # with padding on the right, no real step sees any
        seen = tokens != PADDING
        return seen if self.unseen is None else seen & (tokens != self.unseen)


def steps_back(tokens: Tensor) -> Tensor:
    """(B, T) how many steps each token lies before the last real one; 0 there, and beside padding."""
    steps = torch.arange(tokens.shape[1], device=tokens.device)
    return (lengths_of(tokens)[:, None] - 1 - steps).clamp(min=0)


def dropout(x: Tensor, share: float) -> Tensor:
    """x with about that share of its numbers set to 0 and the others made larger, so that the mean stays.

    On a CPU a random byte decides about each number, the share being rounded to a 256th: eight numbers for
    the price of one draw. `F.dropout` there spends more time on random numbers than the layers on products.
    """
    if not share:
        return x
    cut = round(BYTE * share)
    if x.device.type != "cpu" or not 0 < cut < BYTE:
        return F.dropout(x, share)
    draws = torch.empty(-(-x.numel() // 8), dtype=torch.int64).random_(-(2**63), None)
    kept = draws.view(torch.uint8)[: x.numel()].view(x.shape) >= cut
    return x * kept.to(x.dtype).mul_(BYTE / (BYTE - cut))
