"""Recommend items whose text is like the texts of what the user chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from coursekit.interactions import Interactions
from coursekit.models.base import Recommender
from coursekit.models.content.text import bag_of_words, tfidf_matrix
from coursekit.models.content.vectors import Vectors, dense, described, given, lengths, unit
from coursekit.models.content.word2vec import Word2Vec

REPRESENTATIONS = ("tfidf", "bag", "word2vec")
WEIGHTS = ("equal", "value", "deviation")
# A mean of vectors of length 1 that is shorter than this is zero but for float32's rounding.
ROUNDING = 1e-6
TINY = 1e-12


@dataclass(eq=False)
class ContentBased(Recommender):
    """Items like those the user chose, judged by their text alone (Pazzani & Billsus, 2007).

    Every item gets a vector x_i of length 1 from its text. A user's profile is the weighted mean of
    what their history I_u stands out by, and an item's score the cosine of the two:
    p_u = Σ_{j ∈ I_u} w_uj (x_j - x̄) / Σ |w_uj|,   score(u, i) = p_u · x_i / |p_u|,
    x̄ being the mean vector of all items. Since an item needs nothing but a text, those that nobody has
    touched yet are scored like all others.

    Why x̄: without it a text of many common words is a little like every profile, and all users get the
    same few items. With it the score says how much more the item is like this history than like the
    average item.

    An item without words has a vector of zeros: it scores 0, and a history of such items alone is as good
    as none, it scores 0 everywhere. Users without history get the items' popularity, like everywhere.

    Args:
        representation: "tfidf", "bag" (counts, rows shortened to length 1) or "word2vec" (vectors trained
            on these texts, see `Word2Vec` for what to expect of a few hundred).
        columns: columns of `data.item_features` whose labels are added to the text, for example
            ("subject",). Words of a label count as often as they stand there.
        centre: whether to subtract x̄.
        weights: of an item in the profile: "equal"; "value", the interaction's (a rating, a completed
            fraction); "deviation", the value less the mean of the user's values, so that what was liked
            less than usual pushes away.
        min_df: keep terms that occur in at least so many items' texts. For word2vec: occurrences.
        stop_words: "english", a list of words, or None; for tfidf and bag. word2vec has its own way of
            hearing frequent words less, and learns from them.
        vectors: (n_items, d) vectors of your own, dense or sparse, in place of those made from text; a
            vector may come from any model. Then the other options of text have no effect.
        word2vec: an unfitted `Word2Vec` with options of your own, for that representation.
        device: where word2vec is trained; the rest is NumPy's and SciPy's.

    Attributes:
        item_vectors_: (n_items, d) float32, rows of length 1 or 0; sparse for tfidf and bag.
        mean_: (d,) float32, x̄ over the items that have a vector.
        terms_: what the d columns of tfidf and bag stand for; empty otherwise.

    Raises:
        ValueError: for an option that means nothing, and in `fit` when the data has no text.
    """

    representation: str = "tfidf"
    columns: Sequence[str] = field(default=(), kw_only=True)
    centre: bool = field(default=True, kw_only=True)
    weights: str = field(default="equal", kw_only=True)
    min_df: int = field(default=2, kw_only=True)
    stop_words: str | Sequence[str] | None = field(default="english", kw_only=True)
    vectors: ArrayLike | sparse.sparray | None = field(default=None, kw_only=True)
    word2vec: Word2Vec | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name, choices in (("representation", REPRESENTATIONS), ("weights", WEIGHTS)):
            if getattr(self, name) not in choices:
                known = ", ".join(map(repr, choices))
                raise ValueError(f"{name}={getattr(self, name)!r}: choose one of {known}")
        if isinstance(self.columns, str):
            self.columns = (self.columns,)

    def profiles(self, users: ArrayLike) -> NDArray[np.float32]:
        """What the users' histories stand out by: (U, d), rows of length 1, or 0 where there is nothing.

        With tfidf or bag, `terms_` names the columns: the largest numbers are the words a user is fond of.

        Args:
            users: (U,) user rows; an unknown one (-1) has a profile of zeros.
        """
        users = self._rows("user", users)
        weights = self.weights_[users] * (users >= 0)[:, None]  # -1 would pick the last user's row
        profiles = dense(weights @ self.item_vectors_)
        if self.centre:
            profiles -= np.outer(weights @ self.has_vector_, self.mean_)
        total = abs(weights).sum(axis=1)[:, None]
        # What is left of vectors that are all the same is rounding, and no taste.
        return unit(profiles / np.maximum(total, TINY), least=ROUNDING)

    def _fit(self, data: Interactions) -> None:
        self.terms_: list[str] = []
        vectors = self._vectors(data) if self.vectors is None else given(self.vectors, data.n_items)
        self.item_vectors_ = unit(vectors)
        self.has_vector_ = (lengths(self.item_vectors_) > 0).astype(np.float32)
        total = dense(self.item_vectors_.sum(axis=0))
        self.mean_ = (total / max(1.0, self.has_vector_.sum())).astype(np.float32)
        self.weights_ = _weights(data, self.weights)

    def _vectors(self, data: Interactions) -> Vectors:
        texts = described(data, self.columns)
        if self.representation == "word2vec":
            model = self.word2vec or Word2Vec(min_count=self.min_df, device=self.device)
            return model.fit(texts).document_vectors(texts)
        make = tfidf_matrix if self.representation == "tfidf" else bag_of_words
        vectors, self.terms_ = make(texts, min_df=self.min_df, stop_words=self.stop_words)
        return vectors

    def _scores(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        return dense(self.profiles(users) @ self.item_vectors_.T)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        return dense(self.item_vectors_[items] @ self.item_vectors_.T)


def _weights(data: Interactions, kind: str) -> sparse.csr_array:
    """w_uj for all users and items: (n_users, n_items)."""
    weights = data.matrix(binary=kind == "equal")
    if kind == "deviation":
        n = np.diff(weights.indptr)
        means = np.asarray(weights.sum(axis=1)) / np.maximum(n, 1)
        weights.data -= np.repeat(means, n).astype(np.float32)
    return weights
