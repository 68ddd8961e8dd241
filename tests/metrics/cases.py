"""Random rankings to measure: with ties, with users who have nothing held out, with struck-out items."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Case:
    scores: np.ndarray  # (U, n_items)
    relevant: np.ndarray  # (U, n_items) bool
    order: np.ndarray  # (U, n_items) all items, best first, ties by lower index: sorted the slow way

    @property
    def test(self) -> sparse.csr_array:
        return sparse.csr_array(self.relevant.astype(np.float32))

    @property
    def placed(self) -> np.ndarray:
        """(U, n_items) scores without ties that give the same order: what scikit-learn is shown."""
        placed = np.empty(self.order.shape)
        np.put_along_axis(placed, self.order, np.arange(self.order.shape[1], 0, -1.0)[None, :], axis=1)
        return placed


def random_case(seed: int, *, ties: bool = False, n_users: int = 30, n_items: int = 37) -> Case:
    rng = np.random.default_rng(seed)
    scores = rng.standard_normal((n_users, n_items))
    if ties:
        scores = np.round(scores)
    # Between no and nearly all items relevant, user by user; every tenth user has none.
    relevant = rng.random((n_users, n_items)) < rng.random((n_users, 1)) ** 2
    relevant[::10] = False
    by_hand = [sorted(range(n_items), key=lambda item, row=row: (-row[item], item)) for row in scores]
    return Case(scores, relevant, np.array(by_hand))
