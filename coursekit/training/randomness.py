"""Random states as plain numbers and tensors, so that a resumed run draws what the first would have drawn."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

#: Where a source of batches may keep a generator of its own (the first is the source itself).
HOLDERS = ("", "sampler", "batch_sampler", "batch_sampler.sampler", "dataset")


def global_state() -> dict[str, Any]:
    """The states of Python's, NumPy's and torch's global generators."""
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - the global generator is what is meant
    state = {
        "python": random.getstate(),
        "numpy": [name, keys.tolist(), *rest],
        "torch": torch.get_rng_state(),
    }
    if torch.cuda.is_available():
        state["cuda"] = torch.cuda.get_rng_state_all()
    if torch.backends.mps.is_available():
        state["mps"] = torch.mps.get_rng_state()
    return state


def restore_global_state(state: dict[str, Any]) -> None:
    """Take back what `global_state` gave; devices that are not there are passed over."""
    version, numbers, gauss = state["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, *rest = state["numpy"]
    np.random.set_state((name, np.array(keys, np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if torch.cuda.is_available() and len(state.get("cuda", ())) == torch.cuda.device_count():
        torch.cuda.set_rng_state_all(state["cuda"])
    if torch.backends.mps.is_available() and "mps" in state:
        torch.mps.set_rng_state(state["mps"])


def data_state(batches: Any) -> dict[str, Any]:
    """The states of the generators that a source of batches holds in `generator` or `rng`.

    Looked for in the source and in its `sampler`, `batch_sampler` and `dataset`.
    """
    return {place: _state_of(generator) for place, generator in _generators(batches)}


def restore_data_state(batches: Any, state: dict[str, Any]) -> None:
    """Take back what `data_state` gave."""
    for place, generator in _generators(batches):
        if place not in state:
            raise ValueError(
                f"the checkpoint knows no random generator at batches.{place}: is it other data?"
            )
        _restore(generator, state[place])


def _generators(batches: Any) -> Iterator[tuple[str, Any]]:
    for holder in HOLDERS:
        owner = batches
        for name in filter(None, holder.split(".")):
            owner = getattr(owner, name, None)
        for name in ("generator", "rng"):
            found = getattr(owner, name, None)
            if isinstance(found, (torch.Generator, np.random.Generator, random.Random)):
                yield f"{holder}.{name}".lstrip("."), found


def _state_of(generator: torch.Generator | np.random.Generator | random.Random) -> Any:
    if isinstance(generator, torch.Generator):
        return generator.get_state()
    if isinstance(generator, random.Random):
        return generator.getstate()
    return _without_arrays(generator.bit_generator.state)


def _restore(generator: torch.Generator | np.random.Generator | random.Random, state: Any) -> None:
    if isinstance(generator, torch.Generator):
        generator.set_state(state)
    elif isinstance(generator, random.Random):
        version, numbers, gauss = state
        generator.setstate((version, tuple(numbers), gauss))
    else:
        generator.bit_generator.state = _with_arrays(state)


def _without_arrays(state: Any) -> Any:
    """NumPy arrays as lists with their type: torch's safe loader accepts no arrays."""
    if isinstance(state, dict):
        return {name: _without_arrays(part) for name, part in state.items()}
    if isinstance(state, np.ndarray):
        return {"array": state.tolist(), "dtype": str(state.dtype)}
    return state


def _with_arrays(state: Any) -> Any:
    if isinstance(state, dict) and set(state) == {"array", "dtype"}:
        return np.array(state["array"], state["dtype"])
    if isinstance(state, dict):
        return {name: _with_arrays(part) for name, part in state.items()}
    return state
