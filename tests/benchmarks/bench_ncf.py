"""Training throughput of NeuMF: examples (positives and sampled negatives) a second, on MovieLens-1M.

    pip install -e . && pip install --no-deps recbole==1.2.1   # and what its import asks for
    COURSEKIT_DATA=... python tests/benchmarks/bench_ncf.py [--rounds 7]
    COURSEKIT_DATA=... python tests/benchmarks/bench_ncf.py --long         # far into an epoch
    COURSEKIT_DATA=... python tests/benchmarks/bench_ncf.py --learn        # do all learn the same?
    COURSEKIT_DATA=... python tests/benchmarks/bench_ncf.py --threads      # ours, one thread and two

The network is the same for all: GMF embeddings of 32, MLP embeddings of 32, hidden layers of 64, 32 and 16,
Adam at 0.001, four uniform negatives for each of the 992,522 training pairs of the NCF paper's split. Peers:

- coursekit: `NeuMF(...).fit(data)`, so with its trainer;
- RecBole 1.2.1: its own data set, loader, sampler, NeuMF and trainer (`Trainer._train_epoch`), and for
  information the same with autograd's anomaly detection, which importing its sequential models turns on;
- a textbook loop: negatives drawn by a Python loop, a `Dataset` that gives one example, a `DataLoader`, four
  embedding tables, `torch.optim.Adam` as it comes. Public reruns differ in what the `Dataset` holds: Python
  tuples, or tensors that are indexed one example at a time, which is slower; both are measured.

A batch of 8,192 (256) examples means 1,638 (51) positives with their negatives for coursekit and RecBole. One
thread, CPU time of the process, the peers taking turns within each round, the first round thrown away,
medians. In a round each takes `STEPS` optimiser steps; reading the data and the first three steps are not
timed, for nobody, but drawing negatives, batching, the forward and backward pass and the update are.

`--long` leaves out the first 3,000 steps instead, at batch 256 and without the textbook. By then some of
Adam's averages have shrunk to denormal numbers, with which a CPU is slow; ours takes them as 0.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recbole_peer import make_importable, quieten, write_atomic_file
from torch import nn
from torch.utils.data import DataLoader, Dataset

from coursekit.datasets import ncf_split
from coursekit.interactions import Interactions
from coursekit.models import NeuMF
from coursekit.models.pairs import DRAWN_AT_ONCE
from coursekit.runtime import seed_everything

N_NEGATIVES, WIDTH, LAYERS, LEARNING_RATE = 4, 32, (64, 32, 16), 1e-3
WARM_UP, LONG_WARM_UP = 3, 3000
# Ours draws negatives for `DRAWN_AT_ONCE` positives together: twice that many, so that its share is timed.
STEPS = {batch: 2 * (DRAWN_AT_ONCE // (batch // (1 + N_NEGATIVES))) for batch in (8192, 256)}
LEARN_STEPS = {8192: 240, 256: 2000}


@dataclass
class Run:
    """What came of some steps: how many examples in what CPU and wall seconds, and each step's loss."""

    examples: int
    cpu: float
    wall: float
    losses: list[torch.Tensor]


Measure = Callable[..., Run]  # called with examples in a batch, steps, and perhaps steps that are not timed


@dataclass
class Stopwatch:
    """Gives on the first batches of an epoch, and times them after the warm-up, their making included."""

    batches: Any
    steps: int
    warm_up: int = WARM_UP
    cpu: float = 0.0
    wall: float = 0.0
    losses: list[torch.Tensor] = field(default_factory=list)

    def __len__(self) -> int:
        return self.warm_up + self.steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self.batches, name)

    def __iter__(self) -> Iterator[Any]:
        source = iter(self.batches)
        for step in range(len(self)):
            if step == self.warm_up:
                cpu, wall = time.process_time(), time.perf_counter()
            yield next(source)
        self.cpu, self.wall = time.process_time() - cpu, time.perf_counter() - wall

    def run(self, batch: int) -> Run:
        positives = batch // (1 + N_NEGATIVES)
        return Run(self.steps * positives * (1 + N_NEGATIVES), self.cpu, self.wall, self.losses)


