"""MovieLens-1M in the evaluation protocol of the NCF paper (He et al. 2017, section 4.1)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from coursekit.datasets.errors import in_file
from coursekit.datasets.registry import ML_1M_NCF
from coursekit.datasets.store import fetch
from coursekit.interactions import Interactions


class NCFSplit(NamedTuple):
    """The authors' own hold-out: rank each user's test item among 99 negatives.

    Attributes:
        train: implicit interactions (value 1, no times).
        test: (n_users,) the held-out item of each user, as item rows of `train`.
        negatives: (n_users, 99) the sampled items, likewise.
    """

    train: Interactions
    test: NDArray[np.int64]
    negatives: NDArray[np.int64]


def ncf_split(folder: Path | str | None = None) -> NCFSplit:
    """Read `ml-1m-ncf/ml-1m-ncf.npz` from `folder` or `data_home()`; it cannot be downloaded.

    Raises:
        DataError: when the file is missing or damaged.
    """
    path = fetch(ML_1M_NCF, folder) / ML_1M_NCF.files[0]
    try:
        with np.load(path, allow_pickle=False) as stored:
            (user, item), test, negatives = stored["train"], stored["test"], stored["neg"]
    except (ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise in_file(path, f"is damaged ({error})", "restore it; datasets/README.md says how") from error
    n_items = 1 + max(item.max(), test.max(), negatives.max())
    ones = np.ones(len(user), np.float32)
    ids = np.arange(len(test)), np.arange(n_items)
    train = Interactions(user, item, ones, None, *ids, name=ML_1M_NCF.name)
    return NCFSplit(train, test.astype(np.int64), negatives.astype(np.int64))
