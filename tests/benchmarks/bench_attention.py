"""Training throughput of SASRec on MovieLens-100K, beside the usual way to write it and beside RecBole.

    pip install -e . && pip install --no-deps recbole==1.2.1   # and what its import asks for
    COURSEKIT_DATA=... python tests/benchmarks/bench_attention.py [--rounds 5] [--max-length 50]
    COURSEKIT_DATA=... python tests/benchmarks/bench_attention.py --learn    # do they learn the same?

943 histories, each user's last film left out. The usual way reads at most 50 steps of each, 42,000 in all
(200: 80,000); ours cuts longer histories into windows and reads all of it. Counted is what was read. Width
64, one head, two blocks, linear layers of 64, dropout 0.2, Adam at 0.001. Peers:

- coursekit: `SASRec(...).fit(data)`, all of it: sequences, network, trainer. With the paper's loss (one drawn
  negative a step) and with its own default, the softmax over all films.
- the usual way, as the well-known public programs have it: sequences of fixed length padded on the left,
  filled by a Python loop that draws a negative for each step by trial, `nn.MultiheadAttention` (with dropout
  of its weights) and a causal mask, convolutions of width 1, padding set to 0 after every block, binary
  cross-entropy of one negative a step, `torch.optim.Adam`. Its sampler usually runs in other processes; here
  in this one, and `drawing` says what it costs.
- RecBole 1.2.1: its own data set, loader, SASRec and trainer, softmax over all films, as shipped (importing
  its sequential models turns autograd's anomaly detection on) and with the anomaly detection off.

Two figures, since RecBole makes a training example of every prefix of a history and learns from its last step
alone: steps read a second (the cost of attention over a history), and films predicted a second (what an epoch
needs). For ours and the usual way they are the same number. Padding counts for nobody.

One thread, CPU time of the process, the peers taking turns within each round, the first round thrown away,
medians. Ours and the usual way take an epoch in each round, RecBole `STEPS` batches of `BATCH`.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import chdir
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from recbole_peer import make_importable, quieten, write_atomic_file
from torch import nn
from torch.nn import functional as F

from coursekit.datasets import load
from coursekit.interactions import Interactions
from coursekit.metrics import evaluate
from coursekit.models import SASRec
from coursekit.models.sequences import NextItemBatches, user_sequences
from coursekit.runtime import seed_everything
from coursekit.splits import Split, leave_last_out

WIDTH, HEADS, BLOCKS, DROPOUT, LEARNING_RATE, BATCH = 64, 1, 2, 0.2, 1e-3, 128
STEPS = 8


@dataclass
class Run:
    """What was done in how many CPU seconds."""

    read: int
    predicted: int
    cpu: float


Measure = Callable[[], Run]


# --- ours -------------------------------------------------------------------------------------------------


def ours(max_length: int, loss: str, epochs: int = 1, rate: float = LEARNING_RATE) -> SASRec:
    options = {"max_length": max_length, "dropout": DROPOUT, "batch_size": BATCH, "loss": loss}
    return SASRec(WIDTH, HEADS, BLOCKS, epochs=epochs, learning_rate=rate, device="cpu", **options)


def coursekit_of(data: Interactions, max_length: int, loss: str) -> Measure:
    """A whole `fit` of one epoch."""
    batches = NextItemBatches(data, max_length, BATCH, 0)  # longer histories give several windows
    steps = sum(int((batch.targets > 0).sum()) for batch in batches)

    def measure() -> Run:
        began = time.process_time()
        ours(max_length, loss).fit(data)
        return Run(steps, steps, time.process_time() - began)

    return measure


def n_steps(data: Interactions, max_length: int) -> int:
    """Steps of all histories that something follows, the `max_length` most recent of each."""
    lengths = np.bincount(data.user, minlength=data.n_users)
    return int(np.clip(lengths - 1, 0, max_length).sum())


# --- the usual way ----------------------------------------------------------------------------------------


class PointwiseFeedForward(nn.Module):
    """Two convolutions of width 1, which are linear layers at each step."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two = nn.Conv1d(WIDTH, WIDTH, 1), nn.Conv1d(WIDTH, WIDTH, 1)
        self.drop_one, self.drop_two = nn.Dropout(DROPOUT), nn.Dropout(DROPOUT)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = self.drop_one(self.one(x.transpose(1, 2))).relu()
        return x + self.drop_two(self.two(inner)).transpose(1, 2)


