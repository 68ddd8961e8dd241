"""The two models every other one has to beat."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from coursekit.interactions import Interactions
from coursekit.models.base import Recommender


@dataclass(eq=False)
class Random(Recommender):
    """Scores drawn at random: the floor under all results.

    A user's scores depend on the seed and the user alone, so they are the same in every block of
    users and after `load`. Unknown users share one draw.

    Args:
        rng: seed or generator; `fit` draws one number from it.
        device: accepted like everywhere, without effect: there is nothing to compute.
    """

    rng: np.random.Generator | int = 0

    def _fit(self, data: Interactions) -> None:
        self.seed_ = int(np.random.default_rng(self.rng).integers(2**63))

    def _scores(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        scores = np.empty((len(users), self.n_items), np.float32)
        for row, user in zip(scores, users, strict=True):
            np.random.default_rng([self.seed_, user]).random(dtype=np.float32, out=row)
        return scores

    def _stranger_scores(self, n: int) -> NDArray[np.float32]:
        # Real users draw with their own row, which is below n_users.
        return self._scores(np.full(n, self.n_users))


@dataclass(eq=False)
class Popularity(Recommender):
    """Every user gets the same list: the items met by the most users.

    `score(u, i)` is the number of distinct users who met item i.

    Args:
        device: accepted like everywhere, without effect: counting happens in NumPy.
    """

    def _fit(self, data: Interactions) -> None:
        """Popularity is counted for every model, as the answer to unknown users."""

    def _scores(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._stranger_scores(len(users))
