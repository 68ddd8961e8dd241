"""Training throughput of the BiLSTM with attention: examples a second, on campus.

    pip install -e .
    python tests/benchmarks/bench_sequence.py [--rounds 5]
    python tests/benchmarks/bench_sequence.py --learn        # do all learn the same?

An example is an event of the training part of campus' standard split with the history in front of it: 105,434
of them, 35 events long on average, 141 at most. The network is the same for all (the course's
`BiLSTMAttentionNetwork`: embeddings and states of 64, additive attention, cross-entropy over the 480 courses,
no dropout), so is the number of examples in a batch, 128. What differs is how examples become batches:

- coursekit: `BiLSTMAttention(...).fit(data)`, so with its trainer; length buckets.
- fixed length: the textbook. A `Dataset` of tensors padded to `MAX_LENGTH`, a `DataLoader` that shuffles.
- dynamic padding: a `collate_fn` pads a random batch to its longest history.
- packing: the same batches, packed for `nn.LSTM` by `pack_padded_sequence`.

The peers train with `torch.optim.AdamW` as it comes. With packing the BiLSTM reads the same as ours; without,
a textbook's backward LSTM begins with padding, and is left so. 150 is the next round number above the longest
history of campus.

One thread, CPU time of the process, the peers taking turns within each round, the first round thrown away,
medians. In a round ours takes more optimiser steps than the others, since a few buckets are no fair sample of
all lengths. Reading the data and the first three steps are not timed, for nobody, but batching, the forward
and backward pass and the update are.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from torch.utils.data import DataLoader, Dataset

from coursekit.datasets import load
from coursekit.interactions import Interactions
from coursekit.metrics import evaluate
from coursekit.models.sequence import BiLSTMAttention
from coursekit.models.sequence.bilstm import BiLSTMAttentionNetwork
from coursekit.models.sequence.prefixes import PrefixBatch
from coursekit.models.sequences import user_sequences
from coursekit.splits import Split, standard_split

WIDTH, MAX_LENGTH, BATCH, LEARNING_RATE = 64, 150, 128, 2e-3
WARM_UP, OUR_STEPS, THEIR_STEPS = 3, 200, 40


@dataclass
class Stopwatch:
    """Gives on the first batches of an epoch, and times them from the fourth on, their making included."""

    batches: Any
    steps: int
    cpu: float = 0.0
    examples: int = 0

    def __len__(self) -> int:
        return min(len(self.batches), WARM_UP + self.steps)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)

    def __iter__(self) -> Iterator[PrefixBatch]:
        for step, batch in zip(range(len(self)), self.batches, strict=False):
            if step == WARM_UP:
                start = time.process_time()
            if step >= WARM_UP:
                self.examples += len(batch.targets)
            yield batch
        self.cpu = time.process_time() - start


# --- ours ---------------------------------------------------------------------------------------------------


class Timed(BiLSTMAttention):
    """`BiLSTMAttention.fit` on the first steps of an epoch."""

    def _batches(self, data: Interactions, device: torch.device) -> Stopwatch:
        self.watch = Stopwatch(super()._batches(data, device), self.steps)
        return self.watch


def coursekit_of(data: Interactions, steps: int, seed: int) -> tuple[float, BiLSTMAttention]:
    """Examples a CPU second, and the model."""
    model = Timed(
        WIDTH,
        dropout=0.0,
        max_length=MAX_LENGTH,
        batch_size=BATCH,
        learning_rate=LEARNING_RATE,
        decay=0.0,
        epochs=1,
        rng=seed,
        device="cpu",
    )
    model.steps = steps
    model.fit(data)
    return model.watch.examples / model.watch.cpu, model


# --- the textbook -------------------------------------------------------------------------------------------


class Prefixes(Dataset):
    """One example at a time: a history as a tensor, and what came next."""

    def __init__(self, data: Interactions, length: int | None) -> None:
        sequences = user_sequences(data, len(data))
        self.sequences = [torch.as_tensor(row[row > 0]) for row in sequences]
        self.places = [(user, n) for user, row in enumerate(self.sequences) for n in range(1, len(row))]
        self.length = length

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, row: int) -> tuple[Tensor, Tensor]:
        user, n = self.places[row]
        history = self.sequences[user][max(0, n - MAX_LENGTH) : n]
        if self.length:
            history = nn.functional.pad(history, (0, self.length - len(history)))
        return history, self.sequences[user][n] - 1


def padded_to_the_longest(examples: list[tuple[Tensor, Tensor]]) -> PrefixBatch:
    histories, targets = zip(*examples, strict=True)
    return PrefixBatch(pad_sequence(histories, batch_first=True), torch.stack(targets))


def stacked(examples: list[tuple[Tensor, Tensor]]) -> PrefixBatch:
    histories, targets = zip(*examples, strict=True)
    return PrefixBatch(torch.stack(histories), torch.stack(targets))


class TextbookLSTM(nn.Module):
    """`nn.LSTM(bidirectional=True)`, in the place of the course's `BiLSTM`."""

    def __init__(self, packed: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(WIDTH, WIDTH // 2, batch_first=True, bidirectional=True)
        self.packed = packed

    def forward(self, x: Tensor, lengths: Tensor) -> Tensor:
        if not self.packed:
            return self.lstm(x)[0]
        packed = pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
        return pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0]

    def last(self, states: Tensor, lengths: Tensor) -> Tensor:
        rows, half = torch.arange(len(states)), WIDTH // 2
        return torch.cat([states[rows, lengths - 1, :half], states[:, 0, half:]], dim=-1)


@dataclass
class Textbook:
    """A plain loop over a `DataLoader`."""

    examples: Prefixes
    collate: Callable[[list[tuple[Tensor, Tensor]]], PrefixBatch]
    packed: bool = False
    network: nn.Module = field(init=False)

    def __call__(self, data: Interactions, steps: int, seed: int) -> tuple[float, nn.Module]:
        torch.manual_seed(seed)
        network = BiLSTMAttentionNetwork(data.n_items, WIDTH, "additive")
        network.bilstm = TextbookLSTM(self.packed)
        optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=0.0)
        watch = Stopwatch(DataLoader(self.examples, BATCH, shuffle=True, collate_fn=self.collate), steps)
        for batch in watch:
            optimizer.zero_grad()
            network.loss(batch).backward()
            optimizer.step()
        return watch.examples / watch.cpu, network.eval()


