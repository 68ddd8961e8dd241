"""Item-kNN and user-kNN: what those most alike would choose."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from coursekit.interactions import Interactions
from coursekit.models.base import Recommender
from coursekit.models.means import rating_means
from coursekit.models.neighbours.similarity import check_options, item_similarity, user_similarity


@dataclass(eq=False)
class _Neighbours(Recommender):
    """What both share: options, the fitted matrices, and ratings predicted from centred ones."""

    similarity: str = "cosine"
    n_neighbours: int | None = 20
    shrinkage: float = 0.0
    feedback: str = "implicit"

    def __post_init__(self) -> None:
        check_options(self.similarity, self.shrinkage, self.n_neighbours)
        if self.feedback not in ("implicit", "explicit"):
            raise ValueError(f"feedback must be 'implicit' or 'explicit', not {self.feedback!r}")

    def _fit(self, data: Interactions) -> None:
        explicit = self.feedback == "explicit"
        ratings = data.matrix() if explicit else self.seen_
        self.neighbours_ = self._neighbours_of(ratings)
        if explicit:
            self.mean_ = float(ratings.data.mean()) if ratings.nnz else 0.0
            self.user_mean_, self.item_mean_ = (rating_means(ratings, axis, self.mean_) for axis in (0, 1))
            self.centred_ = _centred(ratings, self._own_means())

    def predict(self, users: ArrayLike, items: ArrayLike) -> NDArray[np.float32]:
        """Ratings expected for pairs of a user and an item, on the scale of the data.

        Where no neighbour has an opinion the answer is the mean the prediction starts from. An
        unknown user (-1) or one without ratings gets the item's mean, an unknown item the user's
        mean, and where neither is known, the mean of all ratings. Nothing is clipped or rounded.

        Args:
            users, items: (n,) rows; users[m] is paired with items[m]. One may be a single row.

        Returns:
            (n,) float32.

        Raises:
            ValueError: when the model was built for implicit feedback, or the lengths differ.
        """
        if self.feedback != "explicit":
            raise ValueError(f"ratings need {type(self).__name__}(feedback='explicit')")
        users, items = np.broadcast_arrays(self._rows("user", users), self._rows("item", items))
        expected = self._fallback(users, items)
        rated = (users >= 0) & (items >= 0) & (np.diff(self.seen_.indptr)[users] > 0)
        own, place = np.unique(users[rated], return_inverse=True)
        result, columns = np.empty(int(rated.sum()), np.float32), items[rated]
        for block in self._blocks(len(own)):
            inside = (place >= block.start) & (place < block.stop)
            result[inside] = self._expected(own[block])[place[inside] - block.start, columns[inside]]
        expected[rated] = result
        return expected

    def _expected(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        """mean + Σ s · (r - mean) / Σ |s| for all items: (U, n_items)."""
        deviation, weight = self._weighted(users)
        return self._starting_points(users) + np.divide(
            deviation, weight, out=np.zeros_like(deviation), where=weight > 0
        )

    def _fallback(self, users: NDArray[np.int64], items: NDArray[np.int64]) -> NDArray[np.float32]:
        known_user = (users >= 0) & (np.diff(self.seen_.indptr)[users] > 0)
        of_user = np.where(known_user, self.user_mean_[users], self.mean_)
        return np.where(items >= 0, self.item_mean_[items], of_user).astype(np.float32)


@dataclass(eq=False)
class ItemKNN(_Neighbours):
    """Items like those the user chose.

    With implicit feedback every item j of the user's history I_u votes for its own neighbours:
    score(u, i) = Σ_{j ∈ I_u, i ∈ N(j)} s(i, j), a set choice being worth 1 whatever its value
    (Deshpande & Karypis, 2004). With explicit feedback ratings are predicted,
    r̂_ui = r̄_i + Σ_{j ∈ I_u ∩ N(i)} s(i, j) (r_uj - r̄_j) / Σ |s(i, j)|  (Sarwar et al., 2001),
    N(i) being the item's nearest items, whether or not this user rated them.

    Args:
        similarity: cosine, pearson, jaccard or adjusted_cosine; see `item_similarity`.
        n_neighbours: size of N; None keeps every item with a positive similarity. Predicted ratings
            want more of them (100 or None) than ranked lists, since a user rated few of them.
        shrinkage: λ of `item_similarity`.
        feedback: "implicit" or "explicit".
        device: accepted like everywhere, without effect: the work is NumPy's and SciPy's.

    Raises:
        ValueError: for an option that means nothing; the message lists what does.
    """

    def _neighbours_of(self, ratings: sparse.csr_array) -> sparse.csr_array:
        n = self.n_neighbours or max(1, ratings.shape[1] - 1)
        return item_similarity(ratings, self.similarity, self.shrinkage, n)

    def _scores(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.feedback == "explicit":
            return self._expected(users)
        return (self.seen_[users] @ self.neighbours_).toarray()

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        near = self.neighbours_[items].toarray()
        return np.where(near > 0, near, -np.inf)

    def _own_means(self) -> NDArray[np.float32]:
        return self.item_mean_[self.seen_.indices]

    def _starting_points(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.item_mean_

    def _weighted(self, users: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
        voters = self.neighbours_.T
        return (self.centred_[users] @ voters).toarray(), (self.seen_[users] @ voters).toarray()


@dataclass(eq=False)
class UserKNN(_Neighbours):
    """What users like this one chose.

    With implicit feedback score(u, i) = Σ_{v ∈ N(u), i ∈ I_v} s(u, v). With explicit feedback
    r̂_ui = r̄_u + Σ_{v ∈ N(u) rated i} s(u, v) (r_vi - r̄_v) / Σ |s(u, v)|  (Resnick et al., 1994),
    N(u) being the user's nearest users, whether or not they rated i.

    Args:
        similarity: cosine, pearson, jaccard or adjusted_cosine; see `user_similarity`.
        n_neighbours: size of N; None keeps every user with a positive similarity. Predicted ratings
            want more of them (100 or None) than ranked lists, since few of them rated an item.
        shrinkage: λ of `item_similarity`, with common items for common users.
        feedback: "implicit" or "explicit".
        device: accepted like everywhere, without effect: the work is NumPy's and SciPy's.

    Raises:
        ValueError: for an option that means nothing; the message lists what does.
    """

    def _neighbours_of(self, ratings: sparse.csr_array) -> sparse.csr_array:
        n = self.n_neighbours or max(1, ratings.shape[0] - 1)
        return user_similarity(ratings, self.similarity, self.shrinkage, n)

    def _scores(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.feedback == "explicit":
            return self._expected(users)
        return (self.neighbours_[users] @ self.seen_).toarray()

    def _own_means(self) -> NDArray[np.float32]:
        return np.repeat(self.user_mean_, np.diff(self.seen_.indptr))

    def _starting_points(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.user_mean_[users, None]

    def _weighted(self, users: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
        voters = self.neighbours_[users]
        return (voters @ self.centred_).toarray(), (voters @ self.seen_).toarray()


def _centred(ratings: sparse.csr_array, means: NDArray[np.float32]) -> sparse.csr_array:
    """Ratings minus the mean that belongs to each, (nnz,) in the matrix's order."""
    return sparse.csr_array((ratings.data - means, ratings.indices, ratings.indptr), shape=ratings.shape)
