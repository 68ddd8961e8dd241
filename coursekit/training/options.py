"""Every choice of a training run, in one frozen place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from coursekit.runtime import Precision


@dataclass(frozen=True)
class TrainingOptions:
    """How to train. `dataclasses.replace(options, epochs=3)` makes a changed copy.

    Attributes:
        epochs: how many times to go through the data.
        learning_rate: the optimiser's step size.
        weight_decay: the optimiser's pull of all weights towards zero.
        optimizer: called as `optimizer(parameters, lr=learning_rate, weight_decay=weight_decay)`: a class of
            `torch.optim`, or `functools.partial(torch.optim.SGD, momentum=0.9)`.
        scheduler: called as `scheduler(optimizer)`; it changes the learning rate after every optimiser step
            (not epoch). None keeps the rate.
        accumulate: batches whose gradients make one optimiser step. Each counts by its size, so n batches
            give the step of one n times as large, also where the last batch is smaller.
        clip_norm: the longest gradient (L2 norm over all parameters) allowed; a longer one is shortened.
        patience: epochs without improvement of `monitor` after which to stop. Then, and also when the epochs
            run out first, the best epoch's parameters are restored. None: no stopping, no restoring.
        monitor: the column of the history to watch: "loss", "validation" where `validate` returns a number,
            or one of the names it returns.
        mode: whether "min" or "max" of `monitor` is best. May be left out for a loss only.
        checkpoint: the file for everything that a resumed run needs; its folder is made when missing.
        checkpoint_every: write it after every so many optimiser steps, not only after every epoch.
        device: where to train; None leaves the choice to `pick_device`.
        precision: "auto", "float32", "bfloat16" or "float16" for autocast; see `autocast_dtype`.
        seed: seeds Python, NumPy and torch when training starts; None leaves them. A model has drawn its
            first parameters before: call `seed_everything` before you make it.
        read_loss_every: read the loss off the device every so many steps. Reading waits for the device, so
            more often is slower on a GPU; a NaN is found no later than this, and still named by its own step.
        progress: whether to draw a progress bar.

    Raises:
        ValueError: when a value lies outside its range.
    """

    epochs: int = 10
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    optimizer: Callable[..., Optimizer] = torch.optim.AdamW
    scheduler: Callable[[Optimizer], LRScheduler] | None = None
    accumulate: int = 1
    clip_norm: float | None = None
    patience: int | None = None
    monitor: str = "loss"
    mode: Literal["min", "max"] | None = None
    checkpoint: str | Path | None = None
    checkpoint_every: int | None = None
    device: str | torch.device | None = None
    precision: Precision = "auto"
    seed: int | None = 0
    read_loss_every: int = 10
    progress: bool = True

    def __post_init__(self) -> None:
        for name in ("epochs", "accumulate", "patience", "checkpoint_every", "read_loss_every"):
            self._check(name, whole=True, least=1)
        self._check("learning_rate", least=0)
        self._check("weight_decay", least=0)
        if self.clip_norm is not None and not self.clip_norm > 0:
            raise ValueError(f"clip_norm={self.clip_norm} must be above 0, or None for no clipping")
        if self.mode not in ("min", "max", None):
            raise ValueError(f"mode={self.mode!r}: choose 'min' or 'max'")
        if self.patience is not None and self.mode is None and "loss" not in self.monitor:
            raise ValueError(
                f"is a small or a large {self.monitor!r} best? Add mode='min' or mode='max' to monitor it"
            )
        if self.checkpoint_every is not None and self.checkpoint is None:
            raise ValueError("checkpoint_every needs a file to write to: checkpoint='runs/model.pt'")

    def _check(self, name: str, *, least: float, whole: bool = False) -> None:
        value = getattr(self, name)
        optional = name in ("patience", "checkpoint_every")
        if value is None and optional:
            return
        fits = not isinstance(value, bool) and (not whole or float(value).is_integer())
        if not fits or not least <= value < float("inf"):
            kind = "a whole number" if whole else "a number"
            raise ValueError(f"{name}={value!r} must be {kind} of at least {least}")
