"""`python -m coursekit.models.bert --out FOLDER`: train the BERT that the course ships, and judge it."""

from __future__ import annotations

import argparse
import datetime
import time

import torch

from coursekit.datasets import campus_tables
from coursekit.models.bert.batches import encode_mixed
from coursekit.models.bert.card import Training, model_card
from coursekit.models.bert.catalogue import catalogue_texts, held_out_courses, item_texts
from coursekit.models.bert.config import BertConfig
from coursekit.models.bert.judging import masked_word_table, purity_table
from coursekit.models.bert.pretraining import pretrain_bert


def main(arguments: list[str] | None = None) -> None:
    """Train, print the figures, write the folder with its model card. Ctrl-C ends training early."""
    options = _options(arguments)
    courses = campus_tables().courses
    held_out = held_out_courses(courses)
    unread = courses["course_id"].isin(held_out).to_numpy()
    texts = catalogue_texts(courses, held_out=held_out, rng=options.seed)
    hidden = item_texts(courses[unread])
    started = time.process_time()
    bert, history = pretrain_bert(
        texts,
        BertConfig(vocabulary=options.vocabulary, attention_dropout=0.0),
        held_out=hidden,
        epochs=options.epochs,
        learning_rate=options.learning_rate,
        batch_size=options.batch_size,
        align=options.align,
        rng=options.seed,
        progress=not options.quiet,
    )
    made = Training(
        options=options,
        date=datetime.date.today().isoformat(),
        versions=f"torch {torch.__version__}",
        epochs=len(history),
        n_texts=len(texts),
        n_tokens=int(encode_mixed(bert, texts).keep.sum()),
        n_held_out=len(held_out),
        cpu_minutes=(time.process_time() - started) / 60,
    )
    guessing = masked_word_table(bert, texts, hidden)
    neighbours = purity_table(bert, item_texts(courses), courses["subject"], unread)
    print(history.to_string(index=False), guessing, neighbours, sep="\n\n")
    card = model_card(bert, made, guessing, neighbours)
    print(f"written to {bert.save(options.out, half=True, card=card)}")


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m coursekit.models.bert",
        description=__doc__,
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--out", required=True, help="folder to write; a checkpoint there is replaced")
    parser.add_argument("--epochs", type=int, default=16, help="times to go through the texts")
    parser.add_argument("--vocabulary", type=int, default=3000, help="tokens to learn")
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="the highest, after warm-up")
    parser.add_argument("--batch-size", type=int, default=32, help="texts in a batch")
    parser.add_argument("--align", type=float, default=1.0, help="weight of the second task, 0 for none")
    parser.add_argument("--seed", type=int, default=0, help="of everything that is drawn")
    parser.add_argument("--quiet", action="store_true", help="draw no progress bar")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
