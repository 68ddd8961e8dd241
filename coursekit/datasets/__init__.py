"""Data by name: a registry, verified downloads, and loaders that return one `Interactions`.

>>> campus = load("campus")             # shipped with the course, works offline
>>> films = load("ml-100k")             # found in COURSEKIT_DATA or downloaded  # doctest: +SKIP
>>> mine = from_csv("ratings.csv")      # your own file                          # doctest: +SKIP
"""

from coursekit.datasets.campus import CampusTables, campus_tables
from coursekit.datasets.csvfile import from_csv
from coursekit.datasets.errors import DataError
from coursekit.datasets.loading import load
from coursekit.datasets.ncf import NCFSplit, ncf_split
from coursekit.datasets.registry import DATASETS, Dataset
from coursekit.datasets.store import data_home, fetch, find
from coursekit.datasets.useritem import from_user_item

__all__ = [
    "DATASETS",
    "CampusTables",
    "DataError",
    "Dataset",
    "NCFSplit",
    "campus_tables",
    "data_home",
    "fetch",
    "find",
    "from_csv",
    "from_user_item",
    "load",
    "ncf_split",
]
