"""What every benchmark beside RecBole needs: to import it with today's NumPy, and to hand it our data."""

from __future__ import annotations

import importlib.metadata
import logging
import warnings
from pathlib import Path

import numpy as np
import torch

from coursekit.interactions import Interactions


def make_importable() -> None:
    """Give NumPy back the names that RecBole 1.2.1 was written for."""
    names = {"float": float, "int": int, "bool": bool, "object": object}  # gone since NumPy 1.24
    names |= {"float_": np.float64, "complex_": np.complex128, "unicode_": np.str_}  # and since 2
    vars(np).update({name: kind for name, kind in names.items() if name not in vars(np)})


def quieten() -> None:
    """After its import: say what that did to autograd, undo it, and silence what RecBole says."""
    print(f"RecBole {importlib.metadata.version('recbole')} left anomaly detection", end=" ")
    print("on" if torch.is_anomaly_enabled() else "off")
    torch.autograd.set_detect_anomaly(False)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")  # of pandas and torch, about what RecBole calls


def write_atomic_file(data: Interactions, folder: Path) -> None:
    """The data as RecBole reads it, with times where there are any."""
    folder.mkdir()
    columns = {"user_id:token": data.user, "item_id:token": data.item}
    if data.time is not None:
        columns["timestamp:float"] = data.time
    with open(folder / "ml.inter", "w") as file:
        file.write("\t".join(columns) + "\n")
        for row in zip(*(column.tolist() for column in columns.values()), strict=True):
            file.write("\t".join(map(str, row)) + "\n")
