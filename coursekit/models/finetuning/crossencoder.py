"""History and item in one text: a cross-encoder, dear and attentive, for ranking a few candidates again."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from coursekit.interactions import Interactions
from coursekit.metrics import top_k
from coursekit.models.base import Recommendations, Recommender
from coursekit.models.bert import BertEncoder
from coursekit.models.finetuning.batches import CandidateBatch, CandidateBatches
from coursekit.models.finetuning.recommender import FineTunedRecommender
from coursekit.models.finetuning.texts import compact, joined, paired, pooled
from coursekit.models.options import check_at_least, check_choice
from coursekit.models.sequences import trimmed

LOSSES = ("softmax", "bce")
# Pairs of a history and an item put together at once; they are then encoded in groups of `TOKENS_AT_ONCE`.
PAIRS_AT_ONCE = 2048


class CrossEncoderNetwork(nn.Module):
    """One number for each pair of a history and an item.

    Args:
        encoder: of texts.
        ids: (n_items, L) token ids of the items' texts.
        titles: (n_items, L') token ids of the titles a history is joined from.
        loss: "softmax" or "bce".
    """

    def __init__(self, encoder: BertEncoder, ids: Tensor, titles: Tensor, loss: str = "softmax") -> None:
        super().__init__()
        self.encoder, self.kind = encoder, loss
        self.head = nn.Linear(encoder.config.width, 1)
        self.register_buffer("ids", ids, persistent=False)
        self.register_buffer("titles", titles, persistent=False)
        self.progress = False

    def forward(self, histories: Tensor, items: Tensor) -> Tensor:
        """(B, T) tokens and (C,) or (B, C) item rows: scores (B, C)."""
        items = items.expand(len(histories), -1)
        histories = trimmed(histories)
        step = max(1, PAIRS_AT_ONCE // max(1, items.shape[1]))
        starts = range(0, len(histories), step)
        bar = tqdm(starts, unit="block", leave=False, disable=not self.progress or len(starts) < 2)
        parts = [self.pairs(histories[at : at + step], items[at : at + step], self.ids) for at in bar]
        return torch.cat(parts) if parts else histories.new_zeros(items.shape, dtype=torch.float32)

    def loss(self, batch: CandidateBatch) -> Tensor:
        """What followed against what did not: a () tensor.

        softmax: -ln(exp s_0 / Σ_c exp s_c); bce: binary cross-entropy of σ(s), the mean over all pairs.
        """
        scores = self.pairs(batch.histories, batch.items, self.ids if batch.ids is None else batch.ids)
        truth = torch.zeros_like(scores)
        truth[:, 0] = 1
        if self.kind == "bce":
            return F.binary_cross_entropy_with_logits(scores, truth)
        return F.cross_entropy(scores, truth)

    def pairs(self, histories: Tensor, items: Tensor, ids: Tensor) -> Tensor:
        """(B, T) tokens and (B, C) item rows: scores (B, C)."""
        B, C = items.shape
        longest = self.encoder.config.max_length
        # Room for the longest item there is, so that a score does not depend on what is scored beside it.
        room = longest - min(ids.shape[1], longest // 2) + 1
        others = compact(ids[items.reshape(-1)])[:, : longest // 2]
        texts = joined(histories, self.titles, room)
        both, segments = paired(texts.repeat_interleave(C, dim=0), others)
        return self.head(pooled(self.encoder, both, segments)).view(B, C)


@dataclass(eq=False)
class BertCrossEncoder(FineTunedRecommender):
    """A cross-encoder (Nogueira and Cho, 2019, "Passage re-ranking with BERT"): one text of both.

    BERT reads `[CLS] title [SEP] title [SEP] … [SEP] item [SEP]`, the most recent event first, the item as
    the second segment, and a linear layer gives the mean of the hidden states a score. Every word of the
    history may look at every word of the item, which a bi-encoder's two vectors cannot; the price is one run
    of BERT for each pair. So its place is behind a cheaper model: `rerank`.

    Trained on one event of every learner each epoch against `n_negatives` items the learner never met.

    Options of fine-tuning stand at `Tuning`, of the texts at `FineTunedRecommender`.

    Args:
        loss: "softmax" over the event and its negatives, or "bce", binary cross-entropy of each.
        n_negatives: for each event.
        max_length: events of the history that are read.
        batch_size: learners in a batch.
    """

    loss: str = field(default="softmax", kw_only=True)
    n_negatives: int = field(default=4, kw_only=True)
    max_length: int = field(default=8, kw_only=True)
    batch_size: int = field(default=64, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, LOSSES, loss=self.loss)
        check_at_least(self, 1, n_negatives=self.n_negatives)

    def rerank(
        self, first: Recommender, users: ArrayLike, k: int = 10, n: int = 50, **options: object
    ) -> Recommendations:
        """The `n` best items of a first model, put in a new order, and the `k` best of them.

        Args:
            first: a fitted model over the same items.
            users: (U,) user rows.
            k: length of the lists.
            n: how many candidates the first model gives; U · n pairs are scored.
            **options: for the first model's `recommend`: `exclude_seen`, `candidates`.

        Raises:
            ValueError: when the first model knows another number of items, or n < k.
        """
        if first.n_items != self.n_items:
            raise ValueError(f"the first model knows {first.n_items} items, this one {self.n_items}")
        if n < k:
            raise ValueError(f"n={n} candidates are too few for lists of k={k}")
        chosen = first.recommend(users, k=n, **options).items
        scores = self.score(users, chosen)
        order = top_k(scores, k)
        items = np.where(order >= 0, np.take_along_axis(chosen, order, axis=1), -1)
        best = np.where(items >= 0, np.take_along_axis(scores, order, axis=1), np.float32(-np.inf))
        return Recommendations(items, best)

    def _around(self, encoder: BertEncoder) -> CrossEncoderNetwork:
        network = CrossEncoderNetwork(encoder, self._as_ids(self.ids_), self._as_ids(self.titles_), self.loss)
        network.progress = self.progress
        return network

    def _batches(self, data: Interactions, device: torch.device) -> CandidateBatches:
        return CandidateBatches(
            data, self.max_length, self.n_negatives, self.batch_size, self.rng, device, self._rewritten
        )
