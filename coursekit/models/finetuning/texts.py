"""Texts as token ids: tokenised once, encoded beside texts of similar length, joined without gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coursekit.interactions import Interactions
from coursekit.models.bert import Bert, mean_pooled
from coursekit.models.finetuning.synonyms import replace_synonyms

TEXTS = ("title", "title+description")
PADDING = 0
# Tokens encoded at once: enough to keep a core busy, few enough for 1 GB with gradients on bert-base.
TOKENS_AT_ONCE = 4096


def item_texts(data: Interactions, text: str, columns: Sequence[str] = ()) -> list[str]:
    """What an encoder reads of each item.

    Args:
        data: with `item_text`, or with a column "title" in `item_features`.
        text: "title" for that column (for `item_text` where there is none), "title+description" for
            `item_text`.
        columns: further columns of `item_features` whose labels are added in front, such as ("subject",).

    Raises:
        ValueError: when the data has no text, or no such column; the message says what there is.
    """
    features = pd.DataFrame(index=range(data.n_items)) if data.item_features is None else data.item_features
    titled = text == "title" and "title" in features.columns
    if data.item_text is None and not titled:
        raise ValueError(f"{data.name} has no item_text: give Interactions one text an item (item_text=…)")
    texts = _plain(features["title"] if titled else data.item_text)
    for column in columns:
        if column not in features.columns:
            raise ValueError(f"item_features has no column {column!r}; it has {list(features.columns)}")
        labels = _plain(features[column])
        texts = [f"{label}: {one}" if label else one for label, one in zip(labels, texts, strict=True)]
    return texts


def _plain(values: Iterable[object]) -> list[str]:
    return ["" if pd.isna(value) else str(value) for value in values]


def token_ids(bert: Bert, texts: Sequence[str], max_tokens: int | None = None) -> NDArray[np.int64]:
    """(n, L) ids of `[CLS] text [SEP]`, padded with 0 on the right."""
    longest = None if max_tokens is None else min(max_tokens, bert.config.max_length)
    return bert.encode(texts, max_length=longest).ids.cpu().numpy()


def rewriting(
    bert: Bert, texts: Sequence[str], share: float, seed: int, max_tokens: int | None = None
) -> Callable[[], Tensor] | None:
    """Makes the texts' ids anew each time, this share of their replaceable words changed; None for 0."""
    if not share:
        return None
    rng = np.random.default_rng(seed)

    def rewritten() -> Tensor:
        changed = [replace_synonyms(text, rng, share) for text in texts]
        return torch.as_tensor(token_ids(bert, changed, max_tokens))

    return rewritten


def lengths_of(ids: Tensor) -> Tensor:
    """(n,) how many real tokens each row of (n, L) has."""
    return (ids != PADDING).sum(dim=1)


def pooled(encoder: nn.Module, ids: Tensor, segments: Tensor | None = None, pooling: str = "mean") -> Tensor:
    """One vector for each row of (n, L) ids: (n, d).

    Rows of similar length go through the encoder together, each group as wide as its longest, so padding is
    hardly computed. `segments` are shaped like `ids`. `pooling` is "mean" over the real tokens or "cls".
    """
    lengths = lengths_of(ids)
    order = torch.argsort(lengths, stable=True)
    parts = []
    for start, stop, width in _groups(lengths[order].tolist()):
        rows = order[start:stop]
        group = ids[rows, :width]
        keep = group != PADDING
        hidden = encoder(group, keep, None if segments is None else segments[rows, :width])
        parts.append(mean_pooled(hidden, keep) if pooling == "mean" else hidden[:, 0])
    return torch.cat(parts)[torch.argsort(order)]


def _groups(lengths: list[int]) -> list[tuple[int, int, int]]:
    """Cut rising lengths into groups of at most `TOKENS_AT_ONCE` tokens: start, stop, width."""
    groups, start = [], 0
    for place, length in enumerate(lengths):
        if (place - start + 1) * length > TOKENS_AT_ONCE and place > start:
            groups.append((start, place, lengths[place - 1]))
            start = place
    return [*groups, (start, len(lengths), lengths[-1])]


def joined(histories: Tensor, titles: Tensor, most: int) -> Tensor:
    """Titles of each history, the most recent first, as one text: `[CLS] title [SEP] title [SEP] …`.

    Args:
        histories: (B, T) tokens of items (row + 1), oldest first, padded with 0.
        titles: (n_items, L) ids of `[CLS] title [SEP]`.
        most: longest text, in tokens; what is older is cut off.

    Returns:
        (B, T') ids, padded on the right.
    """
    first = titles[:1, :1]
    rows = histories.flip(1)
    parts = titles[(rows - 1).clamp(min=0), 1:]  # (B, T, L - 1), each ending in [SEP]
    parts = torch.where((rows != 0)[..., None], parts, PADDING).flatten(1)
    text = compact(parts)[:, : most - 1]
    return torch.cat([first.expand(len(text), 1), text], dim=1)


def paired(texts: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Two texts a row, (n, L1) and (n, L2) ids, as `[CLS] one [SEP] other [SEP]`: ids and segments."""
    second = others[:, 1:]
    both = torch.cat([texts, second], dim=1)
    kinds = torch.cat([torch.zeros_like(texts), torch.ones_like(second)], dim=1)
    order = torch.argsort((both == PADDING).to(torch.uint8), dim=1, stable=True)
    longest = int(lengths_of(both).max()) if len(both) else 1
    return both.gather(1, order)[:, :longest], kinds.gather(1, order)[:, :longest]


def compact(ids: Tensor) -> Tensor:
    """Real tokens moved to the left, in their order; columns of padding alone are cut off."""
    order = torch.argsort((ids == PADDING).to(torch.uint8), dim=1, stable=True)
    longest = int(lengths_of(ids).max()) if len(ids) else 0
    return ids.gather(1, order)[:, : max(1, longest)]
