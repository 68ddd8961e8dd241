"""Texts in batches with hidden words, other ones in every epoch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch
from torch.nn.functional import pad

from coursekit.models.bert.masking import NOT_ASKED, MaskedBatch, mask_words
from coursekit.models.bert.model import Bert, Encoded
from coursekit.models.sequences import LengthBuckets

Text = str | tuple[str, str]


class MaskedBatches:
    """Texts in batches of similar length, with other words hidden in every epoch.

    Args:
        bert: splits the texts; the batches lie on its device.
        texts: strings, or pairs of strings; what is longer than the BERT has positions is cut.
        batch_size: texts in a batch.
        share: share of the words that are hidden.
        masked, replaced: as for `mask_words`.
        seed: of the order and of the hidden words.
    """

    def __init__(
        self,
        bert: Bert,
        texts: Sequence[Text],
        *,
        batch_size: int = 32,
        share: float = 0.15,
        masked: float = 0.8,
        replaced: float = 0.1,
        seed: int = 0,
    ) -> None:
        self.encoded = encode_mixed(bert, texts)
        self.buckets = LengthBuckets(self.encoded.keep.sum(dim=1), batch_size, seed, bert.device)
        self.generator = self.buckets.generator  # where the trainer looks for it
        self.hide = partial(
            mask_words,
            vocabulary=bert.config.vocabulary,
            mask=bert.tokenizer.token_to_id("[MASK]"),
            special=bert.special_ids,
            share=share,
            masked=masked,
            replaced=replaced,
            generator=self.generator,
        )

    def __len__(self) -> int:
        """Batches in an epoch."""
        return len(self.buckets)

    def __iter__(self) -> Iterator[MaskedBatch]:
        """One epoch."""
        for rows in self.buckets:
            longest = int(self.buckets.lengths[rows].max())
            ids, keep, segments = (part[rows, :longest] for part in self.encoded)
            shown, targets = self.hide(ids)
            yield MaskedBatch(shown, keep, segments, targets)


def encode_mixed(bert: Bert, texts: Sequence[Text]) -> Encoded:
    """Tokens of single texts and of pairs together, in their order."""
    singles = [place for place, text in enumerate(texts) if isinstance(text, str)]
    pairs = [place for place, text in enumerate(texts) if not isinstance(text, str)]
    parts = [
        bert.encode([texts[place] for place in singles]),
        bert.encode([texts[place][0] for place in pairs], [texts[place][1] for place in pairs]),
    ]
    T = max(part.ids.shape[1] for part in parts)
    order = torch.argsort(torch.tensor(singles + pairs, device=bert.device))
    fill = (bert.config.padding, False, 0)
    joined = (
        torch.cat([pad(part[k], (0, T - part[k].shape[1]), value=value) for part in parts])
        for k, value in enumerate(fill)
    )
    return Encoded(*(part[order] for part in joined))


def n_asked(batch: MaskedBatch) -> float:
    """How many words are hidden in a batch; by this it counts in the epoch's loss."""
    # A batch of a few short texts may hide none; it weighs almost nothing then, and not nothing.
    return max(1e-6, float((batch.targets != NOT_ASKED).sum()))