# --- measuring ----------------------------------------------------------------------------------------------


def peers_of(data: Interactions) -> dict[str, Callable[[Interactions, int, int], tuple[float, Any]]]:
    """The four, ours first."""
    by_need = Prefixes(data, None)
    return {
        "coursekit, length buckets": coursekit_of,
        f"fixed length {MAX_LENGTH}": Textbook(Prefixes(data, MAX_LENGTH), stacked),
        "dynamic padding": Textbook(by_need, padded_to_the_longest),
        "dynamic padding, packed": Textbook(by_need, padded_to_the_longest, packed=True),
    }


def turns(names: Iterable[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Round and name; another begins each round."""
    names = list(names)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            yield turn, name


def measure_speed(data: Interactions, rounds: int) -> None:
    """Examples a CPU second of all peers."""
    peers = peers_of(data)
    speed: dict[str, list[float]] = {name: [] for name in peers}
    for turn, name in turns(peers, rounds + 1):  # the first warms up
        steps = OUR_STEPS if peers[name] is coursekit_of else THEIR_STEPS
        rate, _ = peers[name](data, steps, turn)
        if turn:
            speed[name].append(rate)
    print(f"\nexamples a CPU second, batches of {BATCH}, one thread, {rounds} rounds")
    print(f"{'':28}{'median':>9}{'min':>9}{'max':>9}{'ours x':>9}{'(rounds)':>16}")
    ours = speed["coursekit, length buckets"]
    for name, values in speed.items():
        ratios = [own / other for own, other in zip(ours, values, strict=True)]
        columns = "".join(f"{v:9.0f}" for v in (statistics.median(values), min(values), max(values)))
        span = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{name:28}{columns}{statistics.median(ratios):9.2f}{span:>16}")


def ndcg_of(network: nn.Module, split: Split, users: np.ndarray) -> float:
    """NDCG@10 of a trained network.

    The backward half of the textbook's LSTM begins in the padding, so it is asked with what it was trained
    with: histories padded to `MAX_LENGTH`.
    """
    model = BiLSTMAttention(WIDTH, max_length=MAX_LENGTH, epochs=1, device="cpu")
    model._batches = lambda data, device: []
    model.fit(split.train).network_ = network
    if isinstance(network.bilstm, TextbookLSTM) and not network.bilstm.packed:
        model._query = lambda tokens: nn.functional.pad(tokens, (0, MAX_LENGTH - tokens.shape[1]))
    ranked = model.recommend(users, k=10).items
    return evaluate(ranked, split.test, users, metrics=["ndcg"], n_bootstrap=0)["value"].item()


def measure_learning(split: Split, seeds: int, steps: int | None) -> None:
    """NDCG@10 of each peer after as many steps, for some seeds, and the CPU minutes of an epoch."""
    peers, users = peers_of(split.train), np.unique(split.test.user)
    n = len(peers["dynamic padding"].examples)
    steps = steps or -(-n // BATCH)
    print(f"\nafter {steps} steps of {BATCH} examples{'NDCG@10':>16}{'CPU minutes an epoch':>26}")
    for name, peer in peers.items():
        found = [peer(split.train, steps - WARM_UP, seed) for seed in range(seeds)]
        networks = [getattr(model, "network_", model) for _, model in found]
        values = " ".join(f"{ndcg_of(network, split, users):.4f}" for network in networks)
        minutes = n / statistics.median(rate for rate, _ in found) / 60
        print(f"{name:28}{values:>30}{minutes:12.1f}", flush=True)


def main() -> None:
    """Print versions and the table asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--steps", type=int, help="for --learn, instead of one epoch")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    split = standard_split(load("campus"))
    print(f"torch {torch.__version__}, NumPy {np.__version__}; {len(split.train):,} events")
    if chosen.learn:
        measure_learning(split, chosen.seeds, chosen.steps)
    else:
        measure_speed(split.train, chosen.rounds)


if __name__ == "__main__":
    main()
