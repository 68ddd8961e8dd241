"""The same weights under our names and under transformers'."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

# One line for each module: where it stands with us, where with transformers. {} is the number of a block.
_MODULES = {
    "encoder.words": "bert.embeddings.word_embeddings",
    "encoder.positions": "bert.embeddings.position_embeddings",
    "encoder.segments": "bert.embeddings.token_type_embeddings",
    "encoder.norm": "bert.embeddings.LayerNorm",
    "encoder.blocks.{}.attention.query": "bert.encoder.layer.{}.attention.self.query",
    "encoder.blocks.{}.attention.key": "bert.encoder.layer.{}.attention.self.key",
    "encoder.blocks.{}.attention.value": "bert.encoder.layer.{}.attention.self.value",
    "encoder.blocks.{}.attention.output": "bert.encoder.layer.{}.attention.output.dense",
    "encoder.blocks.{}.attention_norm": "bert.encoder.layer.{}.attention.output.LayerNorm",
    "encoder.blocks.{}.widen": "bert.encoder.layer.{}.intermediate.dense",
    "encoder.blocks.{}.narrow": "bert.encoder.layer.{}.output.dense",
    "encoder.blocks.{}.norm": "bert.encoder.layer.{}.output.LayerNorm",
    "head.dense": "cls.predictions.transform.dense",
    "head.norm": "cls.predictions.transform.LayerNorm",
    "head": "cls.predictions",
}
# Weights that transformers has and an encoder does not need: the pooler over [CLS], the judge of next
# sentences, and numbers 0 … 511 that old files hold; the decoder is the word embeddings once more.
_UNUSED = re.compile(r"bert\.pooler\.|cls\.seq_relationship\.|.*position_ids$|cls\.predictions\.decoder\.")
_HEAD = "cls.predictions."
_OLD = {"gamma": "weight", "beta": "bias"}  # what TensorFlow calls them
_BLOCK = re.compile(r"\.(\d+)\.")


def load_transformers_state(
    encoder: nn.Module, state: Mapping[str, Tensor], head: nn.Module | None = None, *, source: str = ""
) -> None:
    """Copy the weights of a transformers BERT into a `BertEncoder`, in place.

    Names with or without "bert." before them are read, and the old "gamma" and "beta". Weights for other
    purposes (pooler, next sentence) are passed over. Nothing is written when something does not fit.

    Args:
        encoder: of the sizes that the state has.
        state: name -> tensor, in any precision.
        head: a `MaskedWordsHead` to be filled as well; None passes over the state's.
        source: where the state comes from, for the message.

    Raises:
        ValueError: names the parameters that are missing, unexpected or of another shape.
    """
    network = _together(encoder, head)
    theirs = {_full_name(name): tensor for name, tensor in state.items()}
    given = {name: tensor for name, tensor in theirs.items() if not _UNUSED.match(name)}
    if head is None:
        given = {name: tensor for name, tensor in given.items() if not name.startswith(_HEAD)}
    own = {theirs_of(name): tensor for name, tensor in network.state_dict().items()}
    if problems := _differences(own, given):
        begin = f"the weights of {source} do not fit" if source else "the weights do not fit"
        raise ValueError(f"{begin} this BERT: {'; '.join(problems)}")
    network.load_state_dict({name: given[theirs_of(name)] for name in network.state_dict()})


def transformers_state(encoder: nn.Module, head: nn.Module | None = None) -> dict[str, Tensor]:
    """The weights under transformers' names, as `BertForMaskedLM` has them."""
    return {theirs_of(name): tensor for name, tensor in _together(encoder, head).state_dict().items()}


def has_head(state: Mapping[str, Tensor]) -> bool:
    """Whether a transformers state holds an output layer for masked words."""
    return any(name.startswith(_HEAD + "transform.") for name in state)


def theirs_of(name: str) -> str:
    """Our name of a parameter in transformers' words.

    Example:
        >>> theirs_of("encoder.blocks.3.widen.bias")
        'bert.encoder.layer.3.intermediate.dense.bias'
    """
    module, _, kind = name.rpartition(".")
    block = _BLOCK.search(name)
    number = block.group(1) if block else ""
    return f"{_MODULES[_BLOCK.sub('.{}.', module + '.')[:-1]].format(number)}.{kind}"


def _together(encoder: nn.Module, head: nn.Module | None) -> nn.ModuleDict:
    return nn.ModuleDict({"encoder": encoder} | ({} if head is None else {"head": head}))


def _full_name(name: str) -> str:
    name, _, kind = name.rpartition(".")
    name = name if name.startswith(("bert.", "cls.")) else f"bert.{name}"
    return f"{name}.{_OLD.get(kind, kind)}"


def _differences(own: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> list[str]:
    problems = []
    if missing := sorted(own.keys() - given.keys()):
        problems.append(f"missing {_listed(missing)}")
    if unexpected := sorted(given.keys() - own.keys()):
        problems.append(f"unexpected {_listed(unexpected)}")
    for name in sorted(own.keys() & given.keys()):
        if own[name].shape != given[name].shape:
            problems.append(f"{name} is {tuple(given[name].shape)} instead of {tuple(own[name].shape)}")
    return problems


def _listed(names: list[str], at_most: int = 8) -> str:
    rest = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {rest} more" if rest > 0 else "")
