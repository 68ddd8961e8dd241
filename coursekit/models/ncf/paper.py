"""The settings with which the course repeats the tables of the NCF paper, frozen here."""

from __future__ import annotations

from typing import Any

from coursekit.models.ncf.recommenders import GMF, MLP, NeuMF

_SHARED = {"batch_size": 2048, "n_negatives": 4, "decay": 1}
# Chosen on MovieLens-1M by NDCG@10 on a validation part of the training data, one interaction a user among 99
# unmet films, at 8, 16 and 32 factors; one seed. What mattered, most first:
# - Weight decay: GMF with 32 factors gains 0.017 over none. Decay per step is learning_rate · weight_decay;
#   0.001 to 0.0015 suits most, and what has a tower wants more of it where it is larger.
# - A high learning rate that falls leaves no best epoch to guess. GMF begins near 0 and takes the largest
#   steps; NeuMF's tower dies at 0.02. NeuMF overfits first: above 8 factors it ends before the rate is 0.
# - Batches of 2,048 do as well as 1,024 at a third of the rate, in less time.
# - Pretrained: the average of GMF and MLP that NeuMF begins as is worth more than either, and with 16 and 32
#   factors than what training made of it, by Adam or by SGD; so it goes on for one epoch of very small steps.
#   GMF gets the larger weight, since with weight decay its logits spread half as far as the MLP's. With 8
#   factors the parts know too little on their own, and ten epochs of Adam make more of the two.
# Model: from this number of factors on: options.
_SETTINGS: dict[str, dict[int, dict[str, Any]]] = {
    "GMF": {8: {"epochs": 20, "learning_rate": 0.01, "weight_decay": 0.15}},
    "MLP": {
        8: {"epochs": 20, "learning_rate": 0.005, "weight_decay": 0.25},
        32: {"epochs": 20, "learning_rate": 0.005, "weight_decay": 0.4},
    },
    "NeuMF": {
        8: {"epochs": 30, "learning_rate": 0.007, "weight_decay": 0.1},
        16: {"epochs": 8, "learning_rate": 0.01, "weight_decay": 0.1, "decay": 0.8},
        32: {"epochs": 9, "learning_rate": 0.008, "weight_decay": 0.2, "decay": 0.75},
    },
    "NeuMF pretrained": {
        8: {"epochs": 10, "learning_rate": 0.006, "weight_decay": 0.1, "alpha": 0.5},
        16: {"epochs": 1, "learning_rate": 0.001, "optimizer": "sgd", "alpha": 0.7},
    },
}
_CLASSES = {"GMF": GMF, "MLP": MLP, "NeuMF": NeuMF, "NeuMF pretrained": NeuMF}
PAPER_MODELS = tuple(_SETTINGS)


def paper_settings(name: str, factors: int) -> dict[str, Any]:
    """The options of `paper_model(name, factors)`, as a new dictionary.

    Raises:
        ValueError: when there is no model of that name.
    """
    if name not in _SETTINGS:
        raise ValueError(f"name={name!r}: choose one of {', '.join(PAPER_MODELS)}")
    by_size = _SETTINGS[name]
    return _SHARED | by_size[max(size for size in by_size if size <= max(factors, min(by_size)))]


def paper_model(
    name: str, factors: int = 8, seed: int = 0, pretrained: tuple[GMF, MLP] | None = None
) -> GMF | MLP | NeuMF:
    """A model of He et al. (2017) as `tests/benchmarks/ncf_table.py` trains it on MovieLens-1M.

    Args:
        name: "GMF", "MLP", "NeuMF" or "NeuMF pretrained".
        factors: predictive factors; the paper has 8, 16, 32 and 64.
        seed: of the first weights, the order and the negatives.
        pretrained: for "NeuMF pretrained", a GMF and an MLP of the same `factors`, fitted on the same data.

    Raises:
        ValueError: when there is no model of that name, or `pretrained` is missing or not wanted.
    """
    options = paper_settings(name, factors)
    if (name == "NeuMF pretrained") != (pretrained is not None):
        which = "needs" if pretrained is None else "takes no"
        raise ValueError(f"{name!r} {which} pretrained=(a fitted GMF, a fitted MLP)")
    if pretrained is not None:
        options["pretrained"] = pretrained
    return _CLASSES[name](factors, rng=seed, **options)
