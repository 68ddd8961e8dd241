"""What all recommenders with a torch network share: one way to train, score, save and load."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from coursekit.interactions import Interactions
from coursekit.models.base import Recommender
from coursekit.runtime import cpu_threads, pick_device, seeded_training
from coursekit.training import Trainer, TrainingOptions

# Pairs scored at once: a tower of width 128 makes 32 MB of them.
PAIRS_AT_ONCE = 2**16
# Fused: one kernel for all parameters, twice as fast as a loop over them where the tables are small.
_OPTIMIZERS = {"adam": partial(torch.optim.AdamW, fused=True), "sgd": partial(torch.optim.SGD, fused=True)}
_NETWORK = "network."  # in a saved file: before the names of the network's own arrays


@dataclass(eq=False)
class NeuralRecommender(Recommender):
    """A recommender whose scores come from a torch network that the `Trainer` has trained.

    A model of its own writes `_network` and `_batches`, and `_prepare` where it keeps more of the data. The
    network has `forward(users (B,), items (C,) or (B, C)) -> (B, C)` and `loss(batch) -> ()`.

    On a CPU training runs on one thread (see `runtime.cpu_threads`), so the same seed gives the same numbers.

    Args:
        epochs: how many times to go through the data.
        learning_rate: step size of the optimiser.
        decay: share of the learning rate that is gone at the end, falling in a straight line from the first
            step to the last. At 1 the noise of small batches fades out, and no epoch has to be picked.
        optimizer: "adam" (AdamW), or "sgd" for plain stochastic gradient descent. The loss is a mean over
            the batch, so one embedding's gradient is small, and SGD wants rates of 0.1 and more.
        weight_decay: pull of all weights towards zero; each step takes learning_rate · weight_decay of them.
        batch_size: observed pairs in a batch; sampled negatives come on top.
        rng: seed of the first weights, the order and the negatives.
        progress: whether to draw a progress bar.
        device: where to compute; None leaves the choice to `pick_device`.

    Attributes:
        network_: the trained network, in evaluation mode.
        history_: one row an epoch, as the trainer wrote it (list of dictionaries).
    """

    epochs: int = field(default=20, kw_only=True)
    learning_rate: float = field(default=1e-3, kw_only=True)
    decay: float = field(default=0.0, kw_only=True)
    optimizer: str = field(default="adam", kw_only=True)
    weight_decay: float = field(default=0.0, kw_only=True)
    batch_size: int = field(default=2048, kw_only=True)
    rng: int = field(default=0, kw_only=True)
    progress: bool = field(default=False, kw_only=True)

    def _prepare(self, data: Interactions) -> None:
        """Keep what the network needs besides the numbers of users and items, as arrays ending in `_`."""

    @abstractmethod
    def _network(self) -> nn.Module:
        """The untrained network, built from options and what `_prepare` kept; `load` calls it too."""

    @abstractmethod
    def _batches(self, data: Interactions, device: torch.device) -> Iterable[Any]:
        """What an epoch consists of; `len` gives the number of batches."""

    def _optimizer(self) -> Callable[..., Optimizer]:
        if self.optimizer not in _OPTIMIZERS:
            raise ValueError(f"optimizer={self.optimizer!r}: choose one of {', '.join(_OPTIMIZERS)}")
        return _OPTIMIZERS[self.optimizer]

    def fit(self, data: Interactions, validate: Callable[[Any], Any] | None = None) -> NeuralRecommender:
        """Learn from `data` and return the model itself. Fitting again starts afresh.

        Args:
            data: what was observed.
            validate: called with this model after every epoch; returns a number or several by name, which
                become columns of `history_`.

        Raises:
            TypeError: when `data` is not an `Interactions`.
        """
        self._validate = validate
        try:
            return super().fit(data)
        finally:
            del self._validate

    def _fit(self, data: Interactions) -> None:
        device = pick_device(self.device)
        self._prepare(data)
        batches = self._batches(data, device)
        options = TrainingOptions(
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
            optimizer=self._optimizer(),
            scheduler=_falling(self.decay, self.epochs * len(batches)),
            device=device,
            precision="float32",
            seed=None,  # seeded below, without touching the reader's own random numbers
            progress=self.progress,
        )
        trainer = Trainer(options)
        with seeded_training(self.rng, device):
            self.network_ = self._network().to(device).eval()
            if len(batches):
                trainer.fit(self.network_, batches, self._validation())
        self.history_ = trainer.history.to_dict("records")

    def _validation(self) -> Callable[[nn.Module], Any] | None:
        if self._validate is None:
            return None
        return lambda _: self._validate(self)

    def _scores(self, users: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._scores_of(users, None)

    def _scores_of(self, users: NDArray[np.int64], items: NDArray[np.int64] | None) -> NDArray[np.float32]:
        return self._score_in_blocks(users, items)

    def _score_in_blocks(
        self, queries: NDArray[np.int64], items: NDArray[np.int64] | None
    ) -> NDArray[np.float32]:
        """Ask the network about (U, ...) queries and all items, or (U, C) chosen ones."""
        device = next(self.network_.parameters()).device
        everything = torch.arange(self.n_items, device=device)
        step = max(1, PAIRS_AT_ONCE // max(1, self.n_items if items is None else items.shape[1]))
        parts = []
        with torch.inference_mode(), cpu_threads(1):
            for start in range(0, len(queries), step):
                block = slice(start, start + step)
                asked = self._query(torch.as_tensor(queries[block], device=device))
                # -1 stands for an unknown item; what is computed for it is never read.
                theirs = everything if items is None else torch.tensor(items[block], device=device).clamp(0)
                parts.append(self.network_(asked, theirs).float().cpu())
        return torch.cat(parts).numpy()

    def _query(self, queries: Tensor) -> Tensor:
        """A last change before the network sees a block of queries."""
        return queries

    def _state(self) -> dict[str, object]:
        state = super()._state()
        tensors = state.pop("network_").state_dict()
        return state | {_NETWORK + name: tensor.cpu().numpy() for name, tensor in tensors.items()}

    def _restore(self, state: dict[str, object]) -> None:
        own = {name for name in state if name.startswith(_NETWORK)}
        super()._restore({name: value for name, value in state.items() if name not in own})
        device = pick_device(self.device)
        with torch.random.fork_rng(devices=[]):
            self.network_ = self._network()
        arrays = {name.removeprefix(_NETWORK): torch.as_tensor(state[name]) for name in own}
        self.network_.load_state_dict(arrays)
        self.network_.to(device).eval()


def _falling(share: float, steps: int) -> Callable[[Optimizer], LambdaLR] | None:
    if not 0 <= share <= 1:
        raise ValueError(f"decay={share} must lie between 0 (the rate stays) and 1 (it falls to 0)")
    if not share:
        return None
    return partial(LambdaLR, lr_lambda=lambda step: max(0.0, 1 - share * step / max(1, steps)))
