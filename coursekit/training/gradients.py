"""The gradients of one optimiser step, for the trainer and for callbacks that need them once more."""

from __future__ import annotations

from contextlib import nullcontext

import torch
from torch import Tensor

from coursekit.training.batches import to_device
from coursekit.training.checks import check_loss
from coursekit.training.state import TrainingState


def accumulate_gradients(state: TrainingState) -> Tensor:
    """Add up the gradients of the step's batches; returns their mean loss, on the device.

    L = sum of w_i L_i / sum of w_i: with w_i the sizes, the mean over all examples of the group.
    """
    group, weights, total = state.group, state.weights, sum(state.weights)
    if not total > 0:
        raise ValueError(f"the batches of step {state.step + 1} have no examples: {weights}")
    mean: Tensor | None = None
    for batch, weight in zip(group, weights, strict=True):
        with torch.autocast(state.device.type, state.dtype) if state.dtype else nullcontext():
            loss = state.model.loss(to_device(batch, state.device))
        check_loss(loss, state.model)
        loss = loss * (weight / total) if len(group) > 1 else loss
        state.scaler.scale(loss).backward()
        mean = loss.detach() if mean is None else mean + loss.detach()
    return mean
