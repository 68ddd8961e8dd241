"""Throughput of fine-tuning BERT: examples a second, ours beside `transformers.Trainer`.

    pip install -e ".[bert]" accelerate
    python tests/benchmarks/bench_bert.py [--rounds 7]
    python tests/benchmarks/bench_bert.py --learn        # do all learn the same?

The task is a course's mean rating from a text about it: three times out of four its title (some 7 tokens),
else title and description (some 110), as a catalogue has short and long texts. Everybody starts from the
course's own BERT (4 blocks of width 128) and has the same examples, tokenised beforehand, batches of 32,
AdamW at 0.0005 with warm-up, decay to 0, weight decay 0.01, gradients cut at 1, dropout 0.1, and a linear
head on the mean of the hidden states:

- coursekit: `BertRatingRegressor`, whose batches are of similar length;
- transformers: `Trainer` around `transformers.BertModel` with the same weights, each batch padded to its
  longest text (`DataCollatorWithPadding`), in random order;
- the same with texts grouped by length (`group_by_length`).

One thread, CPU time of the process, the peers taking turns within each round, the first round thrown away,
medians. A round is one epoch of `N_TEXTS` examples; making the network and the optimiser is timed for all.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import statistics
import time
import warnings
from collections.abc import Callable
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from coursekit.datasets import load
from coursekit.models.bert import load_bert, mean_pooled
from coursekit.models.bert.loading import COURSE
from coursekit.models.finetuning import BertRatingRegressor
from coursekit.runtime import seed_everything

BATCH, RATE, DECAY, WARMUP = 32, 5e-4, 0.01, 0.1
N_TEXTS = 640
SHARE_LONG = 0.25
LEARN_EPOCHS = 3


class Texts(NamedTuple):
    """N texts with the mean ratings of their courses."""

    texts: list[str]
    ratings: NDArray[np.float32]


Peer = Callable[[Texts, int, int], tuple[float, Callable[[list[str]], NDArray[np.float32]]]]


def course_texts(n: int, seed: int, held_out: bool) -> Texts:
    """Titles, and some descriptions, of every fifth course (held out) or of the others."""
    data = load("campus", value="rating")
    times = np.bincount(data.item, minlength=data.n_items)
    means = np.bincount(data.item, data.value, data.n_items) / np.maximum(times, 1)
    rows = np.flatnonzero((times > 0) & ((np.arange(data.n_items) % 5 == 0) == held_out))
    rng = np.random.default_rng(seed)
    chosen = rng.choice(rows, n)
    titles, whole = data.item_features["title"].to_numpy(), data.item_text
    texts = [str(whole[row] if rng.random() < SHARE_LONG else titles[row]) for row in chosen]
    return Texts(texts, means[chosen].astype(np.float32))


# --- ours ----------------------------------------------------------------------------------------------


def coursekit_peer(train: Texts, epochs: int, seed: int) -> tuple[float, Any]:
    """`BertRatingRegressor.fit`, timed without tokenising."""

    class Timed(BertRatingRegressor):
        def _train(self, *args: Any) -> None:
            began = time.process_time()
            super()._train(*args)
            self.cpu = time.process_time() - began

    model = Timed(
        epochs=epochs,
        learning_rate=RATE,
        weight_decay=DECAY,
        warmup=WARMUP,
        batch_size=BATCH,
        rng=seed,
        device="cpu",
    )
    model.fit(train.texts, train.ratings)
    return model.cpu, model.predict


# --- transformers --------------------------------------------------------------------------------------


class Regression(nn.Module):
    """The same head on transformers' own encoder."""

    def __init__(self, centre: float, scale: float) -> None:
        super().__init__()
        from transformers import BertModel

        self.bert = BertModel.from_pretrained(COURSE, add_pooling_layer=False).float()  # stored in 16 bits
        self.head = nn.Linear(self.bert.config.hidden_size, 1)
        self.centre, self.scale = centre, scale

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None, **rest: Any
    ) -> dict[str, Tensor]:
        hidden = self.bert(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        found = self.centre + self.scale * self.head(mean_pooled(hidden, attention_mask > 0))[:, 0]
        if labels is None:
            return {"logits": found}
        return {"loss": nn.functional.mse_loss(found, labels) / self.scale**2, "logits": found}


def transformers_peer(grouped: bool) -> Peer:
    """`Trainer` with dynamic padding, in random order or grouped by length."""
    from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer, TrainingArguments, trainer
    from transformers.trainer_callback import PrinterCallback
    from transformers.utils import logging

    # Our folder datasets/ looks to it like the library `datasets`, which is not needed here.
    trainer.is_datasets_available = lambda: False
    warnings.simplefilter("ignore")
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = AutoTokenizer.from_pretrained(COURSE)

    def peer(train: Texts, epochs: int, seed: int) -> tuple[float, Any]:
        ids = tokenizer(train.texts, truncation=True, max_length=256)["input_ids"]
        rows = [
            {"input_ids": own, "attention_mask": [1] * len(own), "length": len(own), "labels": float(rating)}
            for own, rating in zip(ids, train.ratings, strict=True)
        ]
        with TemporaryDirectory() as folder:
            options = _training_arguments(TrainingArguments, folder, epochs, seed, grouped)
            began = time.process_time()
            seed_everything(seed)
            model = Regression(float(train.ratings.mean()), float(train.ratings.std()))
            collate = DataCollatorWithPadding(tokenizer)
            theirs = Trainer(model, options, train_dataset=rows, data_collator=collate)
            theirs.remove_callback(PrinterCallback)
            theirs.train()
            cpu = time.process_time() - began
        return cpu, lambda texts: _predicted(model.eval(), tokenizer, texts)

    return peer


def _training_arguments(kind: type, folder: str, epochs: int, seed: int, grouped: bool) -> Any:
    names = kind.__dataclass_fields__
    # Grouping by length had an option of its own before transformers 5.
    sampling = (
        {"train_sampling_strategy": "group_by_length" if grouped else "random"}
        if "train_sampling_strategy" in names
        else {"group_by_length": grouped}
    )
    return kind(
        folder,
        num_train_epochs=epochs,
        per_device_train_batch_size=BATCH,
        learning_rate=RATE,
        weight_decay=DECAY,
        lr_scheduler_type="linear",
        warmup_steps=round(WARMUP * epochs * -(-N_TEXTS // BATCH)),
        max_grad_norm=1.0,
        seed=seed,
        use_cpu=True,
        save_strategy="no",
        logging_strategy="no",
        report_to="none",
        disable_tqdm=True,
        length_column_name="length",
        dataloader_pin_memory=False,
        **sampling,
    )


def _predicted(model: Regression, tokenizer: Any, texts: list[str]) -> NDArray[np.float32]:
    batch = tokenizer(texts, truncation=True, max_length=256, padding=True, return_tensors="pt")
    with torch.inference_mode():
        return model(batch["input_ids"], batch["attention_mask"])["logits"].numpy()


# --- measuring -----------------------------------------------------------------------------------------


def peers() -> dict[str, Peer]:
    """All that can be imported."""
    found: dict[str, Peer] = {"coursekit": coursekit_peer}
    try:
        found["transformers, dynamic padding"] = transformers_peer(grouped=False)
        found["transformers, group by length"] = transformers_peer(grouped=True)
    except ImportError as error:
        print(f"skipped: transformers ({error})")
    return found


def measure_speed(rounds: int) -> None:
    """Examples a CPU second."""
    train, measures = course_texts(N_TEXTS, 0, held_out=False), peers()
    speed = {name: [] for name in measures}
    for turn in range(rounds + 1):
        names = list(speed)
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            cpu, _ = measures[name](train, 1, turn)
            if turn:  # the first warms up
                speed[name].append(len(train.texts) / cpu)
                print(f"round {turn}: {name:32}{speed[name][-1]:8.1f}", flush=True)
    print(f"\nexamples a CPU second, one thread, {rounds} rounds")
    print(f"{'':32}{'median':>9}{'min':>9}{'max':>9}{'ours x':>9}{'(rounds)':>16}")
    for name, values in speed.items():
        ratios = [own / other for own, other in zip(speed["coursekit"], values, strict=True)]
        columns = "".join(f"{v:9.1f}" for v in (statistics.median(values), min(values), max(values)))
        span = f"{min(ratios):.2f} to {max(ratios):.2f}"
        print(f"{name:32}{columns}{statistics.median(ratios):9.2f}{span:>16}")


def measure_learning(seeds: int) -> None:
    """Each peer's error on courses it has not seen, and on those it has, after the same epochs."""
    train = course_texts(N_TEXTS, 0, held_out=False)
    new = course_texts(200, 1, held_out=True)
    print(f"mean squared error over the ratings' variance, {LEARN_EPOCHS} epochs, {seeds} seeds")
    for name, peer in peers().items():
        errors = []
        for seed in range(seeds):
            _, predict = peer(train, LEARN_EPOCHS, seed)
            errors.append([_error(predict, train), _error(predict, new)])
        seen, unseen = np.mean(errors, axis=0)
        spread = np.std(errors, axis=0)
        print(f"{name:32}{seen:8.3f} ± {spread[0]:.3f} seen{unseen:8.3f} ± {spread[1]:.3f} new", flush=True)


def _error(predict: Callable[[list[str]], NDArray[np.float32]], on: Texts) -> float:
    return float(np.mean((predict(on.texts) - on.ratings) ** 2) / np.var(on.ratings))


def main() -> None:
    """Print versions and the table asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--seeds", type=int, default=3, help="of --learn")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    bert = load_bert(device="cpu")
    train = course_texts(N_TEXTS, 0, held_out=False)
    lengths = bert.encode(train.texts).keep.sum(dim=1)
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in ("torch", "transformers"))
    spread = f"{lengths.float().mean():.0f} tokens ({lengths.min()} to {lengths.max()})"
    print(f"{versions}; {N_TEXTS} texts of {spread}", flush=True)
    if chosen.learn:
        measure_learning(chosen.seeds)
    else:
        measure_speed(chosen.rounds)


if __name__ == "__main__":
    main()
