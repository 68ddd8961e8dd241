"""What a run must remember to go on as if it had never stopped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from coursekit.training import checkpoint, randomness
from coursekit.training.batches import n_batches
from coursekit.training.callbacks import Callback
from coursekit.training.options import TrainingOptions
from coursekit.training.state import Best, TrainingState

#: The plain numbers of a `TrainingState`.
BOOKS = ("epoch", "batch", "step", "loss_sum", "weight_sum", "rows")


def save(
    state: TrainingState,
    path: Path,
    options: TrainingOptions,
    callbacks: Sequence[Callback],
    batches: Iterable[Any],
) -> None:
    """Write parameters, optimiser, scheduler, scaler, random states, place in the data, best and history.

    Raises:
        TypeError: when a callback's or scheduler's state is more than numbers, strings and tensors.
    """
    content = {
        "made_with": _circumstances(state, options, callbacks, batches),
        "model": state.model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "scheduler": state.scheduler.state_dict() if state.scheduler else None,
        "scaler": state.scaler.state_dict(),
        "callbacks": [callback.state_dict() for callback in callbacks],
        "books": {name: getattr(state, name) for name in BOOKS},
        "best": dict(vars(state.best)),
        "random": {
            "epoch_start": state.random_at_epoch_start,
            "now": state.random_now or randomness.global_state(),
            "data": randomness.data_state(batches),
        },
    }
    checkpoint.write(content, path)


def load(
    state: TrainingState,
    path: Path,
    options: TrainingOptions,
    callbacks: Sequence[Callback],
    batches: Iterable[Any],
) -> None:
    """Take back what `save` wrote.

    Raises:
        ValueError: when the checkpoint belongs to another model, optimiser, data or options.
    """
    saved = checkpoint.read(path)
    for name, value in _circumstances(state, options, callbacks, batches).items():
        before = saved["made_with"][name]
        if before != value:
            raise ValueError(f"{path} was made with {name}={before}, this run has {name}={value}")
    try:
        state.model.load_state_dict(saved["model"])
        state.optimizer.load_state_dict(saved["optimizer"])
    except (RuntimeError, ValueError, KeyError) as error:
        raise ValueError(f"{path} belongs to another model or optimiser: {error}") from error
    if state.scheduler:
        state.scheduler.load_state_dict(saved["scheduler"])
    if saved["scaler"]:  # empty where the first run needed none
        state.scaler.load_state_dict(saved["scaler"])
    for callback, its_state in zip(callbacks, saved["callbacks"], strict=True):
        callback.load_state_dict(its_state)
    for name in BOOKS:
        setattr(state, name, saved["books"][name])
    state.best = Best(**saved["best"])
    state.random_at_epoch_start = saved["random"]["epoch_start"]
    state.random_now = saved["random"]["now"]
    if state.random_at_epoch_start is None:
        randomness.restore_data_state(batches, saved["random"]["data"])


def _circumstances(
    state: TrainingState, options: TrainingOptions, callbacks: Sequence[Callback], batches: Iterable[Any]
) -> dict[str, Any]:
    """What must not change between the two halves of a run."""
    return {
        "accumulate": options.accumulate,
        "batches": n_batches(batches),
        "callbacks": [type(callback).__name__ for callback in callbacks],
        "optimizer": type(state.optimizer).__name__,
        "scheduler": state.scheduler is not None,
    }
