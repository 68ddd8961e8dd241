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
    vectors = (
        sparse.csr_array(vectors, dtype=np.float32)
        if sparse.issparse(vectors)
        else np.asarray(vectors, np.float32)
    )
    if vectors.ndim != 2 or vectors.shape[0] != n_items:
        raise ValueError(f"vectors of shape {vectors.shape} for {n_items} items; give ({n_items}, d)")
    finite = np.isfinite(vectors.data if sparse.issparse(vectors) else vectors)
    if not finite.all():
        raise ValueError("vectors holds NaN or infinite numbers; replace them first")
    return vectors


def unit(rows: Vectors, least: float = 0.0) -> Vectors:
    """Rows brought to length 1; those no longer than `least` become zeros."""
    length = np.sqrt(dense((rows * rows).sum(axis=1)))
    scale = np.divide(1.0, length, out=np.zeros_like(length), where=length > least)
    if sparse.issparse(rows):
        return sparse.csr_array(rows * scale[:, None])
    return (rows * scale[:, None]).astype(np.float32)


def dense(array: NDArray | sparse.sparray) -> NDArray[np.float32]:
    return np.asarray(array.toarray() if sparse.issparse(array) else array, np.float32)
