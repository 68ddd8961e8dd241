"""What the bi-encoder and the cross-encoder share: texts of items, batches of histories, training, files."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coursekit.interactions import Interactions
from coursekit.models.base import Recommender
from coursekit.models.bert import BertEncoder
from coursekit.models.finetuning.texts import TEXTS, item_texts, rewriting, token_ids
from coursekit.models.finetuning.tuning import Tuning
from coursekit.models.options import check_choice
from coursekit.models.sequential import SequentialRecommender
from coursekit.runtime import pick_device

_NETWORK = "network."  # in a saved file: before the names of trained weights
TITLE_TOKENS = 24  # longest title within a history's text


@dataclass(eq=False)
class FineTunedRecommender(Tuning, SequentialRecommender):
    """A recommender whose network is a BERT that reads items' texts. Options: see `Tuning`, and:

    Args:
        max_length: the most recent events that count.
        text: what is read of an item: its "title" (column of `item_features`; where there is none, its whole
            text), or "title+description", its `item_text`.
        columns: columns of `item_features` whose labels are put before the text, such as ("subject",).
        max_tokens: of an item's text; what is longer loses its end. None: as many as the checkpoint can read.

    Attributes:
        ids_: (n_items, L) int32, the items' texts as tokens.
        titles_: (n_items, L') int32, their titles (or whole texts) at `TITLE_TOKENS` tokens at most.

    Raises:
        ValueError: for an option that means nothing; in `fit` when the data has no text.
    """

    text: str = field(default="title", kw_only=True)
    columns: Sequence[str] = field(default=(), kw_only=True)
    max_tokens: int | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice(self, TEXTS, text=self.text)
        self.columns = (self.columns,) if isinstance(self.columns, str) else tuple(self.columns)
        if self.decay or self.optimizer != "adam":
            raise ValueError("fine-tuning is by AdamW, its rate set by warmup; leave decay and optimizer out")

    @abstractmethod
    def _around(self, encoder: BertEncoder) -> nn.Module:
        """The network around an encoder."""

    def _network(self) -> nn.Module:
        return self._around(self._encoder_again())

    def _fit(self, data: Interactions) -> None:
        bert = self._load()
        self._prepare(data)
        texts = item_texts(data, self.text, self.columns)
        self.ids_ = token_ids(bert, texts, self.max_tokens).astype(np.int32)
        self.titles_ = token_ids(bert, item_texts(data, "title"), TITLE_TOKENS).astype(np.int32)
        self._rewritten = rewriting(bert, texts, self.augment, self.rng, self.max_tokens)
        try:
            batches = self._batches(data, pick_device(self.device))
        finally:
            del self._rewritten
        self._train(lambda: self._around(self._tuned(bert.encoder)), batches, self._validation())

    def _state(self) -> dict[str, object]:
        state = Recommender._state(self)
        del state["network_"]
        return state | self._trained_state(_NETWORK)

    def _restore(self, state: dict[str, object]) -> None:
        own = {name: state.pop(name) for name in list(state) if name.startswith(_NETWORK)}
        Recommender._restore(self, state)
        self._take_trained_state(self._network(), own, _NETWORK)

    def _as_ids(self, array: NDArray[np.int32]) -> Tensor:
        return torch.as_tensor(array, dtype=torch.int64)