class UsualSASRec(nn.Module):
    """Histories of one length, padded with 0 on the left."""

    def __init__(self, n_items: int, max_length: int) -> None:
        super().__init__()
        self.items = nn.Embedding(n_items + 1, WIDTH, padding_idx=0)
        self.positions = nn.Embedding(max_length, WIDTH)
        self.drop = nn.Dropout(DROPOUT)
        self.attentions = nn.ModuleList(nn.MultiheadAttention(WIDTH, HEADS, DROPOUT) for _ in range(BLOCKS))
        self.before, self.between = (
            nn.ModuleList(nn.LayerNorm(WIDTH) for _ in range(BLOCKS)) for _ in range(2)
        )
        self.forwards = nn.ModuleList(PointwiseFeedForward() for _ in range(BLOCKS))
        self.norm = nn.LayerNorm(WIDTH)
        for parameter in self.parameters():
            if parameter.ndim > 1:
                nn.init.xavier_normal_(parameter)

    def states(self, tokens: torch.Tensor) -> torch.Tensor:
        """(B, T) -> (B, T, d)."""
        T = tokens.shape[1]
        x = self.items(tokens) * WIDTH**0.5 + self.positions(torch.arange(T).expand(tokens.shape))
        real = (tokens != 0)[..., None]
        x = self.drop(x) * real
        later = ~torch.ones(T, T, dtype=torch.bool).tril()
        for attention, before, between, forward in zip(
            self.attentions, self.before, self.between, self.forwards, strict=True
        ):
            q, kv = before(x).transpose(0, 1), x.transpose(0, 1)
            mixed, _ = attention(q, kv, kv, attn_mask=later)
            x = forward(between((q + mixed).transpose(0, 1))) * real
        return self.norm(x)

    def loss(self, inputs: torch.Tensor, positives: torch.Tensor, negatives: torch.Tensor) -> torch.Tensor:
        h = self.states(inputs)
        real = positives != 0
        yes, no = ((h * self.items(tokens)).sum(-1)[real] for tokens in (positives, negatives))
        ones, zeros = torch.ones_like(yes), torch.zeros_like(no)
        with_logits = F.binary_cross_entropy_with_logits
        return with_logits(yes, ones) + with_logits(no, zeros)


def usual_batch(
    histories: list[list[int]], n_items: int, max_length: int, rng: np.random.Generator
) -> list[torch.Tensor]:
    """Inputs, positives and negatives (B, T) of some users, filled from the right, step by step."""
    batch = np.zeros((3, len(histories), max_length), np.int64)
    for row, history in enumerate(histories):
        met, following, place = set(history), history[-1], max_length - 1
        for token in reversed(history[:-1]):
            negative = rng.integers(1, n_items + 1)
            while negative in met:
                negative = rng.integers(1, n_items + 1)
            batch[:, row, place] = token, following, negative
            following, place = token, place - 1
            if place < 0:
                break
    return list(torch.as_tensor(batch))


def usual_epoch(
    model: UsualSASRec,
    optimizer: torch.optim.Optimizer,
    histories: list[list[int]],
    n_items: int,
    max_length: int,
    rng: np.random.Generator,
) -> None:
    order = rng.permutation(len(histories))
    for start in range(0, len(order), BATCH):
        chosen = [histories[row] for row in order[start : start + BATCH]]
        batch = usual_batch(chosen, n_items, max_length, rng)
        optimizer.zero_grad()
        model.loss(*batch).backward()
        optimizer.step()


def histories_of(data: Interactions) -> list[list[int]]:
    """All of each user's tokens, of users with two or more."""
    sequences = user_sequences(data, len(data))
    return [row[row > 0].tolist() for row in sequences if (row > 0).sum() > 1]


