"""Texts that belong together get vectors that point the same way: a second task beside hidden words."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

from coursekit.models.bert.masking import MaskedBatch, MaskedWords
from coursekit.models.bert.model import Encoded, mean_pooled


class AlignedPairs(nn.Module):
    """Hidden words, and for pairs of texts: which second text belongs to which first one?

    With u_i and v_i the mean hidden states of the two texts of pair i, each encoded alone and brought to
    length 1, and τ the temperature, the loss of a batch of n pairs is

        - 1/2n Σ_i ln( e^(u_i·v_i/τ) / Σ_j e^(u_i·v_j/τ) ) + ln( e^(u_i·v_i/τ) / Σ_j e^(u_j·v_i/τ) )

    (van den Oord et al., 2018, "InfoNCE"; for pairs of texts Wang et al., 2022, "E5"). The other pairs of the
    batch are the negatives. Hidden words stay hidden here too, so that two texts are not matched by one word.

    Args:
        network: encoder and output layer to train, as for hidden words alone.
        weight: of this loss beside that of the hidden words.
        temperature: τ.
    """

    def __init__(self, network: MaskedWords, weight: float = 1.0, temperature: float = 0.05) -> None:
        super().__init__()
        self.network, self.weight, self.temperature = network, weight, temperature

    def loss(self, batch: MaskedBatch) -> Tensor:
        """Sum of both losses; a batch of fewer than two pairs has only the first."""
        loss = self.network.loss(batch)
        first, second = split_pairs(batch)
        if len(first.ids) < 2:
            return loss
        u, v = (self._vectors(part) for part in (first, second))
        return loss + self.weight * matching_loss(u, v, self.temperature)

    def _vectors(self, part: Encoded) -> Tensor:
        return normalize(mean_pooled(self.network.encoder(*part), part.keep), dim=1)


def matching_loss(u: Tensor, v: Tensor, temperature: float) -> Tensor:
    """The loss above, of (n, d) and (n, d) vectors of length 1; ln n where all pairs look alike."""
    scores = u @ v.T / temperature
    own = torch.arange(len(u), device=u.device)
    return (cross_entropy(scores, own) + cross_entropy(scores.T, own)) / 2


def split_pairs(batch: MaskedBatch) -> tuple[Encoded, Encoded]:
    """The pairs of a batch as two batches of texts, each with [CLS] and [SEP]; single texts are left out.

    `[CLS] a [SEP] b [SEP]` becomes `[CLS] a [SEP]` and `[CLS] b [SEP]`.
    """
    is_pair = (batch.segments == 1).any(dim=1)
    ids, keep, segments = (part[is_pair] for part in (batch.ids, batch.keep, batch.segments))
    lengths = [(keep & (segments == number)).sum(dim=1) for number in (0, 1)]
    first = _cut(ids, lengths[0])
    # One step to the left of the second text there is room for its [CLS].
    places = lengths[0][:, None] - 1 + torch.arange(ids.shape[1], device=ids.device)
    second = ids.gather(1, places.clamp(max=ids.shape[1] - 1))
    second[:, :1] = ids[:, :1]
    return first, _cut(second, lengths[1] + 1)


def _cut(ids: Tensor, lengths: Tensor) -> Encoded:
    longest = int(lengths.max()) if len(lengths) else 0
    keep = torch.arange(longest, device=ids.device) < lengths[:, None]
    ids = torch.where(keep, ids[:, :longest], 0)
    return Encoded(ids, keep, torch.zeros_like(ids))
