"""What recommenders share that read a user's history in order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from coursekit.interactions import Interactions
from coursekit.models.neural import NeuralRecommender
from coursekit.models.options import check_at_least
from coursekit.models.sequences import PADDING, padded, trimmed, user_sequences


@dataclass(eq=False)
class SequentialRecommender(NeuralRecommender):
    """A neural recommender that knows a user by what they met, in order, and by nothing else.

    So it can score after any history (`score_next`), also that of somebody who was not there in training.

    A model of its own writes `_network` and `_batches`. The network has
    `forward(histories (B, T) tokens, items (C,) or (B, C) item rows) -> (B, C)` and `loss(batch)`; tokens are
    item rows + 1, oldest first, padded with 0 on the right.

    Args:
        max_length: the most recent events that count.

    Attributes:
        histories_: (n_users, H) int64 tokens of the fitted data; the most recent `max_length` of each user.
    """

    max_length: int = field(default=50, kw_only=True)

    def _prepare(self, data: Interactions) -> None:
        check_at_least(self, 1, max_length=self.max_length)
        self.histories_ = user_sequences(data, self.max_length)

    def _query(self, queries: Tensor) -> Tensor:
        return trimmed(queries)

    def _scores_of(self, users: NDArray[np.int64], items: NDArray[np.int64] | None) -> NDArray[np.float32]:
        histories = self.histories_[users]
        # Histories of one length side by side: a block is as wide as its longest.
        order = np.argsort((histories != PADDING).sum(axis=1), kind="stable")
        scores = self._score_in_blocks(histories[order], None if items is None else items[order])
        back = np.empty_like(scores)
        back[order] = scores
        return back

    def score_next(
        self, histories: Sequence[Sequence[int]], items: ArrayLike | None = None
    ) -> NDArray[np.float32]:
        """How well each item would follow each history; only the order within a row has a meaning.

        Args:
            histories: B lists of item rows, oldest first, at least one event each.
            items: item rows, (C,) the same for all or (B, C) for each history its own; None means all.

        Returns:
            (B, n_items) or (B, C) float32; -inf for an unknown item (-1).

        Raises:
            IndexError: when a row is outside the catalogue; the message quotes it.
            ValueError: when there is no history, or one is empty.
            RuntimeError: before `fit`.
        """
        tokens = self._tokens(histories)
        if items is None:
            return self._score_in_blocks(tokens, None)
        items = self._candidates(items, len(tokens))
        return np.where(items >= 0, self._score_in_blocks(tokens, items), np.float32(-np.inf))

    def _tokens(self, histories: Sequence[Sequence[int]]) -> NDArray[np.int64]:
        """Checked histories as (B, T) tokens."""
        self._check_fitted()
        if not len(histories):
            raise ValueError("histories is empty: give a list of lists of item rows, [[3, 17]] for one")
        for number, history in enumerate(histories):
            if not len(history):
                raise ValueError(f"history {number} is empty: there is nothing to go on from")
            if (self._rows("item", history) < 0).any():
                raise IndexError(f"history {number} holds an unknown item (-1): leave it out")
        return padded(histories, self.max_length)
