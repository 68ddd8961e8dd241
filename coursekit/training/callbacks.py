"""What may happen during training besides training, and when."""

from __future__ import annotations

from typing import Any

from coursekit.training.state import TrainingState


class Callback:
    """Override the moments you need; each receives the `TrainingState`.

    Example:
        >>> class PrintNorm(Callback):
        ...     def on_gradients(self, state):
        ...         print(sum(p.grad.norm() for p in state.model.parameters()))
    """

    def on_start(self, state: TrainingState) -> None:
        """Before the first epoch, or when a run is resumed."""

    def on_epoch_start(self, state: TrainingState) -> None:
        """Before an epoch's first batch, and again when a run is resumed in the middle of the epoch."""

    def on_gradients(self, state: TrainingState) -> None:
        """After the backward pass, before clipping and the optimiser step: gradients may be changed here.

        `state.group` holds the batches they come from.
        """

    def on_step(self, state: TrainingState) -> None:
        """After an optimiser step. `state.loss` is still on the device: reading it waits for the device."""

    def on_epoch_end(self, state: TrainingState) -> None:
        """After an epoch and its validation: `state.rows[-1]` is its row of the history."""

    def on_end(self, state: TrainingState) -> None:
        """At the end, also after Ctrl-C or an error; the best parameters are already restored."""

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must give back to this callback: tensors, numbers, strings, lists, dicts."""
        return {}

    def load_state_dict(self, saved: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
