"""The model card of a BERT that has read the campus catalogue (Mitchell et al., 2019)."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass

import pandas as pd

from coursekit.models.bert.model import Bert


@dataclass(frozen=True)
class Training:
    """How a checkpoint came about: what a reader needs in order to make it again.

    Attributes:
        options: of the command: out, epochs, vocabulary, learning_rate, batch_size, align, seed.
        date: of the day.
        versions: of the libraries that computed.
        epochs: those done, fewer than in `options` after Ctrl-C.
        n_texts, n_tokens: of one epoch.
        n_held_out: courses of which it has read nothing.
        cpu_minutes: of training.
    """

    options: Namespace
    date: str
    versions: str
    epochs: int
    n_texts: int
    n_tokens: int
    n_held_out: int
    cpu_minutes: float

    @property
    def command(self) -> str:
        """What to type."""
        names = ("out", "epochs", "vocabulary", "learning_rate", "batch_size", "align", "seed")
        given = " ".join(f"--{name.replace('_', '-')} {getattr(self.options, name)}" for name in names)
        return f"python -m coursekit.models.bert {given}"


def model_card(bert: Bert, training: Training, guessing: pd.DataFrame, purity: pd.DataFrame) -> str:
    """Markdown; every figure in it is computed from the arguments.

    Args:
        bert: what is described.
        training: how it was made.
        guessing: rows by name, columns loss and accuracy, of hidden words in held-out texts.
        purity: rows by name, columns all and held_out: share of neighbours of the same subject.
    """
    return _CARD.format(
        config=bert.config,
        parameters=sum(part.numel() for part in bert.encoder.parameters()) / 1e6,
        t=training,
        o=training.options,
        second=_SECOND.format(o=training.options) if training.options.align else "",
        guessing=_table(guessing, {"loss": "{:.2f}", "accuracy": "{:.3f}"}),
        purity=_table(purity, {"all": "{:.3f}", "held_out": "{:.3f}"}),
    )


def _table(frame: pd.DataFrame, formats: dict[str, str]) -> str:
    lines = ["| | " + " | ".join(name.replace("_", " ") for name in formats) + " |"]
    lines.append("|---" * (len(formats) + 1) + "|")
    for name, row in frame.iterrows():
        lines.append(f"| {name} | " + " | ".join(form.format(row[of]) for of, form in formats.items()) + " |")
    return "\n".join(lines)


_SECOND = """ \
At the same time, with weight {o.align:g}: the mean hidden states of the two texts of a pair are to find \
each other among those of the batch (`AlignedPairs`, temperature 0.05). Hidden words alone gave vectors \
whose neighbours were hardly better than those of an untrained encoder: there is too little to read."""

_CARD = """\
---
language: [en, zh]
license: mit
---
# The course's own small BERT

An encoder of {parameters:.2f} million parameters ({config.layers} blocks, width {config.width}, \
{config.heads} heads, {config.vocabulary} tokens, {config.max_length} positions) with its output layer for \
hidden words. It is there so that every lesson works without a network, in seconds, on a laptop. It is not \
there to be good at English: all that it has read would fill a booklet.

`coursekit.models.bert.load_bert()` loads it. So does `transformers.AutoModel.from_pretrained(folder)`, \
which draws a new pooler, since masked-language checkpoints have none.

## What it has read
The catalogue of campus, the course's synthetic learning platform: English and Chinese titles, subject, \
level, hours, language, descriptions, titles of the courses presupposed, and lists of titles of one subject \
in random order: {t.n_texts:,} texts, {t.n_tokens:,} tokens (`coursekit.models.bert.catalogue_texts`). **No \
enrolment, no learner, and nothing of what the simulator keeps to itself**, so comparisons on cold-start \
courses are not spoiled. Of {t.n_held_out} courses, every tenth, some of each subject, it has read nothing, \
not even the title. The project wrote all of these texts; the weights have the licence of the code.

## How it was made
    {t.command}

{t.epochs} epochs of hidden words (15 % chosen; 80 % of them hidden, 10 % replaced, 10 % left).{second} \
AdamW, learning rate {o.learning_rate:g} with linear warm-up over a tenth of the steps and linear decay to \
0, batches of {o.batch_size} texts of similar length, seed {o.seed}, one thread: {t.cpu_minutes:.0f} minutes \
of CPU time. Made on {t.date} with {t.versions}. On the same machine the same command gives the same \
weights; other processors add in another order and end a little elsewhere. They are stored as float16.

## What it can do
Hidden words in the item texts of the held-out courses (15 % of them, all behind [MASK], five times over): \
cross-entropy in nats, and how often the likeliest word is the true one.

{guessing}

Item texts ("title. description") as vectors, the mean of the last hidden states: the share of a course's \
five nearest neighbours that belong to its subject, by cosine with the mean taken off, for all courses and \
for those held out. The BERT has read the subject of every other course beside its title; the other vectors \
know texts only.

{purity}

## What it cannot do
- It knows hardly a word that is not in the catalogue. Other names and long words fall into pieces.
- Chinese it knows from titles only.
- Its vectors are a place to start fine-tuning from. As they are, word counts may well do better: see above.
- Texts of more than {config.max_length} tokens are cut, and few were longer than 150 in training.
- The catalogue was written for a synthetic platform. What it says of subjects and people is its authors' \
choice, and a model that recommends by it repeats that choice.
"""
