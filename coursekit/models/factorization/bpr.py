"""An order from factors: what a user chose stands above what the user did not."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray

from coursekit.interactions import Interactions
from coursekit.models.factorization.network import PairwiseNetwork
from coursekit.models.factorization.vectors import cosines
from coursekit.models.neural import NeuralRecommender
from coursekit.models.options import check_at_least
from coursekit.models.pairs import SampledPairs


@dataclass(eq=False)
class BPR(NeuralRecommender):
    """Matrix factorisation by Bayesian personalised ranking (Rendle et al., 2009).

    ŷ_ui = b_i + p_u · q_i. Triples of a user u, an item i that u met and an item j that u did not are drawn;
    minimised is, over them,

        -ln σ(ŷ_ui - ŷ_uj) + λ (|p_u|² + |q_i|² + |q_j|²).

    Only differences of a user's scores enter, so a user's own bias has no effect and stays 0.
    Values are not looked at: what was met is positive.

    Args:
        factors: length of p_u and q_i.
        n_negatives: items j for each observed pair, drawn anew every epoch; the loss is their mean.
        regularization: λ >= 0.
        epochs, learning_rate, batch_size, rng, …: see `NeuralRecommender`.

    Raises:
        ValueError: for an option outside its range.
    """

    factors: int = 32
    n_negatives: int = field(default=1, kw_only=True)
    regularization: float = field(default=0.01, kw_only=True)
    learning_rate: float = field(default=5e-3, kw_only=True)

    def __post_init__(self) -> None:
        check_at_least(self, 1, factors=self.factors, n_negatives=self.n_negatives)
        check_at_least(self, 0, regularization=self.regularization)

    def _network(self) -> PairwiseNetwork:
        everything = np.ones(self.n_items, bool)  # what nobody met is drawn as a negative, and learned from
        known_users = np.diff(self.seen_.indptr) > 0
        return PairwiseNetwork(known_users, everything, self.factors, regularization=self.regularization)

    def _batches(self, data: Interactions, device: torch.device) -> SampledPairs:
        return SampledPairs(data, self.n_negatives, self.batch_size, self.rng, device)

    def _similarities(self, items: NDArray[np.int64]) -> NDArray[np.float32]:
        factors = self.network_.items.weight.detach().cpu().numpy()[:, :-1]
        return cosines(factors, items, self.popularity_ > 0)
