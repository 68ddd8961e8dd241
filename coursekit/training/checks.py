"""What a model, its data and its validation must look like, said before or while they are used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

Validate = Callable[[nn.Module], "Mapping[str, float] | float | None"]

#: Columns of the history that the trainer fills itself.
OWN_COLUMNS = ("epoch", "loss", "learning_rate", "batches", "seconds")


def check_inputs(model: nn.Module, batches: Iterable[Any], epochs: int) -> None:
    """TypeError for a model without `loss`, ValueError for batches that last one epoch only."""
    if not callable(getattr(model, "loss", None)):
        raise TypeError(f"{type(model).__name__} has no loss(batch), which the trainer calls")
    if isinstance(batches, Iterator) and epochs > 1:
        raise ValueError(
            f"batches is a {type(batches).__name__}, which can be gone through once, not {epochs} times; "
            "give a list, a DataLoader or an object with __iter__"
        )


def check_loss(loss: Any, model: nn.Module) -> None:
    """TypeError for a loss that is no () tensor or that depends on no parameter."""
    name = f"{type(model).__name__}.loss"
    if not isinstance(loss, Tensor) or loss.ndim:
        got = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise TypeError(f"{name} must return a () tensor, got {got}; take the mean over the batch")
    if not loss.requires_grad:
        raise TypeError(f"{name} depends on no parameter that can be trained: was it detached, or read off?")


def validated(validate: Validate | None, model: nn.Module) -> dict[str, float]:
    """Call `validate` in evaluation mode without gradients; its result by column name.

    Raises:
        ValueError: when a name is one the trainer uses itself.
    """
    if validate is None:
        return {}
    model.eval()
    with torch.no_grad():
        result = validate(model)
    if result is None:
        return {}
    named = dict(result) if isinstance(result, Mapping) else {"validation": result}
    for name in set(named) & set(OWN_COLUMNS):
        raise ValueError(
            f"validate returned {name!r}, a column the trainer fills itself; choose another name"
        )
    return {str(name): float(value) for name, value in named.items()}
