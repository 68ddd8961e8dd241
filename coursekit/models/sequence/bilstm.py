"""A BiLSTM over the history, pooled by attention, that ranks what may come next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.interactions import Interactions
from coursekit.models.options import check_at_least, check_choice
from coursekit.models.sequence.layers import ATTENTIONS, BiLSTM, StepDropout
from coursekit.models.sequence.prefixes import PrefixBatch, PrefixBatches
from coursekit.models.sequences import PADDING, lengths_of
from coursekit.models.sequential import SequentialRecommender
from coursekit.runtime import cpu_threads


class BiLSTMAttentionNetwork(nn.Module):
    """Scores what may come next by s_i = (W [c ; h] + a) · q_i + b_i.

    h_1 … h_T are the states of a BiLSTM over the embeddings of what was met; h = [ahead_T ; back_1] is what
    either direction knows at its end. c = Σ_t α_t h_t pools the states by attention with the query h.

    Args:
        n_items: size of the catalogue.
        width: of embeddings and states; even.
        scoring: how attention scores, "additive" or "dot".
        dropout: share dropped in training of the embeddings read and of [c ; h].
    """

    def __init__(self, n_items: int, width: int, scoring: str, dropout: float = 0.0) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_items + 1, width, padding_idx=PADDING)
        self.bilstm = BiLSTM(width, width)
        self.attention = ATTENTIONS[scoring](width, width)
        self.output = nn.Linear(2 * width, width)
        self.items = nn.Embedding(n_items, width)
        self.bias = nn.Parameter(torch.zeros(n_items))
        self.step_dropout, self.dropout = StepDropout(dropout), nn.Dropout(dropout)
        nn.init.normal_(self.embedding.weight, std=0.5)
        nn.init.normal_(self.items.weight, std=0.1)

    def forward(self, histories: Tensor, items: Tensor) -> Tensor:
        """Scores.

        Args:
            histories: (B, T) tokens.
            items: (B, C) item rows, each history's own, or (C,) the same for all.

        Returns:
            (B, C).
        """
        wanted, _ = self.read(histories)
        q = self.items(items)
        scores = wanted @ q.T if items.ndim == 1 else (q @ wanted[..., None])[..., 0]
        return scores + self.bias[items]

    def read(self, histories: Tensor) -> tuple[Tensor, Tensor]:
        """What each of B histories asks for (B, width), and its attention weights (B, T)."""
        lengths = lengths_of(histories)
        states = self.bilstm(self.step_dropout(self.embedding(histories)), lengths)
        last = self.bilstm.last(states, lengths)
        context, weights = self.attention(last, states, histories != PADDING)
        return self.output(self.dropout(torch.cat([context, last], dim=-1))), weights

    def loss(self, batch: PrefixBatch) -> Tensor:
        """Cross-entropy of the next item beside all items not in the history, the mean over B: ()."""
        wanted, _ = self.read(batch.histories)
        logits = wanted @ self.items.weight.T + self.bias
        # What a user has met is no alternative: `recommend` does not offer it again either. Without this the
        # user's vector would have to be unlike all that they liked.
        met = torch.zeros(len(logits), logits.shape[1] + 1, dtype=torch.bool, device=logits.device)
        met = met.scatter_(1, batch.histories, True)[:, 1:].scatter_(1, batch.targets[:, None], False)
        return F.cross_entropy(logits.masked_fill(met, -torch.inf), batch.targets)


@dataclass(eq=False)
class BiLSTMAttention(SequentialRecommender):
    """A bidirectional LSTM reads the history, attention says what of it counts (Bahdanau et al., 2015).

    Each event is an example of its own, its history in front of it: reading back, the network would see the
    answer if all steps of a history were examples at once. So an epoch costs more than a causal network's.
    Trained by cross-entropy over what the history does not hold; the score of what it holds means nothing,
    and `recommend` leaves it out.

    Args:
        width: of embeddings and states; even, half for either direction.
        scoring: how attention scores, "additive" (Bahdanau et al., 2015) or "dot" (Luong et al., 2015).
        dropout: share dropped in training of the embeddings read and of what attention gives.
        batch_size: examples in a batch.

    Raises:
        ValueError: when `width` is odd or below 2, or `scoring` is unknown.
    """

    width: int = 64
    scoring: str = "additive"
    dropout: float = 0.4
    epochs: int = field(default=4, kw_only=True)
    learning_rate: float = field(default=0.005, kw_only=True)
    decay: float = field(default=1.0, kw_only=True)
    batch_size: int = field(default=128, kw_only=True)

    def attention(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """How much each event of each history counts.

        Args:
            histories: B lists of item rows, oldest first; the `max_length` most recent events are read.

        Returns:
            (B, T) float32, T the longest that is read: 0 beside padding, each row summing to 1.

        Raises:
            IndexError: when a row is outside the catalogue; the message quotes it.
            ValueError: when a history is empty.
            RuntimeError: before `fit`.
        """
        tokens = torch.as_tensor(self._tokens(histories), device=next(self.network_.parameters()).device)
        with torch.inference_mode(), cpu_threads(1):
            return self.network_.read(tokens)[1].cpu().numpy()

    def _network(self) -> BiLSTMAttentionNetwork:
        check_at_least(self, 2, width=self.width)
        check_choice(self, tuple(ATTENTIONS), scoring=self.scoring)
        return BiLSTMAttentionNetwork(self.n_items, self.width, self.scoring, self.dropout)

    def _batches(self, data: Interactions, device: torch.device) -> PrefixBatches:
        return PrefixBatches(data, self.max_length, self.batch_size, self.rng, device)
