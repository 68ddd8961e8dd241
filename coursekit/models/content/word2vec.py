"""word2vec: words that stand among the same words get vectors that point the same way."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from coursekit.metrics import top_k
from coursekit.models.content.text import as_texts, tokenize, without


@dataclass(eq=False)
class Word2Vec:
    """Skip-gram with negative sampling (Mikolov et al., 2013, "Distributed representations of words").

    For every word c of a text and every word o near it, n other words are drawn with probability
    proportional to count^0.75, and the vectors v_c, u_o are moved to make
    ln σ(u_o · v_c) + Σ_n ln σ(-u_n · v_c)
    large. What is kept are the v, shortened to length 1.

    What to expect: the paper trained on a billion words. The 480 course descriptions hold some 25,000, and
    two words in five of those kept occur only twice. It is enough to give "piano" the neighbours chorales,
    bach and fingers, and too little for "protein", whose few sentences happen to speak of other things: no
    analogies, no fine differences of meaning. Words rarer than `min_count` have no vector at all. With so few
    texts TF-IDF is hard to beat; vectors from a larger corpus are what would help.

    Args:
        width: numbers in a vector, d.
        window: how far from the centre a context word may stand; each centre draws its reach from 1 … window.
        n_negatives: drawn words for each pair; 5 to 20 for small corpora, says the paper.
        min_count: words that occur less often are left out before windows are laid.
        subsample: t; occurrences of a word whose share f of the corpus is above t are left out in most
            windows. The paper's 1e-5 is for a billion words. 0 keeps everything.
        stop_words: "english", a list, or None, as in `tfidf_matrix`.
        epochs, learning_rate, batch_size: of training by Adam; a batch is so many (centre, context) pairs.
        rng: seed of first vectors, subsampling, windows and negatives; the same seed, the same vectors.
        device: where to train; None leaves the choice to `pick_device`. On a CPU one thread is used.
        progress: whether to draw a progress bar.

    Attributes:
        words: the n_words words known, most frequent first.
        vectors: (n_words, width) float32, rows of length 1.
        counts: (n_words,) int64, how often each word occurred.
        idf: (n_words,) float32, ln((1 + n) / (1 + df)) + 1 over the n texts.
        history: DataFrame, one row an epoch; before the first step the loss is (1 + n_negatives) · ln 2.

    Example:
        >>> texts = ["hot tea with milk", "hot coffee with milk", "fast car on road", "fast bus on road"]
        >>> model = Word2Vec(width=8, subsample=0, epochs=50, batch_size=64).fit(texts * 5)
        >>> [word for word, cosine in model.nearest("tea", k=1)]
        ['coffee']
    """

    width: int = 32
    _: KW_ONLY
    window: int = 10
    n_negatives: int = 5
    min_count: int = 2
    subsample: float = 1e-3
    stop_words: str | Sequence[str] | None = None
    epochs: int = 5
    learning_rate: float = 0.025
    batch_size: int = 2048
    rng: int = 0
    device: str | None = None
    progress: bool = False

    def __post_init__(self) -> None:
        for name in ("width", "window", "n_negatives", "min_count", "epochs", "batch_size"):
            value = getattr(self, name)
            if isinstance(value, bool) or int(value) != value or value < 1:
                raise ValueError(f"{name}={value!r} must be a whole number of at least 1")
        if not 0 <= self.subsample < float("inf"):
            raise ValueError(f"subsample={self.subsample!r} must be 0 (keep everything) or above")

    def fit(self, texts: Iterable[str]) -> Self:
        """Learn vectors from n texts and return the model itself. Fitting again starts afresh.

        Raises:
            TypeError: for one string in place of many, or when a text is no string.
            ValueError: when no word occurs `min_count` times, or no two known words stand in one text.
        """
        texts = self._split(texts)
        self._count(texts)
        self.vectors, self.history = self._train(texts)
        return self

    def document_vectors(self, texts: Iterable[str]) -> NDArray[np.float32]:
        """One vector a text: the mean of its words' vectors, weighted by idf and by how often they occur.

        Words without a vector are passed over; a text without any known word gets zeros.

        Returns:
            (n_texts, width) float32.
        """
        self._check_fitted()
        counts = self._counted(self._split(texts)) * self.idf  # (n_texts, n_words)
        total = np.maximum(counts.sum(axis=1), 1e-12)[:, None]
        return (counts @ self.vectors / total).astype(np.float32)

    def vector(self, word: str) -> NDArray[np.float32]:
        """The vector of one word, (width,).

        Raises:
            KeyError: when the word has none.
        """
        self._check_fitted()
        if word not in self._place:
            raise KeyError(f"{word!r} has no vector: it occurs less than {self.min_count} times in the texts")
        return self.vectors[self._place[word]]

    def nearest(self, word: str, k: int = 10) -> list[tuple[str, float]]:
        """The k words whose vectors have the largest cosine with this word's, itself left out.

        Returns:
            Up to k pairs of a word and its cosine, the nearest first; equal ones by frequency.

        Raises:
            KeyError: when the word has no vector.
            ValueError: when k < 1.
        """
        own = self.vector(word)
        cosines = self.vectors @ own
        cosines[self._place[word]] = -np.inf
        found = top_k(cosines[None], min(k, max(1, len(self.words) - 1)))[0]
        return [(self.words[row], float(cosines[row])) for row in found if row >= 0]

    def _split(self, texts: Iterable[str]) -> list[list[str]]:
        unwanted = without(self.stop_words)
        return [[word for word in tokenize(text) if word not in unwanted] for text in as_texts(texts)]

    def _count(self, texts: list[list[str]]) -> None:
        """Choose the words and count them."""
        words, counts = np.unique([word for text in texts for word in text], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        order = order[counts[order] >= self.min_count]
        if not len(order):
            raise ValueError(f"no word occurs min_count={self.min_count} times: give more text, or lower it")
        self.words, self.counts = words[order].tolist(), counts[order].astype(np.int64)
        self._place = {word: place for place, word in enumerate(self.words)}
        df = np.diff(self._counted(texts).tocsc().indptr)
        self.idf = (np.log((1 + len(texts)) / (1 + df)) + 1).astype(np.float32)

    def _counted(self, texts: list[list[str]]) -> sparse.csr_array:
        """(n_texts, n_words) counts of the known words."""
        words, text = self._numbered(texts)
        shape = (len(texts), len(self.words))
        counts = sparse.csr_array((np.ones(len(words), np.float32), (text, words)), shape=shape)
        counts.sum_duplicates()  # SciPy 1.13.0 leaves one entry for each time a word occurs
        return counts

    def _numbered(self, texts: list[list[str]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All known words of all texts in order, and the text of each: (T,) int64 both."""
        known = [[self._place[word] for word in text if word in self._place] for text in texts]
        words = np.array([word for text in known for word in text], dtype=np.int64)
        return words, np.repeat(np.arange(len(known)), [len(text) for text in known])

    def _train(self, texts: list[list[str]]) -> tuple[NDArray[np.float32], object]:
        # Imported here, so that TF-IDF never waits for PyTorch.
        from coursekit.models.content.skipgram import WordPairs, train

        words, text = self._numbered(texts)
        if not (text[1:] == text[:-1]).any():
            raise ValueError("no text holds two known words: there is nothing to learn from; lower min_count")
        rng = np.random.default_rng(self.rng)
        first = rng.uniform(-0.5, 0.5, (len(self.words), self.width)).astype(np.float32) / self.width
        pairs = WordPairs(
            words,
            text,
            self.counts,
            window=self.window,
            n_negatives=self.n_negatives,
            subsample=self.subsample,
            batch_size=self.batch_size,
            rng=rng,
        )
        centres, history = train(first, pairs, self)
        return centres / np.maximum(np.linalg.norm(centres, axis=1, keepdims=True), 1e-12), history

    def _check_fitted(self) -> None:
        if not hasattr(self, "vectors"):
            raise RuntimeError("this Word2Vec has learned nothing yet: call fit(texts) first")
