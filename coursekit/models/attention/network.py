"""What the networks of SASRec and BERT4Rec share: an encoder, and scores by its items' embeddings."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from coursekit.models.attention.encoder import HistoryEncoder
from coursekit.models.attention.losses import (
    binary_loss,
    first_steps,
    sampled_softmax_loss,
    softmax_loss,
    unmet,
)
from coursekit.models.sequences import PADDING, last_state, lengths_of


class AttentionNetwork(nn.Module):
    """Scores item i by h · e_i + b_i, h being the encoder's vector of the step that asks.

    The embeddings e are those that histories are made of. b begins as the logarithm of how often each item
    was met: the embeddings then need not learn first, all in one direction, what is popular.

    Args:
        encoder: its tokens 1 … n_items are the items.
        popularity: (n_items,) how often each item was met.
        loss: "softmax", "sampled" or "bce".
        n_negatives: items drawn a batch for "sampled".
    """

    def __init__(self, encoder: HistoryEncoder, popularity: Tensor, loss: str, n_negatives: int) -> None:
        super().__init__()
        self.encoder, self.kind, self.n_negatives = encoder, loss, n_negatives
        usual = torch.log1p(popularity.float())
        self.bias = nn.Parameter(usual - usual.mean())

    def table(self) -> Tensor:
        """(n_items, d) item embeddings."""
        return self.encoder.tokens.weight[1 : 1 + len(self.bias)]

    def asking(self, histories: Tensor) -> Tensor:
        """(B, T) tokens whose last step asks for the next item."""
        return histories

    def weights(self, histories: Tensor) -> Tensor:
        """(B, blocks, heads, T, T) attention weights over what `asking` makes of histories."""
        return self.encoder(self.asking(histories), weights=True)[1]

    def forward(self, histories: Tensor, items: Tensor) -> Tensor:
        """Scores of items (C,) or (B, C) after histories (B, T): (B, C)."""
        asking = self.asking(histories)
        h = last_state(self.encoder(asking)[0], lengths_of(asking))
        chosen = self.table()[items]
        products = h @ chosen.T if items.ndim == 1 else (chosen @ h[:, :, None])[..., 0]
        return products + self.bias[items]

    def ranking_loss(
        self, states: Tensor, items: Tensor, users: Tensor, steps: Tensor, seen: Tensor, met: Tensor
    ) -> Tensor:
        """The mean over N states that items followed: ().

        "bce" draws its negative from what the user never met, as the paper does; the others leave out what
        the state has seen, and what comes later is a negative: that is how they learn the order.

        Args:
            states, items: (N, d) states and (N,) rows of the items that came.
            users: (N,) the row of `seen` and `met` that each state belongs to.
            steps: (N,) the last step of `seen` that each state sees.
            seen: (B, T) tokens that states can see; what is no item is passed over.
            met: (B, T') tokens of all that each user met.
        """
        n_items, arguments = len(self.bias), (states, items, self.table(), self.bias)
        if self.kind == "bce":
            ever = first_steps(met, n_items) < met.shape[1]
            return binary_loss(*arguments, unmet(ever, users))
        if self.kind == "softmax":
            later = torch.arange(seen.shape[1], device=seen.device) > steps[:, None]
            return softmax_loss(*arguments, seen[users].masked_fill(later, PADDING))
        first = first_steps(seen, n_items)
        drawn = torch.randint(n_items, (self.n_negatives,), device=states.device)
        return sampled_softmax_loss(*arguments, first[:, drawn][users] <= steps[:, None], drawn)