def watched(loss: Callable[[Any], torch.Tensor], watch: Stopwatch) -> Callable[[Any], torch.Tensor]:
    """The same loss function, its values kept; they are read after the clock has stopped."""

    def keep(batch: Any) -> torch.Tensor:
        value = loss(batch)
        watch.losses.append(value.detach())
        return value

    return keep


# --- ours ---------------------------------------------------------------------------------------------------


def coursekit_of(data: Interactions) -> Measure:
    """`NeuMF.fit` on the first steps of an epoch."""

    class Timed(NeuMF):
        def _batches(self, data: Interactions, device: torch.device) -> Stopwatch:
            self.watch = Stopwatch(super()._batches(data, device), *self.timing)
            return self.watch

        def _network(self) -> nn.Module:
            network = super()._network()
            network.loss = watched(network.loss, self.watch)
            return network

    def measure(batch: int, steps: int, warm_up: int = WARM_UP) -> Run:
        model = Timed(
            WIDTH,
            embedding=WIDTH,
            layers=LAYERS,
            n_negatives=N_NEGATIVES,
            epochs=1,
            batch_size=batch // (1 + N_NEGATIVES),
            learning_rate=LEARNING_RATE,
            device="cpu",
        )
        model.timing = steps, warm_up
        return model.fit(data).watch.run(batch)

    return measure


# --- RecBole ------------------------------------------------------------------------------------------------


def recbole_of(data: Interactions, folder: str) -> Callable[[bool], Measure]:
    """Its own loader, sampler, model and trainer."""
    make_importable()
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.general_recommender import NeuMF as Theirs
    from recbole.trainer import Trainer

    quieten()
    write_atomic_file(data, Path(folder) / "ml")
    prepared = {}

    def prepare(batch: int) -> tuple[Any, Any, Any]:
        config = Config("NeuMF", "ml", config_dict=recbole_options(folder, batch))
        dataset = create_dataset(config)
        return config, data_preparation(config, dataset)[0]

    def of(anomaly: bool) -> Measure:
        def measure(batch: int, steps: int, warm_up: int = WARM_UP) -> Run:
            if batch not in prepared:
                prepared[batch] = prepare(batch)
            config, loader = prepared[batch]
            seed_everything(0)
            model = Theirs(config, loader._dataset)
            watch = Stopwatch(loader, steps, warm_up)
            model.calculate_loss = watched(model.calculate_loss, watch)
            # RecBole writes a log where it is.
            with chdir(folder), torch.autograd.set_detect_anomaly(anomaly, check_nan=anomaly):
                Trainer(config, model)._train_epoch(watch, 0)
            return watch.run(batch)

        return measure

    return of


def recbole_options(folder: str, batch: int) -> dict[str, Any]:
    return {
        "data_path": folder,
        "checkpoint_dir": folder,
        "load_col": {"inter": ["user_id", "item_id"]},
        "use_gpu": False,
        "mf_embedding_size": WIDTH,
        "mlp_embedding_size": WIDTH,
        "mlp_hidden_size": list(LAYERS),
        "dropout_prob": 0.0,
        "train_batch_size": batch,
        "train_neg_sample_args": {"distribution": "uniform", "sample_num": N_NEGATIVES},
        "learning_rate": LEARNING_RATE,
        "eval_args": {"split": {"RS": [0.98, 0.01, 0.01]}, "group_by": "user", "order": "RO", "mode": "full"},
    }


# --- the textbook -------------------------------------------------------------------------------------------


