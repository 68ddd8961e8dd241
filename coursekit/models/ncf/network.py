"""The network of neural collaborative filtering: a weighted dot product, a tower, or both."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.pairs import PairBatch


class NCFNetwork(nn.Module):
    """Scores pairs by y = h · [p ⊙ q ; φ(x)] + b  (He et al., 2017, equations 8 to 12).

    p ⊙ q is the product of the GMF halves of the two embeddings, φ a tower of linear layers with ReLU
    over x, the MLP halves side by side. Without `factors` it is the paper's MLP, without `layers` its GMF.

    One table holds both halves of a user's (an item's) embedding, so a batch reads and updates each table
    once. The tower's first layer is W [p ; q] = W_p p + W_q q: the user's part is computed once for all
    items of the user, and the items' part once for all users where they share their candidates.

    Args:
        n_users, n_items: sizes of the catalogue.
        factors: width of p and q in p ⊙ q; 0 for none.
        embedding: width of the tower's embeddings.
        layers: widths of the tower's hidden layers; () for no tower.
        dropout: share of the hidden units dropped in training, before every layer but the tower's first.
        user_features, item_features: (n_users, a) and (n_items, b) float tensors the tower reads as well.
    """

    def __init__(
        self,
        n_users: int,
        n_items: int,
        factors: int = 8,
        embedding: int = 16,
        layers: Sequence[int] = (32, 16, 8),
        dropout: float = 0.0,
        user_features: Tensor | None = None,
        item_features: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.factors, self.dropout = factors, dropout
        self.widths = factors, embedding if layers else 0
        self.users, self.items = (nn.Embedding(n, sum(self.widths)) for n in (n_users, n_items))
        # Not saved with the weights: they are data, and the recommender keeps them.
        self.register_buffer("user_features", user_features, persistent=False)
        self.register_buffer("item_features", item_features, persistent=False)
        self.first_of_user = self.first_of_item = None
        if layers:
            of_user = embedding + (0 if user_features is None else user_features.shape[1])
            of_item = embedding + (0 if item_features is None else item_features.shape[1])
            self.first_of_user = nn.Linear(of_user, layers[0])
            self.first_of_item = nn.Linear(of_item, layers[0], bias=False)
        self.tower = nn.ModuleList(nn.Linear(before, after) for before, after in pairwise(layers))
        self.output = nn.Linear(factors + (layers[-1] if layers else 0), 1)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Embeddings from N(0, 0.01²) as in the paper, layers by Glorot's rule, biases 0."""
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=0.01)
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward(self, users: Tensor, items: Tensor) -> Tensor:
        """Logits.

        Args:
            users: (B,) rows.
            items: (B, C) rows, each user's own, or (C,) the same for all.

        Returns:
            (B, C).
        """
        # Inside, the items' axis comes first: what belongs to users is then added to whole blocks at once.
        n, each = items.shape[-1], len(users) if items.ndim == 2 else 1
        rows = items.t().reshape(-1)  # (C · B,) or (C,)
        p_gmf, p_mlp = self.users(users).split(self.widths, dim=-1)
        q_gmf, q_mlp = self.items(rows).split(self.widths, dim=-1)
        # h · [a ; b] = h_a · a + h_b · b saves building [a ; b].
        h_gmf, h_mlp = self.output.weight[0].split((self.factors, self.output.in_features - self.factors))
        logits = self.output.bias
        if self.factors:
            logits = logits + _dot(p_gmf * h_gmf, q_gmf.view(n, each, self.factors))
        if self.first_of_user is not None:
            own = self.first_of_user(_beside(p_mlp, self.user_features, users))  # (B, width)
            theirs = self.first_of_item(_beside(q_mlp, self.item_features, rows))
            z = (own + theirs.view(n, each, own.shape[-1])).relu_()  # (C, B, width)
            logits = logits + (self.hidden(z.flatten(0, 1)) @ h_mlp).view(n, len(users))
        return logits.T

    def hidden(self, x: Tensor) -> Tensor:
        """The tower's last hidden layer φ, from its first: (N, width)."""
        for layer in self.tower:
            x = layer(F.dropout(x, self.dropout, self.training) if self.dropout else x).relu_()
        return x

    def loss(self, batch: PairBatch) -> Tensor:
        """Binary cross-entropy, the mean over all pairs of the batch: () (equation 7)."""
        logits = self(batch.users, batch.items)
        labels = torch.zeros_like(logits)
        labels[:, 0] = 1
        return F.binary_cross_entropy_with_logits(logits, labels)


def _dot(p: Tensor, q: Tensor) -> Tensor:
    """Products of (B, d) users with (C, B, d) items, or with the same (C, 1, d) for all: (C, B)."""
    return (p * q).sum(-1) if q.shape[1] > 1 else q[:, 0] @ p.T


def _beside(embedded: Tensor, features: Tensor | None, rows: Tensor) -> Tensor:
    """Embeddings with the features of the same rows appended."""
    return embedded if features is None else torch.cat([embedded, F.embedding(rows, features)], dim=-1)
