"""The ablation table of lesson 09: one change a row, on campus, with what it costs and what it brings.

    python tests/benchmarks/finetuning_table.py --epochs 1      # one short epoch a row, one seed: minutes
    python tests/benchmarks/finetuning_table.py --full          # the rows' own epochs, three seeds; recorded
    python tests/benchmarks/finetuning_table.py --groups        # each course cold once: nine more fits a row

Every row differs from "full" by what stands under `change` alone; LoRA and the frozen encoder, which train
other weights, have their own learning rate with it. NDCG@10 of `standard_split(load("campus"))`:

- warm: all courses, all test learners, seen courses left out;
- cold: the 36 courses launched after the cut-off among themselves, for the learners who took one;
- groups (lesson 03's protocol): all older courses in nine groups, each hidden from training in turn and then
  ranked among themselves for every third learner: mean over the groups, and their spread;
- 300: the rows where pairs are scored one by one, for 300 random test learners, the 50 best courses of the
  bi-encoder "full" put in a new order; beside them "full" itself and popularity for the same learners.

Intervals are bootstraps over learners (95 %), of the first seed. They do not cover which courses happened to
be launched; that is what the groups are for. Rows are written to `runs.csv` in --folder as they are done: an
interrupted run goes on where it stopped.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from coursekit.datasets import load
from coursekit.interactions import Interactions
from coursekit.metrics import evaluate, top_k
from coursekit.models import ContentBased, Popularity, Recommender
from coursekit.models.finetuning import BertBiEncoder, BertCrossEncoder
from coursekit.results import origin, record_results
from coursekit.splits import standard_split

SUBJECT = ("subject",)
Made = Callable[[int], Recommender]

# Options that all rows share, but for the change that their row names.
_BI = {"columns": SUBJECT, "epochs": 3, "learning_rate": 5e-4, "warmup": 0.0}
_CROSS = {"columns": SUBJECT, "epochs": 3, "learning_rate": 5e-4, "max_length": 5, "n_negatives": 3}


def bi(**changes: object) -> Made:
    """A bi-encoder with these options changed."""
    return lambda seed: BertBiEncoder(**_BI | changes, rng=seed)


def cross(**changes: object) -> Made:
    """A cross-encoder with these options changed."""
    return lambda seed: BertCrossEncoder(**_CROSS | changes, rng=seed)


_LONG = {"text": "title+description", "max_tokens": 32}
# row: (what is changed beside "full", how the model is made)
ROWS: dict[str, tuple[str, Made]] = {
    "popularity": ("no text", lambda seed: Popularity()),
    "TF-IDF + subject": ("no BERT: lesson 03", lambda seed: ContentBased(columns=SUBJECT)),
    "bag + subject": (
        "no BERT: lesson 03",
        lambda seed: ContentBased("bag", columns=SUBJECT, stop_words="english"),
    ),
    "full": ("bi-encoder, all weights learn, titles and subjects", bi()),
    "frozen": ("only the head learns, rate 0.003", bi(tune="frozen", learning_rate=0.003)),
    "LoRA": ("corrections of rank 8 learn, rate 0.003", bi(tune="lora", learning_rate=0.003)),
    "warm-up": ("rate rises for a tenth of the steps", bi(warmup=0.1)),
    "layer-wise": ("rate times 0.8 a layer downwards", bi(layer_decay=0.8)),
    "FGM": ("adversarial, epsilon 1", bi(fgm=1.0)),
    "cross-encoder": ("history and course in one text, top 50 of full again", cross()),
    "description": ("the description's first words too, 32 tokens", bi(**_LONG)),
    "augmentation": ("description, half the replaceable words changed", bi(**_LONG, augment=0.5)),
}
ASKED, CANDIDATES = 300, 50
GROUPS = 9


class Exam(NamedTuple):
    """What the models are judged by.

    Attributes:
        train, test: of the standard split.
        users: test learners.
        cold: rows of the courses nobody took before the cut-off.
        late, late_users: test events of cold courses, and who took them.
        asked: some of `users`, for models that score pair by pair.
    """

    train: Interactions
    test: Interactions
    users: NDArray[np.int64]
    cold: NDArray[np.int64]
    late: Interactions
    late_users: NDArray[np.int64]
    asked: NDArray[np.int64]


@cache
def exam() -> Exam:
    split = standard_split(load("campus"))
    train, test = split.train, split.test
    users = np.unique(test.user)
    cold = np.setdiff1d(np.arange(train.n_items), train.item)
    late = test.where(np.isin(test.item, cold))
    late_users = np.intersect1d(late.user, train.user)
    asked = np.sort(np.random.default_rng(0).choice(users, ASKED, replace=False))
    return Exam(train, test, users, cold, late, late_users, asked)


def fitted(name: str, seed: int, epochs: int | None) -> tuple[Recommender, float]:
    """The row's model, and the CPU seconds of its training."""
    model = ROWS[name][1](seed)
    if epochs is not None and hasattr(model, "epochs"):
        model.epochs = epochs
    began = time.process_time()
    model.fit(exam().train)
    return model, time.process_time() - began


def judged(model: Recommender, full: Recommender | None) -> dict[str, float]:
    """NDCG@10 of a fitted model with intervals; `full` gives a cross-encoder its candidates."""
    on = exam()
    if isinstance(model, BertCrossEncoder):
        ranked = model.rerank(full, on.asked, n=CANDIDATES).items
        few = {"300": ndcg(ranked, on.test, on.asked)}
    else:
        few = {
            "warm": ndcg(model.recommend(on.users).items, on.test, on.users),
            "300": ndcg(model.recommend(on.asked).items, on.test, on.asked),
        }
    # Scores of these alone: `recommend` would score the whole catalogue, which is dear pair by pair.
    late = on.cold[top_k(model.score(on.late_users, on.cold), 10)]
    few["cold"] = ndcg(late, on.late, on.late_users)
    return {
        f"{place}{suffix}": value
        for place, values in few.items()
        for suffix, value in zip(("", "_low", "_high"), values, strict=True)
    }


