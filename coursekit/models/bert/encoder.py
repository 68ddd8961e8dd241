"""BERT's encoder (Devlin et al., 2019), number for number what transformers' `BertModel` computes."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.bert.config import ACTIVATIONS, BertConfig
from coursekit.models.multihead import MultiHeadAttention


class BertEncoder(nn.Module):
    """From token ids to one vector for each token, which depends on all the others.

        h_0 = LayerNorm(word + position + segment)
        a_l = LayerNorm(h_{l-1} + Attention(h_{l-1}))
        h_l = LayerNorm(a_l + W_2 gelu(W_1 a_l + b_1) + b_2)

    Normalisation comes after each sum ("post-norm"), as in the first transformers.

    Args:
        config: sizes. The first weights are normal with standard deviation `config.spread`, biases 0.

    Example:
        >>> encoder = BertEncoder(BertConfig(vocabulary=10, width=8, layers=1, heads=2, inner=16)).eval()
        >>> ids = torch.tensor([[2, 7, 3], [2, 3, 0]])
        >>> encoder(ids, ids != 0).shape
        torch.Size([2, 3, 8])
    """

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.words = nn.Embedding(config.vocabulary, config.width, padding_idx=config.padding)
        self.positions = nn.Embedding(config.max_length, config.width)
        self.segments = nn.Embedding(config.segments, config.width)
        self.norm = nn.LayerNorm(config.width, config.eps)
        self.blocks = nn.ModuleList(BertBlock(config) for _ in range(config.layers))
        self.apply(lambda module: draw_weights(module, config.spread))

    def forward(
        self,
        ids: Tensor,
        keep: Tensor | None = None,
        segments: Tensor | None = None,
        *,
        weights: bool = False,
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Encode a batch.

        Args:
            ids: (B, T) int64 tokens, padded on the right.
            keep: (B, T) bool, True where a real token stands; nobody looks at the others. None: all are real.
            segments: (B, T) int64, 0 for a first text, 1 for a second. None: 0 everywhere.
            weights: whether to return the attention weights as well.

        Returns:
            (B, T, d) hidden states of the last block; beside padding they mean nothing. With `weights` also
            (B, layers, heads, T, T), each row summing to 1.

        Raises:
            ValueError: when T is above `config.max_length`.
        """
        hidden, seen = self._embed(ids, segments), []
        for block in self.blocks:
            if weights:
                hidden, looked = block(hidden, keep, weights=True)
                seen.append(looked)
            else:
                hidden = block(hidden, keep)
        return (hidden, torch.stack(seen, dim=1)) if weights else hidden

    def _embed(self, ids: Tensor, segments: Tensor | None) -> Tensor:
        T, most = ids.shape[1], self.config.max_length
        if most < T:
            raise ValueError(f"a text of {T} tokens; this BERT has {most} positions: truncate when encoding")
        segment = self.segments.weight[0] if segments is None else self.segments(segments)
        total = self.words(ids) + segment + self.positions.weight[:T]
        return F.dropout(self.norm(total), self.config.dropout, self.training)


class BertBlock(nn.Module):
    """Self-attention, then a network on each position alone; around each a sum and a normalisation."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(config.width, config.heads, config.attention_dropout)
        self.attention_norm = nn.LayerNorm(config.width, config.eps)
        self.widen = nn.Linear(config.width, config.inner)
        self.narrow = nn.Linear(config.inner, config.width)
        self.norm = nn.LayerNorm(config.width, config.eps)
        self.activation = ACTIVATIONS[config.activation]
        self.dropout = config.dropout

    def forward(
        self, x: Tensor, keep: Tensor | None, *, weights: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """(B, T, d) -> (B, T, d), with `weights` also (B, heads, T, T)."""
        mixed = self.attention(x, keep, weights=weights)
        mixed, seen = mixed if weights else (mixed, None)
        x = self.attention_norm(x + self._drop(mixed))
        x = self.norm(x + self._drop(self.narrow(self.activation(self.widen(x)))))
        return (x, seen) if weights else x

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


@torch.no_grad()
def draw_weights(module: nn.Module, spread: float) -> None:
    """BERT's first weights: normal with mean 0 and standard deviation `spread`; biases and padding 0."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        module.weight.normal_(0.0, spread)
    if isinstance(module, nn.Linear) and module.bias is not None:
        module.bias.zero_()
    if isinstance(module, nn.Embedding) and module.padding_idx is not None:
        module.weight[module.padding_idx].zero_()