def usual_of(data: Interactions, max_length: int) -> Measure:
    """An epoch, drawing included."""
    histories, steps = histories_of(data), n_steps(data, max_length)

    def measure() -> Run:
        seed_everything(0)
        began = time.process_time()
        model = UsualSASRec(data.n_items, max_length).train()
        optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
        usual_epoch(model, optimizer, histories, data.n_items, max_length, np.random.default_rng(0))
        return Run(steps, steps, time.process_time() - began)

    return measure


def drawing_of(data: Interactions, max_length: int) -> Measure:
    """The usual way's drawing by itself."""
    histories, steps = histories_of(data), n_steps(data, max_length)

    def measure() -> Run:
        rng, began = np.random.default_rng(0), time.process_time()
        for start in range(0, len(histories), BATCH):
            usual_batch(histories[start : start + BATCH], data.n_items, max_length, rng)
        return Run(steps, steps, time.process_time() - began)

    return measure


# --- RecBole ----------------------------------------------------------------------------------------------


class Some:
    """The first batches of a loader, and what they hold."""

    def __init__(self, loader: Any, steps: int) -> None:
        self.loader, self.steps, self.read, self.predicted = loader, steps, 0, 0

    def __len__(self) -> int:
        return self.steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def __iter__(self) -> Iterator[Any]:
        for batch in islice(iter(self.loader), self.steps):
            self.read += int(batch["item_length"].sum())
            self.predicted += len(batch["item_length"])
            yield batch


def recbole_of(data: Interactions, folder: str, max_length: int) -> Callable[[bool], Measure]:
    """Its own loader, model and trainer."""
    make_importable()
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.model.sequential_recommender import SASRec as Theirs
    from recbole.trainer import Trainer

    quieten()
    write_atomic_file(data, Path(folder) / "ml")
    config = Config("SASRec", "ml", config_dict=recbole_options(folder, max_length))
    loader = data_preparation(config, create_dataset(config))[0]

    def of(anomaly: bool) -> Measure:
        def measure() -> Run:
            seed_everything(0)
            model, batches = Theirs(config, loader._dataset), Some(loader, STEPS)
            with chdir(folder):  # it writes a log where it is
                trainer = Trainer(config, model)
            began = time.process_time()
            with torch.autograd.set_detect_anomaly(anomaly, check_nan=anomaly):
                trainer._train_epoch(batches, 0)
            return Run(batches.read, batches.predicted, time.process_time() - began)

        return measure

    return of


def recbole_options(folder: str, max_length: int) -> dict[str, Any]:
    return {
        "data_path": folder,
        "checkpoint_dir": folder,
        "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
        "use_gpu": False,
        "MAX_ITEM_LIST_LENGTH": max_length,
        "hidden_size": WIDTH,
        "inner_size": WIDTH,
        "n_layers": BLOCKS,
        "n_heads": HEADS,
        "hidden_dropout_prob": DROPOUT,
        "attn_dropout_prob": DROPOUT,
        "loss_type": "CE",
        "train_neg_sample_args": None,
        "train_batch_size": BATCH,
        "learning_rate": LEARNING_RATE,
        "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"},
    }


# --- measuring --------------------------------------------------------------------------------------------


def measure_speed(data: Interactions, max_length: int, rounds: int) -> None:
    """Thousands of steps read and of films predicted a CPU second."""
    measures = {
        "coursekit, paper's loss": coursekit_of(data, max_length, "bce"),
        "coursekit, softmax": coursekit_of(data, max_length, "softmax"),
        "the usual way, paper's loss": usual_of(data, max_length),
        "  its drawing alone": drawing_of(data, max_length),
    }
    with tempfile.TemporaryDirectory() as folder:
        try:
            recbole = recbole_of(data, folder, max_length)
            measures |= {"RecBole, softmax, as shipped": recbole(True)}
            measures |= {"RecBole, softmax, anomaly off": recbole(False)}
        except ImportError as error:
            print(f"skipped: RecBole ({error})")
        runs = {name: [] for name in measures}
        for turn in range(rounds + 1):  # the first warms up
            names = list(measures)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                runs[name].append(measures[name]())
    print(f"\nat most {max_length} steps, thousands a CPU second, one thread, medians of {rounds} rounds")
    print(f"{'':30}{'steps read':>12}{'ours x':>8}{'(rounds)':>16}{'predicted':>12}{'ours x':>8}")
    for name, theirs in runs.items():
        own = "coursekit, softmax" if "softmax" in name else "coursekit, paper's loss"
        print_row(name, theirs[1:], runs[own][1:])