def ndcg(ranked: NDArray[np.int64], test: Interactions, users: NDArray[np.int64]) -> list[float]:
    """NDCG@10 and its interval."""
    table = evaluate(ranked, test, users, metrics="ndcg", rng=0)
    return [round(float(table.loc[0, column]), 4) for column in ("value", "low", "high")]


def each_course_cold_once(name: str, seed: int, epochs: int | None) -> dict[str, float]:
    """Mean and spread of NDCG@10 over nine groups of courses, each hidden from training once."""
    train, values = exam().train, []
    for group in np.array_split(np.random.default_rng(0).permutation(np.unique(train.item)), GROUPS):
        away = np.isin(train.item, group)
        known, held = train.where(~away), train.where(away & (train.user % 3 == 0))
        users = np.intersect1d(known.user, held.user)
        model = ROWS[name][1](seed)
        if epochs is not None and hasattr(model, "epochs"):
            model.epochs = epochs
        ranked = model.fit(known).recommend(users, candidates=group).items
        values.append(evaluate(ranked, held, users, metrics="ndcg", n_bootstrap=0)["value"].item())
    return {"groups": round(np.mean(values), 4), "groups_spread": round(np.std(values, ddof=1), 4)}


def run(options: argparse.Namespace) -> None:
    """Whatever is missing, seed by seed, so that an early end leaves whole tables."""
    path = options.folder / "runs.csv"
    options.folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds):
        full = None
        for name in options.rows or ROWS:
            done = finished(path, options.epochs)
            if ((done["row"] == name) & (done["seed"] == seed)).any():
                continue
            if name.startswith("cross") and full is None:
                full, _ = fitted("full", seed, options.epochs)
            model, seconds = fitted(name, seed, options.epochs)
            full = model if name == "full" else full
            row = {"row": name, "seed": seed, "epochs": options.epochs or 0}
            row |= {"trained": getattr(model, "trained_parameters_", 0), "seconds": round(seconds, 1)}
            row |= dict.fromkeys(COLUMNS, np.nan) | judged(model, full)
            if options.groups and not name.startswith("cross"):
                row |= each_course_cold_once(name, seed, options.epochs)
            pd.DataFrame([row]).to_csv(path, mode="a", header=not path.exists(), index=False)
            print({key: value for key, value in row.items() if value == value}, flush=True)


COLUMNS = [f"{place}{suffix}" for place in ("warm", "cold", "300") for suffix in ("", "_low", "_high")]
COLUMNS += ["groups", "groups_spread"]


def finished(path: Path, epochs: int | None) -> pd.DataFrame:
    """The runs done so far with so many epochs."""
    if not path.exists():
        return pd.DataFrame(columns=["row", "seed"])
    runs = pd.read_csv(path)
    return runs[runs["epochs"] == (epochs or 0)].drop_duplicates(["row", "seed"], keep="last")


def table_of(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a model: means over the seeds, their spread for the warm figure, the first seed's intervals."""
    rows = []
    for name, (change, _) in ROWS.items():
        cell = runs[runs["row"] == name].sort_values("seed")
        if not len(cell):
            continue
        first, many = cell.iloc[0], len(cell) > 1
        row = {"row": name, "change": change, "trained": int(first["trained"])}
        row |= {"seconds": round(cell["seconds"].mean(), 1), "seeds": len(cell)}
        for place in ("warm", "cold", "300"):
            row[place] = round(cell[place].mean(), 4)
            row[f"{place}_spread"] = round(cell[place].std(ddof=1), 4) if many else np.nan
            row |= {f"{place}{end}": first[f"{place}{end}"] for end in ("_low", "_high")}
        rows.append(row | {column: round(cell[column].mean(), 4) for column in ("groups", "groups_spread")})
    return pd.DataFrame(rows)


def main() -> None:
    """Run what is missing, print the table, record it after --full or with --record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--full", action="store_true", help="three seeds, the rows' own epochs; record")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, help="for every fit, in place of the rows' own")
    parser.add_argument("--groups", action="store_true", help="each course cold once, too")
    parser.add_argument("--rows", nargs="*", choices=list(ROWS), help="only these")
    parser.add_argument("--folder", type=Path, default=Path("build/finetuning_table"), help="for the runs")
    parser.add_argument("--record", action="store_true", help="record the runs there are, without new ones")
    parser.add_argument("--note", default="", help="one line to record beside the table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.full:
        options.seeds = 3
    if not options.record:
        run(options)
    runs = finished(options.folder / "runs.csv", options.epochs)
    table = table_of(runs)
    print(table.drop(columns="change").to_string(index=False, na_rep="", float_format="{:.4f}".format))
    if options.full or options.record:
        command = "python tests/benchmarks/finetuning_table.py"
        command += f" --seeds {runs['seed'].nunique()}" + (
            f" --epochs {options.epochs}" if options.epochs else ""
        )
        what = "NDCG@10 on campus, one change of fine-tuning a row; seconds of training by the CPU's clock"
        minutes = f"{runs['seconds'].sum() / 60:.1f} of training, by the CPU's clock"
        path = record_results("finetuning", table, origin(what, command, minutes, note=options.note))
        print(f"recorded in {path}")


if __name__ == "__main__":
    main()
