"""Adversarial training: learn from each batch twice, the second time with the words' worst small change."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from coursekit.training.callbacks import Callback
from coursekit.training.gradients import accumulate_gradients
from coursekit.training.state import TrainingState


class FGM(Callback):
    """The fast gradient method (Miyato, Dai and Goodfellow, 2017, "Adversarial training methods for
    semi-supervised text classification", ICLR).

    With E the embedding table and g = ∂L/∂E of the step, the small change of the table that raises the loss
    fastest is
    r = ε · g / ‖g‖₂,
    and the step follows the sum of two gradients, ∂L(E)/∂θ + ∂L(E + r)/∂θ: a text has to be understood also
    where its words stand slightly askew. The table is put back bit for bit before the optimiser moves.

    The paper changes the normalised embeddings at each sentence's positions. Here, as is usual for BERT, the
    table itself is changed, by the same r wherever a word occurs, so ε is a length in the table's own units.
    A step costs two forward and backward passes in place of one.

    The second pass is the trainer's own: the same weights of an accumulated step's batches, the same
    precision, float16 losses multiplied by the same scale. Where that overflows, the step follows the
    ordinary gradient alone. Where g is zero or not finite, so that it points nowhere, r is zero.

    Args:
        epsilon: ε, the length of r. 0 turns the second pass off.
        parameters: whose names contain this are E; several together make one g.

    Raises:
        ValueError: for a negative epsilon, and when training starts where no trainable parameter has such a
            name (a frozen table has no gradient); the message lists names there are.

    Example:
        >>> trainer = Trainer(options, callbacks=[FGM(0.5)])  # doctest: +SKIP
    """

    def __init__(self, epsilon: float, parameters: str = "word") -> None:
        if not 0 <= epsilon < float("inf"):
            raise ValueError(f"epsilon={epsilon} must be a length of at least 0")
        self.epsilon, self.parameters = epsilon, parameters

    def on_start(self, state: TrainingState) -> None:
        """Find the table."""
        trained = {name: p for name, p in state.model.named_parameters() if p.requires_grad}
        self._tables = [p for name, p in trained.items() if self.parameters in name]
        if not self._tables:
            raise ValueError(
                f"FGM(parameters={self.parameters!r}): no trained parameter has that in its name; there are "
                f"{', '.join(list(trained)[:8])}{', …' if len(trained) > 8 else ''}"
            )

    def on_gradients(self, state: TrainingState) -> None:
        """Add the gradient at E + r to the one at E."""
        if not self.epsilon:
            return
        ordinary = {p: p.grad for p in state.model.parameters() if p.grad is not None}
        with self._askew():
            for p in ordinary:
                p.grad = None
            accumulate_gradients(state)
        _unscale(state)
        for p, gradient in ordinary.items():
            p.grad = gradient if p.grad is None else p.grad.add_(gradient)

    @contextmanager
    def _askew(self) -> Iterator[None]:
        """E + r inside the block, E after it."""
        tables = [table for table in self._tables if table.grad is not None]
        before = [table.detach().clone() for table in tables]
        length = torch.stack([table.grad.norm() for table in tables]).norm() if tables else None
        with torch.no_grad():
            for table in tables:
                points = length.isfinite() & (length > 0)
                table.add_(torch.where(points, table.grad * (self.epsilon / length), 0.0))
        try:
            yield
        finally:
            with torch.no_grad():
                for table, old in zip(tables, before, strict=True):
                    table.copy_(old)


def _unscale(state: TrainingState) -> None:
    """Gradients as they are without the scaler; all zero where its scale was too large for one of them."""
    if not state.scaler.is_enabled():
        return
    gradients = [p.grad for p in _trained(state.model) if p.grad is not None]
    finite = torch.stack([gradient.isfinite().all() for gradient in gradients]).all()
    for gradient in gradients:
        gradient.copy_(torch.where(finite, gradient / state.scaler.get_scale(), 0.0))


def _trained(model: nn.Module) -> Iterator[Tensor]:
    return (parameter for parameter in model.parameters() if parameter.requires_grad)
