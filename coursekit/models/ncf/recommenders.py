"""GMF, MLP and NeuMF as recommenders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from numpy.typing import ArrayLike

from coursekit.interactions import Interactions
from coursekit.models.features import SideFeatures
from coursekit.models.ncf.network import NCFNetwork
from coursekit.models.ncf.pretraining import fuse
from coursekit.models.neural import NeuralRecommender
from coursekit.models.options import check_at_least
from coursekit.models.pairs import SampledPairs


@dataclass(eq=False)
class _NCF(NeuralRecommender):
    """What the three share: predictive factors, sampled negatives, one network."""

    factors: int = 8
    n_negatives: int = field(default=4, kw_only=True)

    def _batches(self, data: Interactions, device: torch.device) -> SampledPairs:
        return SampledPairs(data, self.n_negatives, self.batch_size, self.rng, device)


@dataclass(eq=False)
class GMF(_NCF):
    """Generalised matrix factorisation: y = h · (p_u ⊙ q_i) + b (He et al., 2017, section 3.2).

    With h = (1, …, 1) it would be plain matrix factorisation. Trained by binary cross-entropy on the
    observed pairs against `n_negatives` sampled ones each.

    Args:
        factors: width of p_u and q_i.
        n_negatives: negatives for each observed pair; the paper's choice is 4.
    """

    def _network(self) -> NCFNetwork:
        check_at_least(self, 1, factors=self.factors)
        return NCFNetwork(self.n_users, self.n_items, self.factors, layers=())


@dataclass(eq=False)
class MLP(_NCF):
    """A tower of hidden layers over the two embeddings side by side (He et al., 2017, section 3.3).

    With the paper's three hidden layers, 8 `factors` mean embeddings of 16 and layers of 32, 16 and 8: the
    last hidden layer has as many units as there are predictive factors.

    Args:
        factors: width of the last hidden layer.
        n_negatives: as in `GMF`.
        embedding: width of the embeddings; None means 2 · factors.
        layers: widths of the hidden layers; None means 4, 2 and 1 times `factors`.
        dropout: share of the hidden units dropped in training.
    """

    embedding: int | None = None
    layers: Sequence[int] | None = None
    dropout: float = 0.0

    def _network(self) -> NCFNetwork:
        return self._tower(0)

    def _tower(self, factors: int, **features: torch.Tensor | None) -> NCFNetwork:
        layers = tuple(self.layers or (4 * self.factors, 2 * self.factors, self.factors))
        embedding = self.embedding or 2 * self.factors
        check_at_least(self, 1, factors=self.factors, embedding=embedding, layers=min(layers))
        return NCFNetwork(self.n_users, self.n_items, factors, embedding, layers, self.dropout, **features)


@dataclass(eq=False)
class NeuMF(SideFeatures, MLP):
    """GMF and MLP, each with embeddings of its own, fused before the output (section 3.4).

    y = h · [p_u ⊙ q_i ; φ(x)] + b. The loss is not convex, so where one starts matters: with `pretrained`
    all weights come from a fitted GMF and a fitted MLP, their output weights scaled by α and 1 - α
    (equation 13). The paper goes on from there with plain SGD, `optimizer="sgd"`, since Adam's momentum
    is not known. Go on gently: large steps soon lose what the average of two models is worth.

    Features let the model score users and items that nobody has met yet. They are inputs of the tower, beside
    its embeddings. With item features, negatives are drawn only among items that somebody met, and with
    user features also a user without history gets scores of their own.

    Args:
        factors: width of p_u, q_i and the last hidden layer.
        n_negatives, embedding, layers, dropout: as in `MLP`.
        pretrained: a `GMF` and an `MLP` fitted on the same data, with the same factors, embedding and layers.
        alpha: weight of the GMF part's output, between 0 and 1.
        user_features: (n_users, a) float array, one row a user; see `feature_matrix`.
        item_features: (n_items, b) likewise.

    Raises:
        ValueError: when a size is below 1, or the pretrained models or features do not fit the data.
        TypeError: when `pretrained` holds other models or in another order.
        RuntimeError: when one of them has not been fitted.
    """

    pretrained: tuple[GMF, MLP] | None = None
    alpha: float = 0.5
    user_features: ArrayLike | None = None
    item_features: ArrayLike | None = None

    def _network(self) -> NCFNetwork:
        features = {"user_features": self.user_features_, "item_features": self.item_features_}
        tables = {name: None if x is None else torch.as_tensor(x) for name, x in features.items()}
        network = self._tower(self.factors, **tables)
        if self.pretrained is not None:
            fuse(network, *_networks(self.pretrained), self.alpha)
        return network

    def _batches(self, data: Interactions, device: torch.device) -> SampledPairs:
        met_only = self.item_features_ is not None
        return SampledPairs(data, self.n_negatives, self.batch_size, self.rng, device, met_only)

    def _restore(self, state: dict[str, object]) -> None:
        self.pretrained = None  # a file holds no other models; what these gave is in the weights
        super()._restore(state)


def _networks(pretrained: tuple[GMF, MLP]) -> list[NCFNetwork]:
    for model, expected in zip(pretrained, (GMF, MLP), strict=True):
        if not isinstance(model, expected):
            got = type(model).__name__
            raise TypeError(f"pretrained=(gmf, mlp): a {got} stands where a {expected.__name__} belongs")
        model._check_fitted()
    return [model.network_ for model in pretrained]
