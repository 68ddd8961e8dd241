"""Two towers: an LSTM that reads the history, a projection of the item, and a head where they meet."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.interactions import Interactions
from coursekit.models.options import check_at_least, check_choice
from coursekit.models.sequence.layers import StepDropout
from coursekit.models.sequences import PADDING, NextItemBatches, SequenceBatch, last_state, lengths_of
from coursekit.models.sequential import SequentialRecommender

HEADS = ("dot", "mlp")


class TwoTowerNetwork(nn.Module):
    """Scores what may come after step t by s_ti = head(u_t, v_i) + b_i.

    History: an LSTM reads the embeddings e_1 … e_t of what was met; to each state the embedding it has just
    read is added (a residual connection), h_t = LSTM(e_1 … e_t) + e_t, and

        u_t = W_u (h_1 + … + h_t) / √t + a_u

    Item: v_i = W_v q_i + a_v with an embedding q_i of its own. Head: u · v, or w · relu(u + v).

    The sum keeps what an LSTM's last state forgets, a lasting taste; between the sum, which would let
    long histories outshout short ones, and their mean, which would forget how much is known, stands √t
    (Kabbur et al., 2013). The network is causal, so all steps of a history are examples at once.

    Args:
        n_items: size of the catalogue.
        width: of embeddings, states and towers.
        head: "dot" or "mlp".
        n_negatives: items each batch is trained against; None means all.
        dropout: share of the embeddings' and states' numbers dropped in training.
    """

    def __init__(
        self, n_items: int, width: int, head: str, n_negatives: int | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.n_items, self.n_negatives = n_items, n_negatives
        self.embedding = nn.Embedding(n_items + 1, width, padding_idx=PADDING)
        self.lstm = nn.LSTM(width, width, batch_first=True)
        self.of_history = nn.Linear(width, width)
        self.items = nn.Embedding(n_items, width)
        self.of_item = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.zeros(n_items))
        self.output = nn.Linear(width, 1, bias=False) if head == "mlp" else None
        self.dropout = StepDropout(dropout)
        nn.init.normal_(self.embedding.weight, std=0.5)
        nn.init.normal_(self.items.weight, std=0.1)

    def forward(self, histories: Tensor, items: Tensor) -> Tensor:
        """Scores after the last step.

        Args:
            histories: (B, T) tokens.
            items: (B, C) item rows, each history's own, or (C,) the same for all.

        Returns:
            (B, C).
        """
        return self._meet(last_state(self.read(histories), lengths_of(histories)), items)

    def read(self, histories: Tensor) -> Tensor:
        """The history tower u after every step: (B, T, width) of (B, T) tokens."""
        embedded = self.dropout(self.embedding(histories))
        states = self.lstm(embedded)[0] + embedded
        steps = torch.arange(1, states.shape[1] + 1, device=states.device)
        return self.of_history(self.dropout(states.cumsum(1) / steps[:, None] ** 0.5))

    def loss(self, batch: SequenceBatch) -> Tensor:
        """Cross-entropy of each next item beside items its user has not met, the mean over steps: ()."""
        real = batch.targets != PADDING
        queries, targets = self.read(batch.inputs)[real], batch.targets[real] - 1
        others = self._others(targets.device)
        # What a user has met is no alternative: `recommend` does not offer it again either. Without this the
        # user's vector would have to be unlike all that they liked.
        met = (batch.inputs[..., None] == others + 1).cumsum(dim=1, dtype=torch.int16)[real] > 0
        against = self._meet(queries, others).masked_fill(met | (others == targets[:, None]), -torch.inf)
        logits = torch.cat([self._meet(queries, targets[:, None]), against], dim=1)
        return F.cross_entropy(logits, torch.zeros_like(targets))

    def _others(self, device: torch.device) -> Tensor:
        if self.n_negatives is None:
            return torch.arange(self.n_items, device=device)
        return torch.randint(self.n_items, (self.n_negatives,), device=device)

    def _meet(self, u: Tensor, items: Tensor) -> Tensor:
        """(N, C) scores of (N, width) histories with (N, C) or (C,) items."""
        v = self.of_item(self.items(items))
        if self.output is not None:
            scores = self.output((u[:, None] + v).relu())[..., 0]
        elif v.ndim == 2:
            scores = u @ v.T
        else:
            scores = (v @ u[..., None])[..., 0]
        return scores + self.bias[items]


@dataclass(eq=False)
class TwoTowerLSTM(SequentialRecommender):
    """Ranks by u · v: an LSTM's view u of a history beside a projection v of each item (two towers).

    Trained to tell, after every step of every history, the item that came next from those not met so
    far: cross-entropy over the whole catalogue, or over `n_negatives` uniformly drawn items, the same for
    all histories of a batch. With all items nothing is left to chance; that suits catalogues of some
    thousands. The MLP head, which cannot share work between pairs, wants negatives.

    Args:
        width: of embeddings, states and towers.
        head: "dot", or "mlp": w · relu(u + v), slower and not better where tastes are a matter of likeness.
        n_negatives: items each batch is trained against; None means all.
        dropout: share of the embeddings' and states' numbers dropped in training.
        batch_size: histories in a batch.

    Raises:
        ValueError: when a size is below 1, `head` is unknown or `dropout` is no share.
    """

    width: int = 64
    head: str = "dot"
    n_negatives: int | None = None
    dropout: float = 0.4
    epochs: int = field(default=15, kw_only=True)
    learning_rate: float = field(default=0.01, kw_only=True)
    decay: float = field(default=1.0, kw_only=True)
    batch_size: int = field(default=32, kw_only=True)

    def _network(self) -> TwoTowerNetwork:
        check_at_least(self, 1, width=self.width, n_negatives=self.n_negatives or 1)
        check_choice(self, HEADS, head=self.head)
        return TwoTowerNetwork(self.n_items, self.width, self.head, self.n_negatives, self.dropout)

    def _batches(self, data: Interactions, device: torch.device) -> NextItemBatches:
        return NextItemBatches(data, self.max_length, self.batch_size, self.rng, device)
