"""Where a training run stands: all that changes while it runs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


@dataclass
class Best:
    """The best epoch so far.

    Attributes:
        value: what the monitored column was then; None before the first epoch.
        epoch: its number, from 1.
        waited: epochs since then.
        parameters: a copy of the model's state on the CPU.
    """

    value: float | None = None
    epoch: int = 0
    waited: int = 0
    parameters: dict[str, Tensor] | None = None

    def update(self, value: float, epoch: int, model: nn.Module, mode: str) -> None:
        """Keep the model's state where `value` is better (NaN never is), else count one more epoch."""
        known = -math.inf if self.value is None else self.value * (1 if mode == "max" else -1)
        if value * (1 if mode == "max" else -1) > known:
            self.value, self.epoch, self.waited = value, epoch, 0
            copies = model.state_dict().items()
            self.parameters = {name: tensor.detach().to("cpu", copy=True) for name, tensor in copies}
        else:
            self.waited += 1


@dataclass
class TrainingState:
    """What callbacks see.

    Attributes:
        model, optimizer, scheduler, scaler: what is being trained, and by what.
        device: where.
        dtype: what autocast computes matrix products in; None for plain float32.
        epoch: finished epochs.
        batch: finished batches of the running epoch.
        step: optimiser steps so far, over all epochs.
        group: the batches of the current optimiser step, as the data gave them.
        weights: how much each of them counts beside the others.
        loss: () tensor on the device, the mean over `group`; detached.
        rows: the finished epochs' rows of the history.
        best: the best epoch so far, kept only with `patience`.
        stop_reason: None while training goes on.
    """

    model: nn.Module
    optimizer: Optimizer
    scheduler: LRScheduler | None
    scaler: torch.amp.GradScaler
    device: torch.device
    dtype: torch.dtype | None = None
    epoch: int = 0
    batch: int = 0
    step: int = 0
    group: list[Any] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    loss: Tensor | None = None
    rows: list[dict[str, float]] = field(default_factory=list)
    best: Best = field(default_factory=Best)
    stop_reason: str | None = None
    # The running epoch's books: losses times weights, weights, and the losses not read off the device yet.
    loss_sum: float = 0.0
    weight_sum: float = 0.0
    unread: list[tuple[int, int, float, Tensor]] = field(default_factory=list)
    # Random states at the epoch's start (to draw the same order again) and, where it matters, of now.
    random_at_epoch_start: dict[str, Any] | None = None
    random_now: dict[str, Any] | None = None

    def stop(self, reason: str) -> None:
        """End training after the current step."""
        self.stop_reason = reason

    def record(self, loss: Tensor, weight: float) -> None:
        """Note a step's loss without waiting for the device."""
        self.loss = loss
        self.unread.append((self.step, self.batch, weight, loss))

    def read_losses(self, explain: Callable[[str], str]) -> float | None:
        """Read the noted losses and return the last; FloatingPointError for one that is not finite."""
        if not self.unread:
            return None
        values = torch.stack([loss.float() for *_, loss in self.unread]).tolist()
        unread, self.unread = self.unread, []
        for value, (step, batch, weight, _) in zip(values, unread, strict=True):
            if not math.isfinite(value):
                place = f"step {step} (epoch {self.epoch + 1}, batch {batch})"
                raise FloatingPointError(explain(f"the loss became {value} at {place}"))
            self.loss_sum += value * weight
            self.weight_sum += weight
        return values[-1]