class TextbookNeuMF(nn.Module):
    """Four tables, a tower over the embeddings side by side."""

    def __init__(self, n_users: int, n_items: int) -> None:
        super().__init__()
        self.user_gmf, self.user_mlp = nn.Embedding(n_users, WIDTH), nn.Embedding(n_users, WIDTH)
        self.item_gmf, self.item_mlp = nn.Embedding(n_items, WIDTH), nn.Embedding(n_items, WIDTH)
        parts, width = [], 2 * WIDTH
        for hidden in LAYERS:
            parts += [nn.Linear(width, hidden), nn.ReLU()]
            width = hidden
        self.tower, self.output = nn.Sequential(*parts), nn.Linear(WIDTH + width, 1)
        for table in (self.user_gmf, self.user_mlp, self.item_gmf, self.item_mlp):
            nn.init.normal_(table.weight, std=0.01)

    def forward(self, user: torch.Tensor, item: torch.Tensor) -> torch.Tensor:
        gmf = self.user_gmf(user) * self.item_gmf(item)
        mlp = self.tower(torch.cat([self.user_mlp(user), self.item_mlp(item)], dim=-1))
        return self.output(torch.cat([gmf, mlp], dim=-1)).view(-1)


class TextbookPairs(Dataset):
    """One example at a time; negatives by trial, one at a time."""

    def __init__(self, positives: list[tuple[int, int]], met: set[tuple[int, int]], n_items: int) -> None:
        self.positives, self.met, self.n_items = positives, met, n_items

    def draw_negatives(self) -> None:
        self.examples = [(user, item, 1.0) for user, item in self.positives]
        for user, _ in self.positives:
            for _ in range(N_NEGATIVES):
                item = np.random.randint(self.n_items)  # noqa: NPY002 - as textbooks write it
                while (user, item) in self.met:
                    item = np.random.randint(self.n_items)  # noqa: NPY002
                self.examples.append((user, item, 0.0))

    def __len__(self) -> int:
        return len(self.examples)

    def __getitem__(self, row: int) -> tuple[int, int, float]:
        return self.examples[row]


class TextbookTensors(TextbookPairs):
    """The same, kept in tensors; the example then is a row of each, as many tutorials have it."""

    def draw_negatives(self) -> None:
        super().draw_negatives()
        users, items, labels = zip(*self.examples, strict=True)
        self.columns = torch.tensor(users), torch.tensor(items), torch.tensor(labels)

    def __getitem__(self, row: int) -> tuple[torch.Tensor, ...]:
        return tuple(column[row] for column in self.columns)


def textbook_of(data: Interactions, kind: type[TextbookPairs]) -> Measure:
    """A plain loop over a `DataLoader`. Its negatives cost as much for a part of the pairs as for all."""
    pairs = list(zip(data.user.tolist(), data.item.tolist(), strict=True))
    met = set(pairs)

    def measure(batch: int, steps: int) -> Run:
        seed_everything(0)
        model = TextbookNeuMF(data.n_users, data.n_items).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
        criterion = nn.BCEWithLogitsLoss()
        chosen = np.random.default_rng(0).choice(
            len(pairs), steps * batch // (1 + N_NEGATIVES) + 1, replace=False
        )
        examples = kind([pairs[row] for row in chosen], met, data.n_items)
        cpu, wall, losses = time.process_time(), time.perf_counter(), []
        examples.draw_negatives()
        for user, item, label in DataLoader(examples, batch_size=batch, shuffle=True, drop_last=True):
            optimizer.zero_grad()
            loss = criterion(model(user, item), label.float())
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        return Run(steps * batch, time.process_time() - cpu, time.perf_counter() - wall, losses)

    return measure


# --- measuring ----------------------------------------------------------------------------------------------


@contextmanager
def prepare(data: Interactions) -> Iterator[dict[str, Measure]]:
    """The peers; RecBole only where it can be imported."""
    measures = {
        "coursekit": coursekit_of(data),
        "textbook, tuples": textbook_of(data, TextbookPairs),
        "textbook, tensors": textbook_of(data, TextbookTensors),
    }
    with tempfile.TemporaryDirectory() as folder:
        try:
            recbole = recbole_of(data, folder)
            measures |= {"RecBole": recbole(False), "RecBole, anomaly detection": recbole(True)}
        except ImportError as error:
            print(f"skipped: RecBole ({error})")
        yield measures


