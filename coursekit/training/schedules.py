"""How the learning rate moves: up from nothing, then down to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def warmup_linear(total_steps: int, warmup: float = 0.1) -> Callable[[Optimizer], LambdaLR]:
    """For `TrainingOptions.scheduler`: the rate rises in a straight line, then falls in one to zero.

    With n steps, w = warmup · n (rounded) of them rising, step s = 0 … n - 1 is taken with the rate times
    s / w  where s < w,   (n - s) / (n - w)  from then on,
    as by transformers' `get_linear_schedule_with_warmup`: with a warm-up the first step moves nothing, and
    after the last one, at s = n, the rate would be 0. At first Adam knows the gradients' usual size from a
    handful of batches only, and full steps can throw away what pretraining has learned (Devlin et al., 2019,
    warm up over 10,000 of 1,000,000 steps). Every parameter group keeps its own rate and is multiplied by
    the same factor.

    Args:
        total_steps: n, the optimiser steps of the whole training: epochs · ⌈batches an epoch / accumulate⌉.
        warmup: the share of them on which the rate rises, from 0 (none) up to but not including 1.

    Raises:
        ValueError: when there is no step, or the share lies outside.

    Example:
        >>> options = TrainingOptions(scheduler=warmup_linear(3 * len(batches)), epochs=3)  # doctest: +SKIP
    """
    if total_steps < 1:
        raise ValueError(f"total_steps={total_steps}: a schedule needs at least 1 step")
    if not 0 <= warmup < 1:
        raise ValueError(f"warmup={warmup} must be a share of the steps, at least 0 and below 1")
    rising = round(warmup * total_steps)

    def factor(step: int) -> float:
        if step < rising:
            return step / rising
        return max(0.0, (total_steps - step) / (total_steps - rising))

    return partial(LambdaLR, lr_lambda=factor)
