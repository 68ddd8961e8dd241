"""An encoder with its tokenizer: texts in, vectors out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from tokenizers import Tokenizer
from torch import Tensor

from coursekit.models.bert.config import BertConfig
from coursekit.models.bert.encoder import BertEncoder
from coursekit.models.bert.folders import write_folder
from coursekit.models.bert.masking import MaskedWordsHead
from coursekit.models.bert.wordpiece import SPECIAL
from coursekit.runtime import cpu_threads

POOLINGS = ("mean", "cls")


class Encoded(NamedTuple):
    """B texts, or pairs of texts, as tokens.

    Attributes:
        ids: (B, T) int64, padded on the right; T is the longest.
        keep: (B, T) bool, True where a real token stands.
        segments: (B, T) int64, 0 for [CLS], the first text and its [SEP], 1 for a second and its [SEP].
    """

    ids: Tensor
    keep: Tensor
    segments: Tensor


class Bert:
    """A BERT that can be given texts.

    Made by `load_bert` or `pretrain_bert`. `encoder` is a torch module like any other, and may be trained on;
    `embed`, `attention` and `guess` switch it to evaluation mode.

    Args:
        encoder: the network.
        tokenizer: splits texts into the tokens that `encoder` has embeddings for.
        head: output layer for hidden words, where there is one.

    Attributes:
        encoder, tokenizer, head: as given.

    Raises:
        ValueError: when the tokenizer has tokens beyond the encoder's vocabulary.

    Example:
        >>> bert = load_bert()  # doctest: +SKIP
        >>> ids, keep, segments = bert.encode(["Calm Data", "Python for poets"])  # doctest: +SKIP
        >>> hidden = bert.encoder(ids, keep, segments)  # (2, T, 128)  # doctest: +SKIP
    """

    def __init__(
        self, encoder: BertEncoder, tokenizer: Tokenizer, head: MaskedWordsHead | None = None
    ) -> None:
        beyond = max(tokenizer.get_vocab().values()) + 1
        if beyond > encoder.config.vocabulary:
            raise ValueError(
                f"the tokenizer has ids up to {beyond - 1}, the encoder embeddings for "
                f"{encoder.config.vocabulary}: they belong to different models"
            )
        self.encoder, self.tokenizer, self.head = encoder, tokenizer, head

    @property
    def config(self) -> BertConfig:
        """The encoder's sizes."""
        return self.encoder.config

    @property
    def device(self) -> torch.device:
        """Where the encoder lies, and where `encode` puts its tensors."""
        return self.encoder.words.weight.device

    @property
    def special_ids(self) -> list[int]:
        """The ids of [PAD], [UNK], [CLS], [SEP] and [MASK]."""
        return [self.tokenizer.token_to_id(token) for token in SPECIAL]

    def to(self, device: torch.device | str) -> Bert:
        """Move encoder and output layer, and return the model itself."""
        for part in (self.encoder, self.head):
            if part is not None:
                part.to(device)
        return self

    def encode(
        self, texts: Iterable[str], pairs: Iterable[str] | None = None, *, max_length: int | None = None
    ) -> Encoded:
        """Texts as tokens: `[CLS] text [SEP]`, with pairs `[CLS] text [SEP] pair [SEP]`.

        Args:
            texts: B strings.
            pairs: B second texts.
            max_length: longest row, special tokens included; by default as many as there are positions. What
                is too long loses tokens at its end, of a pair the longer text first.

        Raises:
            TypeError: for one string in place of many.
            ValueError: when `pairs` has another length, or `max_length` is too small or too large.
        """
        longest = self._longest(max_length, pairs)
        inputs = _inputs(texts, pairs)
        if not inputs:
            nothing = torch.zeros(0, 1, dtype=torch.int64, device=self.device)
            return Encoded(nothing, nothing.bool(), nothing)
        self.tokenizer.enable_truncation(longest)
        self.tokenizer.enable_padding(pad_id=self.config.padding, pad_token="[PAD]")
        try:
            rows = self.tokenizer.encode_batch(inputs)
        finally:
            self.tokenizer.no_truncation()
            self.tokenizer.no_padding()
        parts = ([getattr(row, part) for row in rows] for part in ("ids", "attention_mask", "type_ids"))
        ids, keep, segments = (torch.tensor(part, device=self.device) for part in parts)
        return Encoded(ids, keep.bool(), segments)

    def tokens(self, ids: Sequence[int] | Tensor) -> list[str]:
        """The tokens of one row of ids, as they stand in the vocabulary; padding is left out."""
        ids = ids.tolist() if isinstance(ids, Tensor) else ids
        return [self.tokenizer.id_to_token(number) for number in ids if number != self.config.padding]

    @torch.inference_mode()
    def embed(
        self,
        texts: Iterable[str],
        pairs: Iterable[str] | None = None,
        *,
        pooling: str = "mean",
        max_length: int | None = None,
        batch_size: int = 64,
    ) -> NDArray[np.float32]:
        """One vector for each text, from the hidden states of the last block.

        Args:
            texts, pairs, max_length: as for `encode`.
            pooling: "mean" over all real tokens, [CLS] and [SEP] among them; or "cls", the state of [CLS],
                which means little before somebody has trained with it.
            batch_size: texts encoded at once, those of similar length together.

        Returns:
            (B, d), in the order of the texts.
        """
        if pooling not in POOLINGS:
            raise ValueError(f"pooling={pooling!r}: choose one of {', '.join(POOLINGS)}")
        texts = list(_several(texts, "texts"))
        pairs = None if pairs is None else list(_several(pairs, "pairs"))
        vectors = np.zeros((len(texts), self.config.width), np.float32)
        self.encoder.eval()
        with cpu_threads(1):
            for rows in _by_length(texts, pairs, batch_size):
                some = [texts[row] for row in rows]
                others = None if pairs is None else [pairs[row] for row in rows]
                vectors[rows] = self._pooled(self.encode(some, others, max_length=max_length), pooling)
        return vectors

    def _pooled(self, batch: Encoded, pooling: str) -> NDArray[np.float32]:
        hidden = self.encoder(*batch).float()
        pooled = hidden[:, 0] if pooling == "cls" else mean_pooled(hidden, batch.keep)
        return pooled.cpu().numpy()

    @torch.inference_mode()
    def attention(
        self, texts: Iterable[str], pairs: Iterable[str] | None = None, *, max_length: int | None = None
    ) -> tuple[NDArray[np.float32], list[list[str]]]:
        """Who looks at whom.

        Returns:
            (B, layers, heads, T, T) weights, row: who looks, column: at whom; and for each text its tokens,
            at most T.
        """
        self.encoder.eval()
        batch = self.encode(texts, pairs, max_length=max_length)
        _, weights = self.encoder(*batch, weights=True)
        return weights.float().cpu().numpy(), [self.tokens(row) for row in batch.ids]

    @torch.inference_mode()
    def guess(self, text: str, pair: str | None = None, *, k: int = 5) -> list[list[tuple[str, float]]]:
        """For every [MASK] in a text the k likeliest tokens with their probabilities, best first.

        Raises:
            RuntimeError: when this BERT has no output layer.
        """
        if self.head is None:
            raise RuntimeError("this BERT has no output layer for hidden words: its folder held none")
        self.encoder.eval(), self.head.eval()
        batch = self.encode([text], None if pair is None else [pair])
        hidden = self.encoder(*batch)[batch.ids == self.tokenizer.token_to_id("[MASK]")]
        best = self.head(hidden, self.encoder.words.weight).float().softmax(dim=-1).topk(k)
        rows = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        return [
            [(self.tokenizer.id_to_token(number), chance) for number, chance in zip(*row, strict=True)]
            for row in rows
        ]

    def save(self, folder: str | Path, *, half: bool = False, card: str | None = None) -> Path:
        """Write a folder that `load_bert` and transformers' `from_pretrained` read.

        The folder appears whole or not at all. One that is there is replaced if it is a checkpoint.

        Args:
            folder: to be made, or to be replaced.
            half: whether to round the weights to 16 bits (float16), for half the size.
            card: text of its README.md.

        Raises:
            FileExistsError: when something else than a checkpoint is there.
        """
        return write_folder(Path(folder), self.encoder, self.tokenizer, self.head, half=half, card=card)

    def _longest(self, max_length: int | None, pairs: object) -> int:
        least, most = (3 if pairs is None else 5), self.config.max_length
        wanted = most if max_length is None else max_length
        if not least <= wanted <= most:
            raise ValueError(
                f"max_length={wanted} must lie between {least} (the special tokens and a token of each text) "
                f"and {most}, the positions that this BERT has"
            )
        return wanted


