"""Hidden words, and the network that guesses them: BERT's pretraining task (Devlin et al., 2019, 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.bert.config import ACTIVATIONS, BertConfig
from coursekit.models.bert.encoder import BertEncoder, draw_weights

NOT_ASKED = -100  # the target where nothing is to be guessed; cross-entropy passes over it


class MaskedBatch(NamedTuple):
    """B texts with hidden words.

    Attributes:
        ids: (B, T) int64 tokens, some replaced.
        keep: (B, T) bool, True where a real token stands.
        segments: (B, T) int64, 0 or 1.
        targets: (B, T) int64, the true token where it is to be guessed, -100 elsewhere.
    """

    ids: Tensor
    keep: Tensor
    segments: Tensor
    targets: Tensor


def mask_words(
    ids: Tensor,
    vocabulary: int,
    *,
    mask: int = 4,
    special: Sequence[int] = (0, 1, 2, 3, 4),
    share: float = 0.15,
    masked: float = 0.8,
    replaced: float = 0.1,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Choose tokens at random and hide them.

    Each token that is not special is chosen with probability `share`. Of those chosen 80 % become [MASK],
    10 % a random token that is not special, and 10 % stay: later, in use, there is no [MASK], so the network
    must not learn that only there something is asked.

    Args:
        ids: (..., T) int64 tokens; they stay as they are.
        vocabulary: number of tokens, V.
        mask: id of [MASK].
        special: ids never chosen and never drawn; by default the first five of a vocabulary of ours.
        share: probability to be chosen, between 0 and 1.
        masked, replaced: of the chosen, the shares that become [MASK] and a random token; the rest stay.
        generator: on the device of `ids`; None draws from torch's global one.

    Returns:
        (..., T) tokens to show, and (..., T) targets: the true token where one was chosen, -100 elsewhere.

    Raises:
        ValueError: when a share lies outside 0 … 1.
    """
    for name, value in {"share": share, "masked": masked, "masked + replaced": masked + replaced}.items():
        if not 0 <= value <= 1 or replaced < 0:
            raise ValueError(f"{name}={value} must lie between 0 and 1, and replaced not below 0")
    device = ids.device
    is_special = torch.zeros(vocabulary, dtype=torch.bool, device=device)
    is_special[list(special)] = True
    ordinary = (~is_special).nonzero()[:, 0]
    chosen = (torch.rand(ids.shape, generator=generator, device=device) < share) & ~is_special[ids]
    fate = torch.rand(ids.shape, generator=generator, device=device)
    drawn = ordinary[torch.randint(len(ordinary), ids.shape, generator=generator, device=device)]
    shown = torch.where(chosen & (fate < masked), mask, ids)
    shown = torch.where(chosen & (fate >= masked) & (fate < masked + replaced), drawn, shown)
    return shown, torch.where(chosen, ids, NOT_ASKED)


class MaskedWordsHead(nn.Module):
    """Scores of every word of the vocabulary: E LayerNorm(gelu(W h + b)) + c, E being the word embeddings."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.width, config.width)
        self.norm = nn.LayerNorm(config.width, config.eps)
        self.bias = nn.Parameter(torch.zeros(config.vocabulary))
        self.activation = ACTIVATIONS[config.activation]
        self.apply(lambda module: draw_weights(module, config.spread))

    def forward(self, hidden: Tensor, words: Tensor) -> Tensor:
        """(..., d) and the embeddings (V, d) -> (..., V) logits."""
        return F.linear(self.norm(self.activation(self.dense(hidden))), words, self.bias)


class MaskedWords(nn.Module):
    """Encoder and output layer. The output layer uses the encoder's own word embeddings ("tied").

    Args:
        encoder: the encoder to train.
        head: the output layer to train; None makes a new one.
    """

    def __init__(self, encoder: BertEncoder, head: MaskedWordsHead | None = None) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = MaskedWordsHead(encoder.config) if head is None else head

    def forward(self, ids: Tensor, keep: Tensor | None = None, segments: Tensor | None = None) -> Tensor:
        """(B, T, V) logits at every position."""
        return self.head(self.encoder(ids, keep, segments), self.encoder.words.weight)

    def loss(self, batch: MaskedBatch) -> Tensor:
        """Cross-entropy of the hidden words, mean over them; 0 where none is hidden."""
        logits, targets = self.guesses(batch)
        return F.cross_entropy(logits, targets, reduction="sum") / max(1, len(targets))

    def guesses(self, batch: MaskedBatch) -> tuple[Tensor, Tensor]:
        """(n, V) logits and (n,) true tokens: the output layer is computed at the n hidden places only."""
        hidden = self.encoder(batch.ids, batch.keep, batch.segments)
        asked = batch.targets != NOT_ASKED
        return self.head(hidden[asked], self.encoder.words.weight), batch.targets[asked]