def print_row(name: str, theirs: list[Run], ours: list[Run]) -> None:
    """One peer, held against ours with the same loss."""
    read = [run.read / run.cpu / 1e3 for run in theirs]
    predicted = [run.predicted / run.cpu / 1e3 for run in theirs]
    own = [run.read / run.cpu / 1e3 for run in ours]
    ratios = [one / other for one, other in zip(own, read, strict=True)]
    others = [one / other for one, other in zip(own, predicted, strict=True)]
    span = f"{min(ratios):.2f} to {max(ratios):.2f}"
    columns = f"{statistics.median(read):12.1f}{statistics.median(ratios):8.2f}{span:>16}"
    print(
        f"{name:30}{columns}{statistics.median(predicted):12.1f}{statistics.median(others):8.2f}", flush=True
    )


def measure_learning(split: Split, max_length: int, epochs: int) -> None:
    """NDCG@10 of the held-out film among all unseen, and CPU seconds, of ours and the usual way."""
    rate = 2 * LEARNING_RATE
    print(f"{epochs} epochs, at most {max_length} steps: NDCG@10 of the next film, CPU seconds")
    for loss in ("bce", "softmax"):
        began = time.process_time()
        model = ours(max_length, loss, epochs, rate).fit(split.train)
        cpu = time.process_time() - began
        ranked = model.recommend(np.unique(split.test.user)).items
        print(f"coursekit, {loss:17}{ndcg(ranked, split):.4f}{cpu:8.1f}", flush=True)
    seed_everything(0)
    data, rng, began = split.train, np.random.default_rng(0), time.process_time()
    usual, histories = UsualSASRec(data.n_items, max_length).train(), histories_of(data)
    optimizer = torch.optim.Adam(usual.parameters(), lr=rate)
    for _ in range(epochs):
        usual_epoch(usual, optimizer, histories, data.n_items, max_length, rng)
    cpu = time.process_time() - began
    print(
        f"{'the usual way, bce':28}{ndcg(usual_ranked(usual.eval(), split, max_length), split):.4f}{cpu:8.1f}"
    )


@torch.inference_mode()
def usual_ranked(model: UsualSASRec, split: Split, max_length: int) -> np.ndarray:
    """(U, 10) best unseen items."""
    users = np.unique(split.test.user)
    tokens = np.zeros((len(users), max_length), np.int64)
    for row, sequence in zip(tokens, user_sequences(split.train, max_length)[users], strict=True):
        real = sequence[sequence > 0]
        row[max_length - len(real) :] = real
    h = model.states(torch.as_tensor(tokens))[:, -1]
    scores = h @ model.items.weight[1:].T
    scores[torch.as_tensor(split.train.matrix(binary=True)[users].toarray() > 0)] = -torch.inf
    return scores.topk(10).indices.numpy()


def ndcg(ranked: np.ndarray, split: Split) -> float:
    table = evaluate(ranked, split.test, np.unique(split.test.user), metrics=["ndcg"], n_bootstrap=0)
    return table["value"].item()


def main() -> None:
    """Print versions and the tables asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--max-length", type=int, default=50)
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--epochs", type=int, default=15, help="with --learn")
    chosen = parser.parse_args()
    sys.argv = sys.argv[:1]  # RecBole reads it as well
    torch.set_num_threads(1)
    split = leave_last_out(load("ml-100k"))
    print(f"torch {torch.__version__}, NumPy {np.__version__}; {len(split.train):,} ratings")
    if chosen.learn:
        measure_learning(split, chosen.max_length, chosen.epochs)
    else:
        measure_speed(split.train, chosen.max_length, chosen.rounds)


if __name__ == "__main__":
    main()
