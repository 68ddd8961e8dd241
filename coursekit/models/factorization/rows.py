"""Batches for models that read whole rows of a matrix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy import sparse
from torch import Tensor


class RowBatch(NamedTuple):
    """B rows of a matrix with n columns.

    Attributes:
        values: (B, n) float32, 0 where there is nothing.
        counts: (B, n) float32, 1 where a cell counts in the loss and 0 elsewhere.
    """

    values: Tensor
    counts: Tensor


class MatrixRows:
    """The rows of a sparse matrix that hold something, in a new order every epoch, a dense batch at a time.

    Args:
        matrix: (m, n) sparse.
        every_cell: whether cells that hold nothing count, as zeros.
        batch_size: rows in a batch.
        seed: of the order.
        device: where batches are put.
    """

    def __init__(
        self, matrix: sparse.csr_array, every_cell: bool, batch_size: int, seed: int, device: torch.device
    ) -> None:
        self.matrix, self.every_cell, self.batch_size, self.device = matrix, every_cell, batch_size, device
        ones = np.ones_like(matrix.data)
        self.pattern = sparse.csr_array((ones, matrix.indices, matrix.indptr), shape=matrix.shape)
        self.rows = torch.as_tensor(np.flatnonzero(np.diff(matrix.indptr)))
        self.generator = torch.Generator().manual_seed(seed)

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[RowBatch]:
        """One epoch."""
        order = self.rows[torch.randperm(len(self.rows), generator=self.generator)]
        for rows in order.split(self.batch_size):
            values = self._dense(self.matrix, rows)
            yield RowBatch(
                values, torch.ones_like(values) if self.every_cell else self._dense(self.pattern, rows)
            )

    def _dense(self, matrix: sparse.csr_array, rows: Tensor) -> Tensor:
        return torch.as_tensor(matrix[rows.numpy()].toarray(), dtype=torch.float32, device=self.device)
