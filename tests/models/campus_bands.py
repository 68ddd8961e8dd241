"""What the tests share that hold models to a band on campus."""

import numpy as np

from coursekit.metrics import evaluate


def ndcg(model, split, train=None):
    """NDCG@10 over all items of a model fitted here, on `train` where it is given."""
    users = np.unique(split.test.user)
    ranked = model.fit(split.train if train is None else train).recommend(users, k=10).items
    return evaluate(ranked, split.test, users, metrics=["ndcg"], n_bootstrap=0)["value"].item()


def with_network(cls, change):
    """The model with its network changed after it was made."""

    class Broken(cls):
        def _network(self):
            network = super()._network()
            change(network)
            return network

    return Broken
