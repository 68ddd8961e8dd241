"""BERT4Rec: items hidden anywhere in a history, read from both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor
from torch.nn import functional as F

from coursekit.interactions import Interactions
from coursekit.models.attention.network import AttentionNetwork
from coursekit.models.attention.recommender import AttentionRecommender
from coursekit.models.sequences import PADDING, SequenceBuckets, lengths_of, user_sequences


class BERT4RecNetwork(AttentionNetwork):
    """Steps are hidden behind a mask, which asks for them; its encoder sees both sides.

    Args:
        mask: the token that hides an item.
        mask_rate: share of the steps hidden in training.
        last_only: share of the histories in which only the last step is hidden, as it is when scoring.
        *others, **options: of `AttentionNetwork`.
    """

    def __init__(
        self, *others: object, mask: int, mask_rate: float, last_only: float, **options: object
    ) -> None:
        super().__init__(*others, **options)
        self.mask, self.mask_rate, self.last_only = mask, mask_rate, last_only

    def asking(self, histories: Tensor) -> Tensor:
        """(B, T + 1): the histories with a mask after the last event."""
        longer = F.pad(histories, (0, 1), value=PADDING)
        return longer.scatter(1, lengths_of(histories)[:, None], self.mask)

    def loss(self, sequences: Tensor) -> Tensor:
        """The mean over all hidden steps of sequences (B, T): ()."""
        hidden = self.hide(sequences)
        shown = sequences.masked_fill(hidden, self.mask)
        states, items = self.encoder(shown)[0][hidden], sequences[hidden] - 1
        users = hidden.nonzero()[:, 0]
        last = torch.full_like(users, sequences.shape[1] - 1)  # a mask sees all steps
        return self.ranking_loss(states, items, users, last, shown, sequences)

    def hide(self, sequences: Tensor) -> Tensor:
        """(B, T) bool: the steps to hide.

        Each with `mask_rate`; the last alone in the share `last_only`, and where chance hid none or all.
        """
        shape, device = sequences.shape, sequences.device
        lengths = lengths_of(sequences)
        last = torch.arange(shape[1], device=device) == lengths[:, None] - 1
        hidden = (sequences != PADDING) & (torch.rand(shape, device=device) < self.mask_rate)
        n_hidden = hidden.sum(dim=1)
        alone = (
            (torch.rand(shape[0], device=device) < self.last_only) | (n_hidden == 0) | (n_hidden == lengths)
        )
        return torch.where(alone[:, None], last, hidden)


@dataclass(eq=False)
class BERT4Rec(AttentionRecommender):
    """BERT for sequences of items (Sun et al., 2019).

    Steps of a history are hidden at random and told from what stands on both sides of them: a cloze. To
    recommend, a mask is set after the last event. In a share of the training histories only the last step is
    hidden, as it then is. Scores are ŷ_i = h · e_i + b_i, h being the vector of a mask.

    The block is that of `SASRec` (norm first, which trains more steadily), with the paper's GELU and four
    times the width between its linear layers. Two things differ from the paper, and campus is learned far
    faster for it: nothing looks at masks, which have nothing to tell and drown what has; and the layer
    between the last block and the scores is left out.

    Args:
        width, heads, blocks, dropout, loss, n_negatives: see `AttentionRecommender`; the paper has 64, 2, 2.
        mask_rate: share of the steps hidden, ρ; the paper has 0.6 for sparse data, 0.2 for long histories.
        last_only: share of the histories in which only the last step is hidden.
        max_length, epochs, learning_rate, rng, …: see `SequentialRecommender` and `NeuralRecommender`;
            `batch_size` counts histories.

    Raises:
        ValueError: for an option outside its range.
    """

    mask_rate: float = field(default=0.4, kw_only=True)
    last_only: float = field(default=0.2, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("mask_rate", "last_only"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"BERT4Rec({name}={getattr(self, name)}): it must lie between 0 and 1")

    def _network(self) -> BERT4RecNetwork:
        mask = self.n_items + 1
        # One step more than the history: the mask stands after it.
        encoder = self._encoder(mask, self.max_length + 1, 4 * self.width, "gelu", causal=False, unseen=mask)
        hiding = {"mask": mask, "mask_rate": self.mask_rate, "last_only": self.last_only}
        return self._around(encoder, partial(BERT4RecNetwork, **hiding))

    def _batches(self, data: Interactions, device: torch.device) -> SequenceBuckets:
        sequences = user_sequences(data, self.max_length + 1)
        return SequenceBuckets(sequences, self.batch_size, self.rng, device)
