"""The network of word2vec and its training pairs; `Word2Vec` puts them to work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from coursekit.runtime import cpu_threads
from coursekit.training import Trainer, TrainingOptions

if TYPE_CHECKING:
    from coursekit.models.content.word2vec import Word2Vec


class WordBatch(NamedTuple):
    """B training pairs with their negatives.

    Attributes:
        centres: (B,) words whose surroundings are to be told.
        words: (B, 1 + n) words: column 0 the one that stood nearby, the others drawn at random.
    """

    centres: Tensor
    words: Tensor


class SkipGram(nn.Module):
    """Two vectors a word: v_c where it is the centre, u_o where it is the context.

    Args:
        centres: (n_words, d) first values of v. The u start at zero, as in the authors' word2vec.c:
            every pair begins with probability ½, and the first steps already pull in one direction.
    """

    def __init__(self, centres: NDArray[np.float32]) -> None:
        super().__init__()
        self.centres = nn.Parameter(torch.tensor(centres))  # (N, d)
        self.contexts = nn.Parameter(torch.zeros(centres.shape))  # (N, d)

    def logits(self, centres: Tensor, words: Tensor) -> Tensor:
        """u_w · v_c for centres (B,) and words (B, 1 + n): (B, 1 + n)."""
        v = nn.functional.embedding(centres, self.centres)  # (B, d)
        u = nn.functional.embedding(words, self.contexts)  # (B, 1 + n, d)
        return (u * v[:, None]).sum(dim=2)  # its backward takes half the time of bmm's

    def loss(self, batch: WordBatch) -> Tensor:
        """-ln σ(u_o · v_c) - Σ_n ln σ(-u_n · v_c), mean over the pairs: a () tensor.

        A negative that happens to be the true context counts nothing.
        """
        logits = self.logits(batch.centres, batch.words)
        wrong = batch.words[:, 1:] != batch.words[:, :1]  # (B, n)
        pull, push = softplus(-logits[:, 0]), softplus(logits[:, 1:]) * wrong
        return pull.mean() + push.sum(dim=1).mean()


class WordPairs:
    """All (centre, context) pairs of a corpus, drawn anew every epoch, without a loop over pairs.

    In each epoch an occurrence of word w is kept with probability min(1, √(t/f_w) + t/f_w), f_w being
    its share of the corpus: frequent words say little about their neighbours. Every centre then draws
    its reach from 1 … window, so that near words count more often than far ones.

    Args:
        words: (T,) word numbers of all texts, one text after the other.
        text: (T,) number of the text each occurrence belongs to; pairs never cross its end.
        counts: (n_words,) occurrences of each word.
        window, n_negatives, subsample, batch_size: see `Word2Vec`.
        rng: generator of everything drawn here.
    """

    def __init__(
        self,
        words: NDArray[np.int64],
        text: NDArray[np.int64],
        counts: NDArray[np.int64],
        *,
        window: int,
        n_negatives: int,
        subsample: float,
        batch_size: int,
        rng: np.random.Generator,
    ) -> None:
        self.words, self.text = words, text
        self.window, self.n_negatives, self.batch_size, self.rng = window, n_negatives, batch_size, rng
        share = counts / counts.sum()
        self.keep = np.sqrt(subsample / share) + subsample / share if subsample else np.ones(len(share))
        self.chance = np.cumsum(counts**0.75) / np.sum(counts**0.75)

    def __iter__(self) -> Iterator[WordBatch]:
        """One epoch's batches, in random order."""
        centres, contexts = self.pairs()
        while not len(centres):  # a tiny corpus may lose all its pairs to subsampling
            centres, contexts = self.pairs()
        order = self.rng.permutation(len(centres))
        for start in range(0, len(order), self.batch_size):
            chosen = order[start : start + self.batch_size]
            drawn = self.rng.random((len(chosen), self.n_negatives))
            negatives = np.searchsorted(self.chance, drawn, side="right")
            words = np.column_stack([contexts[chosen], negatives])  # (B, 1 + n)
            yield WordBatch(torch.from_numpy(centres[chosen]), torch.from_numpy(words))

    def pairs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Centres and contexts of one epoch: (P,) word numbers each."""
        kept = self.rng.random(len(self.words)) < self.keep[self.words]
        words, text = self.words[kept], self.text[kept]
        reach = self.rng.integers(1, self.window + 1, len(words))
        centres, contexts = [], []
        for distance in range(1, min(self.window, len(words) - 1) + 1):
            together = text[:-distance] == text[distance:]
            forward = np.flatnonzero(together & (reach[:-distance] >= distance))
            backward = np.flatnonzero(together & (reach[distance:] >= distance)) + distance
            centres += [words[forward], words[backward]]
            contexts += [words[forward + distance], words[backward - distance]]
        return _joined(centres), _joined(contexts)


def _joined(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([np.empty(0, np.int64), *parts])


def train(
    first: NDArray[np.float32], batches: Iterable[WordBatch], choices: Word2Vec
) -> tuple[NDArray[np.float32], pd.DataFrame]:
    """Train from the first vectors (n_words, d); returns the centres' vectors and the trainer's history."""
    network = SkipGram(first)
    options = TrainingOptions(
        epochs=choices.epochs,
        learning_rate=choices.learning_rate,
        optimizer=partial(torch.optim.AdamW, fused=True),
        device=choices.device,
        precision="float32",
        seed=None,  # everything random comes from the batches' own generator
        progress=choices.progress,
    )
    with cpu_threads(1):
        history = Trainer(options).fit(network, batches)
    return network.centres.detach().cpu().numpy(), history
