"""`load`: every data set by its name."""

from __future__ import annotations

from pathlib import Path

from coursekit.datasets.campus import load_campus
from coursekit.datasets.errors import DataError
from coursekit.datasets.movielens import load_movielens
from coursekit.datasets.ncf import ncf_split
from coursekit.datasets.registry import CAMPUS, ML_1M_NCF, Dataset, entry
from coursekit.datasets.store import fetch
from coursekit.interactions import Interactions


def load(
    name: str | Dataset = "campus",
    *,
    value: str | None = None,
    folder: Path | str | None = None,
    progress: bool = True,
) -> Interactions:
    """Load a data set by name; what is not on this machine is downloaded first.

    Args:
        name: one of `DATASETS`: "campus" (shipped), "ml-100k", "ml-1m", "ml-latest-small",
            "ml-25m", "ml-1m-ncf" (only where it already lies; gives the training pairs, see
            `ncf_split` for the rest); or a `Dataset` of that format.
        value: campus only: what an interaction is worth, "enrolment" (default), "completed" or
            "rating"; see `load_campus`. MovieLens' values are its ratings.
        folder: where to look and to download to; by default `data_home()`. For campus: the
            folder that holds its three tables.
        progress: show a bar while downloading.

    Raises:
        DataError: when the name or value is unknown, or the data cannot be had or read.

    Example:
        >>> load("campus", value="rating").name
        'campus'
    """
    dataset = entry(name)
    if dataset is CAMPUS:
        return load_campus(value or "enrolment", folder)
    if value is not None:
        raise DataError(
            f"value={value!r} is for campus only; {dataset.name} has one kind of value. Leave it out"
        )
    if dataset is ML_1M_NCF:
        return ncf_split(folder).train
    return load_movielens(dataset, fetch(dataset, folder, progress))