def turns(names: Iterable[str], rounds: int) -> Iterator[tuple[int, str]]:
    """Round and name; another begins each round."""
    names = list(names)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            yield turn, name


def measure_speed(data: Interactions, rounds: int, long: bool) -> None:
    """Examples a CPU second of all peers at both batch sizes; or, far into an epoch, without the textbook."""
    batches, extra = ([256], {"warm_up": LONG_WARM_UP}) if long else (list(STEPS), {})
    with prepare(data) as measures:
        measures = {name: of for name, of in measures.items() if not (long and "textbook" in name)}
        speed = {(name, batch): [] for batch in batches for name in measures}
        for turn, name in turns(measures, rounds + 1):  # the first warms up
            for batch in batches:
                run = measures[name](batch, STEPS[batch], **extra)
                if turn:
                    speed[name, batch].append(run.examples / run.cpu / 1e3)
    for batch in batches:
        print(f"\nbatches of {batch} examples: thousands a CPU second, one thread, {rounds} rounds")
        print(f"after the first {extra.get('warm_up', WARM_UP)} steps")
        print(f"{'':28}{'median':>9}{'min':>9}{'max':>9}{'ours x':>9}{'(rounds)':>16}")
        for name in measures:
            values = speed[name, batch]
            ratios = [own / other for own, other in zip(speed["coursekit", batch], values, strict=True)]
            columns = "".join(f"{v:9.1f}" for v in (statistics.median(values), min(values), max(values)))
            span = f"{min(ratios):.2f} to {max(ratios):.2f}"
            print(f"{name:28}{columns}{statistics.median(ratios):9.2f}{span:>16}")


def measure_learning(data: Interactions) -> None:
    """Each peer's loss after the same numbers of examples, the mean of a tenth of the steps before."""
    with prepare(data) as measures:
        for batch, steps in LEARN_STEPS.items():
            marks = [steps * tenth // 10 for tenth in (1, 2, 4, 6, 8, 10)]
            header = "".join(f"{mark * batch / 1e3:9.0f}k" for mark in marks)
            print(f"\nbatches of {batch}: loss after examples\n{'':28}{header}")
            for name in measures:
                if "anomaly" not in name:
                    losses = torch.stack(measures[name](batch, steps).losses).numpy()
                    means = [losses[mark - steps // 10 : mark].mean() for mark in marks]
                    print(f"{name:28}" + "".join(f"{mean:10.4f}" for mean in means))


def measure_threads(data: Interactions, rounds: int) -> None:
    """Ours with one thread and with two, by the wall clock and by the CPU's."""
    measure = coursekit_of(data)
    speed = {(threads, batch): [] for batch in STEPS for threads in ("1", "2")}
    for turn, threads in turns(("1", "2"), rounds + 1):
        os.environ["COURSEKIT_THREADS"] = threads
        for batch, steps in STEPS.items():
            run = measure(batch, steps)
            if turn:
                speed[threads, batch].append([run.examples / s / 1e3 for s in (run.wall, run.cpu)])
    print(f"\nthousands of examples a second, medians of {rounds} rounds")
    for (threads, batch), values in speed.items():
        wall, cpu = np.median(values, axis=0)
        print(f"batch {batch:5}, {threads} threads: {wall:8.1f} by the wall clock, {cpu:8.1f} by the CPU's")


def main() -> None:
    """Print versions and the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--threads", action="store_true")
    chosen = parser.parse_args()
    sys.argv = sys.argv[:1]  # RecBole reads it as well
    torch.set_num_threads(1)
    data = ncf_split().train
    print(f"torch {torch.__version__}, NumPy {np.__version__}; {len(data):,} pairs")
    if chosen.threads:
        measure_threads(data, chosen.rounds)
    elif chosen.learn:
        measure_learning(data)
    else:
        measure_speed(data, chosen.rounds, chosen.long)


if __name__ == "__main__":
    main()
