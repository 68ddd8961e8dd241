"""What SASRec and BERT4Rec share as recommenders: options, attention maps, similar items."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from coursekit.models.attention.encoder import HistoryEncoder
from coursekit.models.attention.losses import LOSSES
from coursekit.models.attention.network import AttentionNetwork
from coursekit.models.options import check_at_least, check_choice
from coursekit.models.sequential import SequentialRecommender
from coursekit.runtime import cpu_threads


@dataclass(eq=False)
class AttentionRecommender(SequentialRecommender):
    """A sequential recommender made of blocks of attention, with an `AttentionNetwork`.

    Args:
        width: d, of all vectors.
        heads: heads of each block; they divide the width.
        blocks: blocks of attention.
        dropout: share of the vectors' numbers dropped in training.
        loss: "softmax" over the item that came and all that the history does not hold, "sampled" for a
            sample of these, or "bce" for one item that the user never met.
        n_negatives: items drawn a batch for "sampled".
    """

    width: int = 64
    heads: int = 2
    blocks: int = 2
    dropout: float = field(default=0.2, kw_only=True)
    loss: str = field(default="softmax", kw_only=True)
    n_negatives: int = field(default=256, kw_only=True)
    batch_size: int = field(default=64, kw_only=True)

    def __post_init__(self) -> None:
        sizes = {name: getattr(self, name) for name in ("width", "heads", "blocks", "n_negatives")}
        check_at_least(self, 1, **sizes)
        check_choice(self, LOSSES, loss=self.loss)
        if not 0 <= self.dropout < 1:
            raise ValueError(
                f"{type(self).__name__}(dropout={self.dropout}): it must lie in 0 … 1, 1 left out"
            )

    def attention(self, histories: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Which steps the network looks at, for a picture.

        Args:
            histories: B lists of item rows, oldest first; the `max_length` most recent count.

        Returns:
            (B, blocks, heads, T, T) float32: entry [b, l, h, q, k] is the weight that step q gives to step k
            in head h of block l; a row of a real step sums to 1. T is the longest history; `BERT4Rec` has one
            step more, the mask that the next item is read from.

        Raises:
            ValueError, IndexError: for a history that is empty or holds an item outside the catalogue.
            RuntimeError: before `fit`.
        """
        tokens = torch.as_tensor(self._tokens(histories), device=next(self.network_.parameters()).device)
        with torch.inference_mode(), cpu_threads(1):
            return self.network_.weights(tokens).float().cpu().numpy()

    def _encoder(
        self,
        n_tokens: int,
        n_steps: int,
        hidden: int,
        activation: str,
        *,
        causal: bool,
        unseen: int | None = None,
    ) -> HistoryEncoder:
        sizes = n_tokens, self.width, self.heads, self.blocks, n_steps
        kind = {"hidden": hidden, "activation": activation, "causal": causal, "unseen": unseen}
        return HistoryEncoder(*sizes, dropout=self.dropout, **kind)

    def _around(self, encoder: HistoryEncoder, network: Callable[..., AttentionNetwork]) -> AttentionNetwork:
        popularity = torch.as_tensor(self.popularity_)
        return network(encoder, popularity, loss=self.loss, n_negatives=self.n_negatives)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosines of the item embeddings: (U, n_items)."""
        table = F.normalize(self.network_.table().detach().float().cpu(), dim=1).numpy()
        return np.where(self.popularity_ > 0, table[items] @ table.T, np.float32(-np.inf))
