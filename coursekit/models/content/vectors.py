"""Item vectors: texts put together, vectors of one's own checked, lengths brought to 1."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from coursekit.interactions import Interactions

Vectors = NDArray[np.float32] | sparse.csr_array


def described(data: Interactions, columns: Sequence[str] = ()) -> list[str]:
    """Each item's text with the labels of these feature columns added; missing labels add nothing.

    Raises:
        ValueError: when the data has no text, or no such column; the message says what there is.
    """
    if data.item_text is None:
        raise ValueError(
            f"{data.name} has no item_text: give Interactions one text an item (item_text=…), load data that "
            "has it (campus, ml-100k), or give ContentBased(vectors=…) vectors of your own"
        )
    texts = ["" if pd.isna(text) else str(text) for text in data.item_text]
    features = pd.DataFrame() if data.item_features is None else data.item_features
    for column in columns:
        if column not in features.columns:
            raise ValueError(f"item_features has no column {column!r}; it has {list(features.columns)}")
        labels = features[column].astype(object)
        texts = [
            text if pd.isna(label) else f"{text} {label}" for text, label in zip(texts, labels, strict=True)
        ]
    return texts


def given(vectors: ArrayLike | sparse.sparray, n_items: int) -> Vectors:
    """Vectors of somebody's own, as float32.

    Raises:
        ValueError: when there is not one row an item, or a number is not finite.
    """
    made = sparse.csr_array(vectors) if sparse.issparse(vectors) else np.asarray(vectors)
    if made.ndim != 2 or made.shape[0] != n_items:
        raise ValueError(
            f"vectors has the shape {made.shape}; the data needs ({n_items}, d), one row an item"
        )
    made = made.astype(np.float32)
    if not np.isfinite(lengths(made)).all():
        row = int(np.argmin(np.isfinite(lengths(made))))
        raise ValueError(f"row {row} of vectors holds NaN or infinite numbers; replace them first")
    return made


def unit(rows: Vectors, least: float = 0.0) -> Vectors:
    """Rows brought to length 1; those no longer than `least` become zeros."""
    length = lengths(rows)
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > least)[:, None]
    return sparse.csr_array(rows * scale) if sparse.issparse(rows) else rows * scale


def lengths(rows: Vectors) -> NDArray[np.float32]:
    """Euclidean length of each row: (n,)."""
    return np.sqrt(dense((rows * rows).sum(axis=1)))


def dense(array: NDArray | sparse.sparray) -> NDArray[np.float32]:
    """The same numbers in an ordinary float32 array."""
    return np.asarray(array.toarray() if sparse.issparse(array) else array, np.float32)
