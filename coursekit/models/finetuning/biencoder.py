"""Two texts, two vectors, one product: a bi-encoder that retrieves items for a history."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.interactions import Interactions
from coursekit.models.bert import BertEncoder
from coursekit.models.finetuning.batches import CandidateBatch, CandidateBatches, ReadingBatch, ReadingBatches
from coursekit.models.finetuning.recommender import FineTunedRecommender
from coursekit.models.finetuning.texts import joined, pooled
from coursekit.models.options import check_at_least, check_choice
from coursekit.models.sequences import PADDING, NextItemBatches, last_state, lengths_of

HISTORIES = ("mean", "text")


class BiEncoderNetwork(nn.Module):
    """Vectors of length 1 for histories and items; the score is their cosine divided by the temperature.

    Args:
        encoder: of texts.
        ids: (n_items, L) token ids of the items' texts.
        titles: (n_items, L') token ids of what a history's text is joined from; None: a history is the mean
            of its items' vectors.
        temperature: τ.
        recency: what an event counts in that mean, compared with the one after it.
        prior: (n_items,) added to the scores, but not in training; None adds nothing.
    """

    def __init__(
        self,
        encoder: BertEncoder,
        ids: Tensor,
        titles: Tensor | None = None,
        temperature: float = 0.2,
        recency: float = 1.0,
        prior: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.encoder, self.temperature, self.recency = encoder, temperature, recency
        mean = _mean_vector(encoder, ids)
        self.item, self.user = _centring(mean), _centring(mean)
        self.register_buffer("ids", ids, persistent=False)
        self.register_buffer("titles", titles, persistent=False)
        self.register_buffer("prior", prior, persistent=False)
        self.frozen = not any(parameter.requires_grad for parameter in encoder.parameters())
        self._catalogue = self._read = None

    def train(self, mode: bool = True) -> BiEncoderNetwork:
        """As for every module; vectors made by other weights are forgotten, and a frozen encoder is calm."""
        super().train(mode)
        self._catalogue = None
        if self.frozen:
            self.encoder.eval()
        return self

    def forward(self, histories: Tensor, items: Tensor) -> Tensor:
        """(B, T) tokens and (C,) or (B, C) item rows: scores (B, C)."""
        read = self.catalogue()
        if self.titles is None:
            users = last_state(self._means(read, histories), lengths_of(histories))
        else:
            users = self._read_histories(histories)
        users, items_ = self._user(users), self._item(read)[items]
        products = users @ items_.T if items.ndim == 1 else torch.einsum("bd,bcd->bc", users, items_)
        return products / self.temperature + (0.0 if self.prior is None else self.prior[items])

    def vectors(self) -> Tensor:
        """(n_items, d) items' vectors of length 1."""
        return self._item(self.catalogue())

    def loss(self, batch: ReadingBatch | CandidateBatch) -> Tensor:
        """In-batch negatives: what followed other histories of the batch, see `in_batch_loss`; a () tensor.

        With mean histories every step of every learner is an example, with joined texts one step of each.
        """
        if isinstance(batch, ReadingBatch):
            users, read, wanted = self._of_steps(batch)
        else:
            different, wanted = torch.unique(batch.items[:, 0], return_inverse=True)
            users, read = self._read_histories(batch.histories), self._read_items(different, batch.ids)
        logits = self._user(users) @ self._item(read).T / self.temperature
        return in_batch_loss(logits, wanted)

    def _of_steps(self, batch: ReadingBatch) -> tuple[Tensor, Tensor, Tensor]:
        """All N steps' histories (N, d), the batch's different items (n, d), which of them followed (N,)."""
        tokens = torch.cat([batch.inputs, batch.targets], dim=1)
        different, places = torch.unique(tokens, return_inverse=True)
        read = self._read_items((different - 1).clamp(min=0), batch.ids)
        T, real = batch.inputs.shape[1], batch.targets != PADDING
        users = self._means_of(read[places[:, :T]], real)
        return users[real], read, places[:, T:][real]

    def catalogue(self) -> Tensor:
        """(n_items, d) what the encoder makes of all items; once for the same weights."""
        if self._catalogue is None:
            self._catalogue = self._all_items() if self.frozen else pooled(self.encoder, self.ids)
        return self._catalogue

    def _read_items(self, rows: Tensor, ids: Tensor | None) -> Tensor:
        """(n, d) of item rows."""
        if self.frozen and ids is None:
            return self._all_items()[rows]
        return pooled(self.encoder, (self.ids if ids is None else ids)[rows])

    @torch.no_grad()
    def _all_items(self) -> Tensor:
        """What a frozen encoder makes of all items: the same at all times."""
        if self._read is None:
            self._read = pooled(self.encoder, self.ids)
        return self._read

    def _read_histories(self, histories: Tensor) -> Tensor:
        return pooled(self.encoder, joined(histories, self.titles, self.encoder.config.max_length))

    def _means(self, read: Tensor, histories: Tensor) -> Tensor:
        return self._means_of(read[(histories - 1).clamp(min=0)], histories != PADDING)

    def _means_of(self, read: Tensor, real: Tensor) -> Tensor:
        """(B, T, d) vectors of events to the weighted means of the first 1, 2, … T of them: (B, T, d)."""
        age = torch.arange(read.shape[1], device=read.device)
        age = age[:, None] - age  # row: now, column: then
        weights = torch.where(age >= 0, self.recency ** age.clamp(min=0).to(read.dtype), 0.0)
        weights = weights * real[:, None]
        return weights / weights.sum(dim=2, keepdim=True) @ read

    def _item(self, read: Tensor) -> Tensor:
        return F.normalize(self.item(read), dim=-1)

    def _user(self, read: Tensor) -> Tensor:
        return F.normalize(self.user(read), dim=-1)


def in_batch_loss(logits: Tensor, wanted: Tensor) -> Tensor:
    """Each history's own item against those of the other histories: a () tensor, the mean over N histories.

    L_b = -ln( exp s(b, i_b) / (exp s(b, i_b) + Σ_{c: i_c ≠ i_b} exp s(b, i_c)) )
    A history c with the same item as b is passed over: its item is no negative for b (an accidental hit).
    An item that followed n other histories of the batch stands n times in the sum; here it is computed once
    and weighted by n. So what is popular is pushed down n times as often, and what is learned is the taste
    beyond popularity, ln p(i | u) - ln p(i) (Yi et al., 2019, "Sampling-bias-corrected neural modeling for
    large corpus item recommendations", RecSys).

    Args:
        logits: (N, n) of every history with every different item of the batch.
        wanted: (N,) column of the item that followed.
    """
    times = torch.bincount(wanted, minlength=logits.shape[1]).to(logits.dtype)
    own = wanted[:, None]
    right = logits.gather(1, own)
    weighted = (logits + times.log()).scatter(1, own, right)  # ln 0: what followed nobody is no negative
    return (weighted.logsumexp(dim=1) - right[:, 0]).mean()


@dataclass(eq=False)
class BertBiEncoder(FineTunedRecommender):
    """A bi-encoder (Reimers and Gurevych, 2019, "Sentence-BERT", EMNLP; for recommendation Yi et al., 2019).

    BERT reads each item's text once, x_i = mean of its hidden states. A history is the mean of its items,
    h = Σ_s w_s x_{i_s} / Σ w_s (w falls by the factor `recency` from each event to the one before it; at 1
    all count alike). Two linear layers turn the two kinds into
    u = A h + a,  v_i = B x_i + b,   score = cos(u, v_i) / τ + ln(1 + n_i).
    They start as x - x̄, x̄ being the mean over all items: without it all texts look alike to an encoder that
    nobody has taught otherwise, and all histories too (see `ContentBased`, which does the same). They are
    trained without the last term by `in_batch_loss`, which learns the taste beyond popularity; n_i, how many
    users met the item, then puts popularity back. What nobody has met is scored by its text like anything
    else, and scoring the catalogue costs one product of matrices.

    Options of fine-tuning stand at `Tuning`, of the texts at `FineTunedRecommender`.

    Args:
        history: "mean" as above: a batch costs as many texts as there are different items in it. "text"
            joins the titles to one text, most recent first, and the same encoder reads it, which costs one
            long text for each learner.
        temperature: τ.
        recency: above 0 and at most 1, for `history="mean"`.
        popularity: whether ln(1 + n_i) is added. Among items that nobody met it changes nothing.
        batch_size: learners in a batch.
    """

    history: str = field(default="mean", kw_only=True)
    temperature: float = field(default=0.2, kw_only=True)
    recency: float = field(default=1.0, kw_only=True)
    popularity: bool = field(default=True, kw_only=True)
    batch_size: int = field(default=128, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, HISTORIES, history=self.history)
        check_at_least(self, 1e-6, temperature=self.temperature, recency=self.recency)
        if self.recency > 1:
            raise ValueError(f"BertBiEncoder(recency={self.recency}): it must be at most 1")

    def item_vectors(self) -> NDArray[np.float32]:
        """(n_items, d) vectors of all items, of length 1."""
        self._check_fitted()
        with torch.inference_mode():
            return self.network_.vectors().cpu().numpy()

    def _around(self, encoder: BertEncoder) -> BiEncoderNetwork:
        titles = self._as_ids(self.titles_) if self.history == "text" else None
        ids = self._as_ids(self.ids_)
        prior = torch.as_tensor(self.popularity_).log1p() if self.popularity else None
        return BiEncoderNetwork(encoder, ids, titles, self.temperature, self.recency, prior)

    def _batches(self, data: Interactions, device: torch.device) -> ReadingBatches | CandidateBatches:
        if self.history == "text":
            return CandidateBatches(
                data, self.max_length, 0, self.batch_size, self.rng, device, self._rewritten
            )
        steps = NextItemBatches(data, self.max_length, self.batch_size, self.rng, device)
        return ReadingBatches(steps, self._rewritten)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        """Cosines of the items' vectors."""
        vectors = self.item_vectors()
        return vectors[items] @ vectors.T


@torch.no_grad()
def _mean_vector(encoder: BertEncoder, ids: Tensor) -> Tensor:
    """(d,) what the encoder makes of all items, on average."""
    return pooled(encoder.eval(), ids).mean(dim=0)


def _centring(mean: Tensor) -> nn.Linear:
    """A layer that starts as x - mean."""
    layer = nn.Linear(len(mean), len(mean))
    with torch.no_grad():
        layer.weight.copy_(torch.eye(len(mean)))
        layer.bias.copy_(-mean)
    return layer