def mean_pooled(hidden: Tensor, keep: Tensor) -> Tensor:
    """(B, T, d) -> (B, d): the mean over the real tokens, Σ keep · h / Σ keep; 0 where there is none."""
    kept = keep[..., None].to(hidden.dtype)
    return (hidden * kept).sum(dim=1) / kept.sum(dim=1).clamp(min=1)


def _several(texts: Iterable[str], name: str) -> Iterable[str]:
    if isinstance(texts, str):
        raise TypeError(f"{name} is one string ({texts[:20]!r}…); give a list of strings")
    return texts


def _inputs(texts: Iterable[str], pairs: Iterable[str] | None) -> list[str] | list[tuple[str, str]]:
    texts = list(_several(texts, "texts"))
    if pairs is None:
        return texts
    pairs = list(_several(pairs, "pairs"))
    if len(pairs) != len(texts):
        raise ValueError(f"{len(texts)} texts and {len(pairs)} pairs; each text needs one")
    return list(zip(texts, pairs, strict=True))


def _by_length(texts: list[str], pairs: list[str] | None, batch_size: int) -> list[NDArray[np.int64]]:
    lengths = np.array([len(text) for text in texts])
    if pairs is not None:
        lengths = lengths + [len(pair) for pair in pairs]
    order = np.argsort(lengths, kind="stable")
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]
