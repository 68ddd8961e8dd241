"""What the trainer must know of a batch: how to move it, and how much it counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch


def to_device(batch: Any, device: torch.device) -> Any:
    """The same nest of tuples, lists and dicts with every tensor on `device`.

    Whatever has a `to` method is moved by it (packed sequences, tokeniser outputs); anything else (strings,
    numbers, NumPy arrays) stays as it is.
    """
    if isinstance(batch, torch.Tensor):
        # Copies into CUDA are queued in order, so there is nothing to wait for; elsewhere waiting is safe.
        return batch.to(device, non_blocking=device.type == "cuda")
    if hasattr(batch, "to") and callable(batch.to):
        return batch.to(device)
    if isinstance(batch, Mapping):
        return {name: to_device(part, device) for name, part in batch.items()}
    if isinstance(batch, tuple) and hasattr(batch, "_fields"):
        return type(batch)(*(to_device(part, device) for part in batch))
    if isinstance(batch, (tuple, list)):
        return type(batch)(to_device(part, device) for part in batch)
    return batch


def batch_size(batch: Any) -> int:
    """The number of examples: the first dimension of the first tensor or array found, else `len`, else 1."""
    for leaf in _leaves(batch):
        if getattr(leaf, "ndim", 0):
            return int(leaf.shape[0])
    return len(batch) if isinstance(batch, (list, tuple)) else 1


def _leaves(batch: Any) -> Iterator[Any]:
    if isinstance(batch, Mapping):
        batch = tuple(batch.values())
    if isinstance(batch, (tuple, list)):
        for part in batch:
            yield from _leaves(part)
    else:
        yield batch


def n_batches(batches: Iterable[Any]) -> int | None:
    """How many batches an epoch has, or None for a source that does not know."""
    try:
        return len(batches)
    except TypeError:
        return None
