"""Multi-head attention, the part that SASRec, BERT4Rec and BERT have in common."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MultiHeadAttention(nn.Module):
    """Every position looks at every position it may see, in `heads` ways at once (Vaswani et al., 2017).

    For each head, with queries Q = x W_q, keys K = x W_k and values V = x W_v of width d / heads:

        attention(Q, K, V) = softmax(Q Kᵀ / √(d / heads) + mask) V

    the mask being 0 where a position may be seen and -∞ elsewhere. The heads stand side by side and go
    through one last linear layer.

    Args:
        width: d, of input and output.
        heads: number of heads; it divides `width`.
        dropout: share of the attention weights dropped in training.

    Raises:
        ValueError: when `heads` does not divide `width`.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if heads < 1 or width % heads:
            raise ValueError(f"heads={heads} must divide width={width}")
        self.heads, self.dropout = heads, dropout
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(
        self, x: Tensor, keep: Tensor | None = None, *, causal: bool = False, weights: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        """Look around in x.

        Args:
            x: (B, T, d).
            keep: (B, T) bool, True where a real token stands; no position looks at the others. A row that
                keeps none gets the mean over all, never NaN. None: all are real.
            causal: whether a position sees only itself and those before it. With padding on the right no
                `keep` is needed then.
            weights: whether to return the attention weights as well, which is slower.

        Returns:
            (B, T, d), or that and the weights (B, heads, T, T), whose rows sum to 1.
        """
        B, T, d = x.shape
        split = (B, T, self.heads, d // self.heads)
        # (B, T, d) -> (B, heads, T, d / heads)
        q, k, v = (part(x).view(split).transpose(1, 2) for part in (self.query, self.key, self.value))
        dropout = self.dropout if self.training else 0.0
        if weights:
            seen = attention_weights(q, k, _mask(keep, causal, T, x.device))
            mixed = F.dropout(seen, dropout) @ v
        elif keep is None:
            mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=dropout, is_causal=causal)
        else:
            mask = _mask(keep, causal, T, x.device)
            mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=dropout)
        out = self.output(mixed.transpose(1, 2).reshape(B, T, d))
        return (out, seen) if weights else out


def attention_weights(q: Tensor, k: Tensor, mask: Tensor | None = None) -> Tensor:
    """softmax(q kᵀ / √d), with the forbidden places at 0.

    Args:
        q: (..., Q, d) queries.
        k: (..., K, d) keys.
        mask: bool, broadcastable to (..., Q, K), True where looking is allowed.

    Returns:
        (..., Q, K), rows summing to 1.
    """
    scores = q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return scores.softmax(dim=-1)


def _mask(keep: Tensor | None, causal: bool, T: int, device: torch.device) -> Tensor | None:
    """(B or 1, 1, T, T) bool, True where a query (row) may look at a key (column); None for everywhere."""
    mask = None
    if causal:
        mask = torch.ones(T, T, dtype=torch.bool, device=device).tril()[None, None]
    if keep is not None:
        # Rows that keep nothing would divide 0 by 0: they see everything, and nobody reads them.
        keys = (keep | ~keep.any(dim=1, keepdim=True))[:, None, None, :]
        mask = keys if mask is None else mask & keys
    return mask
