"""An LSTM that reads both ways without reading padding, and attention that pools what it read."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from coursekit.models.sequences import last_state


class BiLSTM(nn.Module):
    """Two LSTMs over the same sequence, one reading ahead and one reading back (Graves & Schmidhuber, 2005).

    h_t = [ahead_t ; back_t]; ahead_t has read steps 1 … t, back_t steps T … t.

    Read back, a row padded on the right would begin with its padding. So each row is turned round within its
    own length, which leaves the padding at the end: the states of a sequence do not depend on how much of it
    follows. Packed sequences give the same states, slower on a CPU.

    Args:
        inputs: width of what is read.
        width: of a state; half belongs to either direction.

    Raises:
        ValueError: when `width` is odd or below 2.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        if width < 2 or width % 2:
            raise ValueError(f"width={width} must be even: half of it belongs to either direction")
        self.ahead, self.back = (nn.LSTM(inputs, width // 2, batch_first=True) for _ in range(2))

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        """States.

        Args:
            x: (B, T, inputs), padded on the right.
            lengths: (B,) number of real steps.

        Returns:
            (B, T, width); beside padding they mean nothing.
        """
        turn = _RowsTurned(lengths, x.shape[1])
        ahead, _ = self.ahead(x)
        back, _ = self.back(turn(x))
        return torch.cat([ahead, turn(back)], dim=-1)

    def last(self, states: Tensor, lengths: Tensor) -> Tensor:
        """[ahead_T ; back_1], the two states that have read everything: (B, width)."""
        half = states.shape[-1] // 2
        return torch.cat([last_state(states[..., :half], lengths), states[:, 0, half:]], dim=-1)


class StepDropout(nn.Dropout):
    """Dropout that leaves out the same numbers at every step of a sequence (Gal & Ghahramani, 2016).

    What is left out stays unknown for the whole sequence, so the network cannot read it off the step before;
    and T times fewer random numbers are drawn. On a CPU drawing all of them takes a third of the LSTM's time.

    Args:
        p: share of the numbers left out in training.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, width), the rest scaled by 1 / (1 - p)."""
        if not self.training or not self.p:
            return x
        return x * F.dropout(torch.ones_like(x[:, :1]), self.p)


class _Attention(nn.Module):
    """weights = softmax of scores e_t over the real steps; subclasses say what e_t is."""

    def forward(self, query: Tensor, states: Tensor, keep: Tensor) -> tuple[Tensor, Tensor]:
        """Pool states by how much they matter to the query.

        Args:
            query: (B, q).
            states: (B, T, width).
            keep: (B, T) bool, True where a real step stands.

        Returns:
            context (B, width), the weighted sum of the states, and weights (B, T): 0 beside padding, each
            row summing to 1. A row of padding only has weights and context 0.
        """
        scores = self.scores(query, states)
        weights = scores.masked_fill(~keep, torch.finfo(scores.dtype).min).softmax(dim=-1) * keep
        return (weights[:, None] @ states)[:, 0], weights

    def scores(self, query: Tensor, states: Tensor) -> Tensor:
        """e: (B, T)."""
        raise NotImplementedError


class AdditiveAttention(_Attention):
    """e_t = v · tanh(W_q q + W_h h_t + b)  (Bahdanau et al., 2015).

    Args:
        query: width of q.
        width: width of the states, and of the hidden layer.
    """

    def __init__(self, query: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(query, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, 1, bias=False)

    def scores(self, query: Tensor, states: Tensor) -> Tensor:
        """e: (B, T)."""
        return self.value(torch.tanh(self.query(query)[:, None] + self.key(states)))[..., 0]


class DotProductAttention(_Attention):
    """e_t = (W_q q) · h_t / √d  (Luong et al., 2015, "general"; scaled as in Vaswani et al., 2017).

    Args:
        query: width of q.
        width: d, of the states.
    """

    def __init__(self, query: int, width: int) -> None:
        super().__init__()
        self.query = nn.Linear(query, width, bias=False)

    def scores(self, query: Tensor, states: Tensor) -> Tensor:
        """e: (B, T)."""
        return (states @ self.query(query)[..., None])[..., 0] / states.shape[-1] ** 0.5


ATTENTIONS = {"additive": AdditiveAttention, "dot": DotProductAttention}


class _RowsTurned:
    """Turns rows round within their own lengths; doing it twice gives them back."""

    def __init__(self, lengths: Tensor, steps: int) -> None:
        # In a bucket of one length there is nothing to pass over.
        self.whole = bool((lengths == steps).all())
        if not self.whole:
            step, row = (torch.arange(n, device=lengths.device) for n in (steps, len(lengths)))
            mirrored = lengths[:, None] - 1 - step
            places = torch.where(mirrored >= 0, mirrored, step)
            self.rows = (places + steps * row[:, None]).flatten()

    def __call__(self, x: Tensor) -> Tensor:
        return x.flip(1) if self.whole else x.flatten(0, 1).index_select(0, self.rows).view_as(x)
