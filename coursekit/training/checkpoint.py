"""A checkpoint file: written whole or not at all, and read without running any code from it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import torch

from coursekit.files import whole_file

FORMAT = 1


def write(content: dict[str, Any], path: Path) -> None:
    """Write beside the old file, then take its place in one move.

    Whoever interrupts this, or pulls the plug, finds the old checkpoint or the new one, never half of one.

    Raises:
        TypeError: when something in it is more than tensors, numbers, strings and nests of them.
    """
    content = _plain(content | {"format": FORMAT}, "checkpoint")
    with whole_file(path) as draft, open(draft, "wb") as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())


def read(path: Path) -> dict[str, Any]:
    """What `write` wrote, tensors on the CPU.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file is damaged or was not written by `write`.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise FileNotFoundError(f"there is no checkpoint at {path}") from None
    except Exception as error:
        raise ValueError(f"{path} is no checkpoint, or a damaged one; delete it and train anew") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"{path} is not a checkpoint of format {FORMAT}; delete it and train anew")
    return content


def _plain(value: Any, place: str) -> Any:
    """A copy of the nest with NumPy scalars as Python numbers; TypeError names what is not plain."""
    if value is None or isinstance(value, torch.Tensor):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {name: _plain(part, f"{place}[{name!r}]") for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [_plain(part, f"{place}[{number}]") for number, part in enumerate(value)]
        return tuple(parts) if isinstance(value, tuple) else parts
    raise TypeError(
        f"{place} is a {type(value).__name__} and cannot be kept in a checkpoint; "
        "keep tensors, numbers, strings, and lists or dicts of them"
    )
