"""The settings with which the course repeats the tables of the NCF paper, frozen here."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

from coursekit.models.ncf.recommenders import GMF, MLP, NeuMF

_ADAM = {"epochs": 12, "batch_size": 2048, "learning_rate": 0.005, "decay": True, "weight_decay": 0.05}
PAPER_SETTINGS = MappingProxyType({"GMF": _ADAM, "MLP": _ADAM, "NeuMF": _ADAM, "NeuMF pretrained": _ADAM})
PAPER_MODELS = tuple(PAPER_SETTINGS)
_CLASSES = {"GMF": GMF, "MLP": MLP, "NeuMF": NeuMF, "NeuMF pretrained": NeuMF}


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
    if name not in PAPER_SETTINGS:
        raise ValueError(f"name={name!r}: choose one of {', '.join(PAPER_MODELS)}")
    if (name == "NeuMF pretrained") != (pretrained is not None):
        which = "needs" if pretrained is None else "takes no"
        raise ValueError(f"{name!r} {which} pretrained=(a fitted GMF, a fitted MLP)")
    options: dict[str, Any] = dict(PAPER_SETTINGS[name])
    if pretrained is not None:
        options["pretrained"] = pretrained
    return _CLASSES[name](factors, rng=seed, **options)
