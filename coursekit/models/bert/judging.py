"""What pretraining was worth: hidden words guessed in unread texts, neighbours of the same subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.nn.functional import cross_entropy

from coursekit.models.bert.batches import MaskedBatches, Text, encode_mixed
from coursekit.models.bert.encoder import BertEncoder
from coursekit.models.bert.masking import NOT_ASKED, MaskedBatch, MaskedWords, MaskedWordsHead
from coursekit.models.bert.model import Bert
from coursekit.runtime import cpu_threads


def guess_scores(network: MaskedWords, batches: Iterable[MaskedBatch]) -> dict[str, float]:
    """Cross-entropy (nats) and accuracy of the hidden words of some batches, over all of them together.

    Returns:
        {"loss": …, "accuracy": …, "n": number of hidden words}.
    """
    network.eval()
    loss = right = n = 0.0
    with torch.no_grad(), cpu_threads(1):
        for batch in batches:
            logits, targets = network.guesses(batch)
            loss += float(cross_entropy(logits, targets, reduction="sum"))
            right += float((logits.argmax(dim=1) == targets).sum())
            n += len(targets)
    return {"loss": loss / max(1, n), "accuracy": right / max(1, n), "n": n}


def unigram_scores(read: Tensor, batches: Iterable[MaskedBatch], vocabulary: int) -> dict[str, float]:
    """The same scores of one who knows only how often each token occurs: p(v) = (count + 1) / (n + V).

    Args:
        read: the n tokens of the training texts, special ones left out.
        batches: as for `guess_scores`.
        vocabulary: V.
    """
    counts = torch.bincount(read.flatten(), minlength=vocabulary) + 1.0
    logs = (counts / counts.sum()).log()
    targets = torch.cat([batch.targets[batch.targets != NOT_ASKED] for batch in batches])
    accuracy = (targets == counts.argmax()).float().mean()
    return {"loss": float(-logs[targets].mean()), "accuracy": float(accuracy), "n": float(len(targets))}


def judged_batches(bert: Bert, texts: Sequence[Text], rounds: int = 1) -> list[MaskedBatch]:
    """Texts with 15 % of their words behind [MASK], so many times over, always the same ones."""
    hide = {"masked": 1.0, "replaced": 0.0}
    return [batch for seed in range(rounds) for batch in MaskedBatches(bert, texts, seed=seed, **hide)]


def masked_word_table(
    bert: Bert, read: Sequence[Text], held_out: Sequence[Text], rounds: int = 5
) -> pd.DataFrame:
    """How well hidden words of held-out texts are guessed, beside two who have not read.

    Returns:
        loss (nats) and accuracy, a row for each of: word frequencies of the texts read, the same BERT
        untrained, the BERT.

    Raises:
        RuntimeError: when the BERT has no output layer.
    """
    if bert.head is None:
        raise RuntimeError("this BERT has no output layer for hidden words, so it cannot guess")
    batches = judged_batches(bert, held_out, rounds)
    encoded = encode_mixed(bert, read)
    special = torch.tensor(bert.special_ids, device=bert.device)
    ordinary = encoded.ids[~torch.isin(encoded.ids, special)]
    untrained = untrained_like(bert)
    rows = {
        "word frequencies": unigram_scores(ordinary, batches, bert.config.vocabulary),
        "untrained": guess_scores(MaskedWords(untrained.encoder, untrained.head), batches),
        "trained": guess_scores(MaskedWords(bert.encoder, bert.head), batches),
    }
    return pd.DataFrame(rows).T[["loss", "accuracy"]]


def untrained_like(bert: Bert, rng: int = 0) -> Bert:
    """A BERT of the same sizes and tokenizer with the first weights that this seed draws."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(rng)
        encoder, head = BertEncoder(bert.config).eval(), MaskedWordsHead(bert.config).eval()
    return Bert(encoder, bert.tokenizer, head).to(bert.device)


def purity_table(bert: Bert, texts: Sequence[str], labels: ArrayLike, unread: ArrayLike) -> pd.DataFrame:
    """How often a text's nearest neighbours share its label, by three kinds of vectors; see `purity`.

    Args:
        bert: its vectors are mean hidden states.
        texts: N texts.
        labels: (N,).
        unread: (N,) bool, True for texts held out of the training.

    Returns:
        all and held_out, a row for each of: TF-IDF of words, the same BERT untrained, the BERT.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    kinds = {
        "TF-IDF of words": TfidfVectorizer().fit_transform(texts).toarray(),
        "untrained": untrained_like(bert).embed(texts),
        "trained": bert.embed(texts),
    }
    rows = {
        name: {"all": purity(x, labels), "held_out": purity(x, labels, np.flatnonzero(unread))}
        for name, x in kinds.items()
    }
    return pd.DataFrame(rows).T


def purity(vectors: ArrayLike, labels: ArrayLike, rows: ArrayLike | None = None, k: int = 5) -> float:
    """Share of the k nearest neighbours (cosine after the mean is taken off) that have the same label.

    The mean of hidden states is large and common to all texts; with it every cosine is near 1.

    Args:
        vectors: (N, d).
        labels: (N,).
        rows: whose neighbours to look at; None: everybody's. Neighbours may be any of the N.
        k: neighbours.
    """
    vectors, labels = np.asarray(vectors, np.float64), np.asarray(labels)
    vectors = vectors - vectors.mean(axis=0)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    rows = np.arange(len(vectors)) if rows is None else np.asarray(rows)
    cosine = vectors[rows] @ vectors.T
    cosine[np.arange(len(rows)), rows] = -np.inf
    nearest = np.argsort(-cosine, axis=1, kind="stable")[:, :k]
    return float((labels[nearest] == labels[rows, None]).mean())
