"""SASRec: what comes next, read from what came before."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from coursekit.interactions import Interactions
from coursekit.models.attention.network import AttentionNetwork
from coursekit.models.attention.recommender import AttentionRecommender
from coursekit.models.sequences import PADDING, NextItemBatches, SequenceBatch


class SASRecNetwork(AttentionNetwork):
    """Every step of a history asks for the step after it; its encoder is causal."""

    def loss(self, batch: SequenceBatch) -> Tensor:
        """The mean over all steps of the batch that something followed: ()."""
        # The first event is an input only; all others are targets as well.
        met = torch.cat([batch.inputs[:, :1], batch.targets], dim=1)
        real = batch.inputs != PADDING
        users, steps = real.nonzero(as_tuple=True)
        states, items = self.encoder(batch.inputs)[0][real], batch.targets[real] - 1
        return self.ranking_loss(states, items, users, steps, batch.inputs, met)


@dataclass(eq=False)
class SASRec(AttentionRecommender):
    """Self-attentive sequential recommendation (Kang and McAuley, 2018).

    Every step of a history looks back, by causal self-attention, on what was met until then, and the vector h
    that comes out of it scores what is met next: ŷ_i = h · e_i + b_i, with the same embeddings e that the
    history is made of. All steps of a history are trained in one pass.

    The paper tells each next item from one drawn item (`loss="bce"`). Telling it from all others
    ("softmax") ranks better in later work (Klenitskiy and Vasilev, 2023) and here, and is the default; for
    catalogues of ten thousand items and more "sampled" draws `n_negatives` for each batch instead.

    Besides that, two things differ from the authors' program: items have a bias b, and attention weights are
    not dropped out (the paper's equations drop the output of each part, as here).

    Args:
        width, heads, blocks, dropout, loss, n_negatives: see `AttentionRecommender`. The paper has 50, 1 and
            2, and 0.2 (MovieLens) or 0.5 dropped.
        max_length, epochs, learning_rate, rng, …: see `SequentialRecommender` and `NeuralRecommender`;
            `batch_size` counts histories.

    Raises:
        ValueError: for an option outside its range.
    """

    def _network(self) -> SASRecNetwork:
        encoder = self._encoder(self.n_items, self.max_length, self.width, "relu", causal=True)
        return self._around(encoder, SASRecNetwork)

    def _batches(self, data: Interactions, device: torch.device) -> NextItemBatches:
        return NextItemBatches(data, self.max_length, self.batch_size, self.rng, device)
