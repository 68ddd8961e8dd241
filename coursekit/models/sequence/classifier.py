"""Will this learner finish this course?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.features import check_features
from coursekit.models.options import check_at_least, check_choice
from coursekit.models.sequence.completion import CompletionExamples
from coursekit.models.sequence.completion_network import CompletionBatches, CompletionNetwork
from coursekit.models.sequence.layers import ATTENTIONS
from coursekit.runtime import cpu_threads, pick_device, seeded_training
from coursekit.training import Trainer, TrainingOptions
from coursekit.training.schedules import warmup_linear

EXAMPLES_AT_ONCE = 1024  # while predicting


@dataclass(eq=False)
class CompletionClassifier:
    """A BiLSTM reads what a learner began and how far they came; the course attends to it and decides.

    Trained by binary cross-entropy. The learning rate falls in a straight line to 0. On a CPU it trains on
    one thread, and the same seed gives the same numbers.

    Args:
        width: of embeddings, states and the hidden layer; even.
        scoring: how attention scores, "additive" (Bahdanau et al., 2015) or "dot" (Luong et al., 2015).
        dropout: share dropped in training of the embeddings read and of what is decided by.
        item_features: (n_items, a) float array, one row a course; see `feature_matrix`. Tells apart courses
            that nobody has taken yet.
        user_features: (n_users, b) likewise.
        epochs, learning_rate, weight_decay, batch_size, rng, progress, device: as in `NeuralRecommender`.
        patience: epochs without a better validation loss after which to stop; then the best epoch's weights
            are restored. None: train to the end.

    Attributes:
        network_: the trained `CompletionNetwork`, in evaluation mode.
        history_: one row an epoch (list of dictionaries); "validation" is the log loss of that data.

    Raises:
        ValueError: when an option is outside its range or features do not fit the examples.
    """

    width: int = 32
    scoring: str = "additive"
    dropout: float = 0.2
    item_features: ArrayLike | None = None
    user_features: ArrayLike | None = None
    epochs: int = field(default=5, kw_only=True)
    learning_rate: float = field(default=3e-3, kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)
    batch_size: int = field(default=256, kw_only=True)
    patience: int | None = field(default=None, kw_only=True)
    rng: int = field(default=0, kw_only=True)
    progress: bool = field(default=False, kw_only=True)
    device: str | None = field(default=None, kw_only=True)

    def fit(
        self, train: CompletionExamples, validation: CompletionExamples | None = None
    ) -> CompletionClassifier:
        """Learn from `train` and return the classifier itself. Fitting again starts afresh.

        Args:
            train: what to learn from.
            validation: later examples, for the column "validation" of `history_` and for `patience`. Not
                those of the final test: stopping where they are best makes them look better than they are.

        Raises:
            TypeError: when these are no `CompletionExamples`.
            ValueError: when there are no examples, or `patience` has nothing to watch.
        """
        for examples in (train, validation or train):
            if not isinstance(examples, CompletionExamples):
                raise TypeError(f"fit needs what completion_examples gives, not {type(examples).__name__}")
        if not len(train):
            raise ValueError("there are no examples to learn from")
        if self.patience is not None and validation is None:
            raise ValueError(f"patience={self.patience} watches a validation loss: fit(train, validation)")
        device = pick_device(self.device)
        batches = CompletionBatches(train, self.batch_size, self.rng, device)
        trainer = Trainer(self._options(len(batches), device))
        with seeded_training(self.rng, device):
            self.network_ = self._network(train).to(device).eval()
            trainer.fit(self.network_, batches, self._validation(validation))
        self.history_ = trainer.history.to_dict("records")
        return self

    def predict_proba(self, examples: CompletionExamples) -> NDArray[np.float32]:
        """The probability that each course is finished: (N,) float32, between 0 and 1.

        `examples.finished` is not looked at.

        Raises:
            RuntimeError: before `fit`.
        """
        return torch.sigmoid(self._predict(examples)[0]).numpy()

    def attention(self, examples: CompletionExamples) -> NDArray[np.float32]:
        """How much each earlier course counted: (N, H) float32 beside `examples.histories`.

        0 beside padding; each row sums to 1, or to 0 where there is no history.

        Raises:
            RuntimeError: before `fit`.
        """
        return self._predict(examples)[1].numpy()

    def _options(self, n_batches: int, device: torch.device) -> TrainingOptions:
        return TrainingOptions(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            optimizer=partial(torch.optim.AdamW, fused=True),
            scheduler=warmup_linear(self.epochs * n_batches, warmup=0),
            patience=self.patience,
            monitor="validation",
            mode="min",
            device=device,
            precision="float32",
            seed=None,  # seeded in `fit`, without touching the reader's own random numbers
            progress=self.progress,
        )

    def _network(self, train: CompletionExamples) -> CompletionNetwork:
        check_at_least(self, 2, width=self.width)
        check_choice(self, tuple(ATTENTIONS), scoring=self.scoring)
        sizes = {"item_features": train.n_items, "user_features": train.n_users}
        features = {
            name: torch.as_tensor(check_features(getattr(self, name), name, n))
            for name, n in sizes.items()
            if getattr(self, name) is not None
        }
        return CompletionNetwork(train.n_items, self.width, self.scoring, self.dropout, **features)

    def _validation(self, examples: CompletionExamples | None) -> Callable[[nn.Module], float] | None:
        if examples is None:
            return None
        finished = torch.as_tensor(examples.finished, dtype=torch.float32)
        return lambda _: F.binary_cross_entropy_with_logits(self._predict(examples)[0], finished).item()

    def _predict(self, examples: CompletionExamples) -> tuple[Tensor, Tensor]:
        """Logits (N,) and attention weights (N, H), on the CPU."""
        if not hasattr(self, "network_"):
            raise RuntimeError("this CompletionClassifier has learned nothing yet: call fit(train) first")
        device = next(self.network_.parameters()).device
        logits, weights = torch.zeros(len(examples)), torch.zeros(examples.histories.shape)
        batches = CompletionBatches(examples, EXAMPLES_AT_ONCE, 0, device).by_length()
        with torch.inference_mode(), cpu_threads(1):
            for rows, batch in batches:
                found, theirs = self.network_(batch)
                logits[rows.cpu()] = found.cpu()
                weights[rows.cpu(), : theirs.shape[1]] = theirs.cpu()
        return logits, weights
