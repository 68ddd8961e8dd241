"""The sizes of a BERT, under our names and under those of transformers' config.json."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from torch.nn import functional as F

# ours: transformers'
_THEIRS = {
    "vocabulary": "vocab_size",
    "width": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "inner": "intermediate_size",
    "max_length": "max_position_embeddings",
    "segments": "type_vocab_size",
    "activation": "hidden_act",
    "dropout": "hidden_dropout_prob",
    "attention_dropout": "attention_probs_dropout_prob",
    "eps": "layer_norm_eps",
    "spread": "initializer_range",
    "padding": "pad_token_id",
}
_TANH_GELU = partial(F.gelu, approximate="tanh")
ACTIVATIONS = {"gelu": F.gelu, "gelu_new": _TANH_GELU, "gelu_pytorch_tanh": _TANH_GELU, "relu": F.relu}


@dataclass(frozen=True)
class BertConfig:
    """How large a BERT is. The defaults are those of the small one that the course ships.

    `bert-base-uncased` would be `BertConfig(30522, 768, 12, 12, 3072, max_length=512)`.

    Attributes:
        vocabulary: number of tokens, special ones included.
        width: d, of every hidden state.
        layers: blocks of self-attention and feed-forward network.
        heads: attention heads in a block; divides `width`.
        inner: hidden units of the feed-forward network.
        max_length: positions that have an embedding; no text is longer.
        segments: kinds of segment embedding; 2 for pairs of texts.
        activation: "gelu" (exact, by erf), "gelu_new" or "gelu_pytorch_tanh" (approximated), or "relu".
        dropout: share of the hidden units dropped in training.
        attention_dropout: share of the attention weights dropped in training.
        eps: ε of layer normalisation.
        spread: standard deviation of the first weights.
        padding: id of the padding token.

    Raises:
        ValueError: when a size is below 1, `heads` does not divide `width`, or the activation is unknown.
    """

    vocabulary: int = 3000
    width: int = 128
    layers: int = 4
    heads: int = 4
    inner: int = 512
    max_length: int = 256
    segments: int = 2
    activation: str = "gelu"
    dropout: float = 0.1
    attention_dropout: float = 0.1
    eps: float = 1e-12
    spread: float = 0.02
    padding: int = 0

    def __post_init__(self) -> None:
        for name in ("vocabulary", "width", "layers", "heads", "inner", "max_length", "segments"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"{name}={value!r} must be a whole number of at least 1")
        if self.width % self.heads:
            raise ValueError(f"heads={self.heads} must divide width={self.width}")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"activation={self.activation!r}: choose one of {', '.join(ACTIVATIONS)}")

    @classmethod
    def from_transformers(cls, entries: Mapping[str, Any]) -> BertConfig:
        """From the entries of a config.json; those that BERT does not need are passed over.

        An entry that is missing has transformers' default, which is bert-base's.

        Raises:
            ValueError: when it describes something else than BERT: another `model_type`, relative positions,
                a decoder.
        """
        _check_is_bert(entries)
        ours = {name: entries[theirs] for name, theirs in _THEIRS.items() if theirs in entries}
        return cls(**(_BASE | {name: value for name, value in ours.items() if value is not None}))

    def to_transformers(self) -> dict[str, Any]:
        """The entries of a config.json for transformers; `from_transformers` makes an equal one of them."""
        ours = {_THEIRS[field.name]: getattr(self, field.name) for field in fields(self)}
        return {"model_type": "bert", "position_embedding_type": "absolute", **ours}


#: What transformers takes where config.json is silent.
_BASE = {"vocabulary": 30522, "width": 768, "layers": 12, "heads": 12, "inner": 3072, "max_length": 512}


def _check_is_bert(entries: Mapping[str, Any]) -> None:
    kind = entries.get("model_type")
    if kind != "bert":
        raise ValueError(f"this is the config.json of a model of type {kind!r}; only 'bert' can be read")
    positions = entries.get("position_embedding_type") or "absolute"
    if positions != "absolute":
        raise ValueError(f"position_embedding_type={positions!r}: only 'absolute' can be computed")
    if entries.get("is_decoder") or entries.get("add_cross_attention"):
        raise ValueError("this BERT is a decoder; only encoders can be read")
