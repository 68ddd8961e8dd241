"""Small steps at the bottom of a pretrained network, large ones at its top."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


def layerwise_adamw(
    model: nn.Module, decay: float, blocks: str | None = None, **options: object
) -> Callable[..., Optimizer]:
    """For `TrainingOptions.optimizer`: AdamW whose rate shrinks from the top of a network to its bottom.

    rate = learning_rate · decay ^ (depth from the top)
    What comes after the blocks (a head) has depth 0, the top one of L blocks 1, the lowest L, and what comes
    before them (embeddings) L + 1. The lower layers of a pretrained network know what is true of all texts
    and need little change, the upper ones serve the old task and the new head knows nothing yet (Howard and
    Ruder, 2018, "Universal language model fine-tuning", ACL, with a decay of 1 / 2.6; usual for BERT are 0.8
    to 0.95).

    A scheduler multiplies all rates alike. The first parameter group is the one nearest to the top, so its
    rate is the one in the trainer's history.

    Args:
        model: the network; before and after the blocks are told apart by the order in which it lists its
            parameters, so the head must be assigned after the encoder.
        decay: above 0; 1 gives every layer the same rate.
        blocks: name of the `nn.ModuleList` with the blocks; None takes the one with the most parameters.
        **options: for `torch.optim.AdamW`, for example betas.

    Raises:
        ValueError: for a decay of 0 or less; when the model has no such list.

    Example:
        >>> options = TrainingOptions(optimizer=layerwise_adamw(model, 0.9))  # doctest: +SKIP
    """
    if not 0 < decay < float("inf"):
        raise ValueError(f"decay={decay} must be above 0; 1 keeps the rate of every layer")
    depths = depths_from_top(model, blocks)

    def optimizer(parameters: Iterable[Tensor], lr: float, weight_decay: float = 0.0) -> Optimizer:
        by_depth: dict[int, list[Tensor]] = {}
        for parameter in parameters:
            by_depth.setdefault(depths[parameter], []).append(parameter)
        groups = [{"params": by_depth[depth], "lr": lr * decay**depth} for depth in sorted(by_depth)]
        return torch.optim.AdamW(groups, lr=lr, weight_decay=weight_decay, **options)

    return optimizer


def depths_from_top(model: nn.Module, blocks: str | None = None) -> dict[Tensor, int]:
    """How far each parameter lies below the top: 0 after the blocks, 1 … L in them, L + 1 before them.

    Raises:
        ValueError: when the model has no `nn.ModuleList` of that name, or none at all.
    """
    lists = {name: part for name, part in model.named_modules() if isinstance(part, nn.ModuleList)}
    if not lists or (blocks is not None and blocks not in lists):
        known = ", ".join(lists) or "none"
        raise ValueError(f"blocks={blocks!r}: {type(model).__name__} has these lists of blocks: {known}")
    stack = lists[blocks] if blocks is not None else max(lists.values(), key=_size)
    in_blocks = {p: len(stack) - place for place, block in enumerate(stack) for p in block.parameters()}
    depths, outside = {}, len(stack) + 1
    for parameter in model.parameters():
        if parameter in in_blocks:
            outside = 0  # what comes from here on and is in no block lies above them
        depths[parameter] = in_blocks.get(parameter, outside)
    return depths


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
