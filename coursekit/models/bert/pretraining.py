"""Masked-language pretraining: BERT learns a language by guessing hidden words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

import pandas as pd
import torch
from tokenizers import Tokenizer
from torch import nn

from coursekit.models.bert.alignment import AlignedPairs
from coursekit.models.bert.batches import MaskedBatches, Text, n_asked
from coursekit.models.bert.config import BertConfig
from coursekit.models.bert.encoder import BertEncoder
from coursekit.models.bert.judging import guess_scores, judged_batches
from coursekit.models.bert.masking import MaskedWords
from coursekit.models.bert.model import Bert
from coursekit.models.bert.wordpiece import train_wordpiece
from coursekit.runtime import pick_device, seeded_training
from coursekit.training import Callback, Trainer, TrainingOptions
from coursekit.training.schedules import warmup_linear


def pretrain_bert(
    texts: Iterable[Text],
    config: BertConfig | None = None,
    *,
    tokenizer: Tokenizer | None = None,
    held_out: Sequence[Text] = (),
    epochs: int = 30,
    learning_rate: float = 1e-3,
    warmup: float = 0.1,
    weight_decay: float = 0.01,
    batch_size: int = 32,
    share: float = 0.15,
    align: float = 0.0,
    rng: int = 0,
    device: str | torch.device | None = None,
    callbacks: Sequence[Callback] = (),
    progress: bool = False,
) -> tuple[Bert, pd.DataFrame]:
    """Train a BERT from nothing on texts, by hiding words (Devlin et al., 2019, section 3.1).

    The loss is the cross-entropy of the hidden words, mean over them; which words are hidden is drawn anew in
    every epoch. The learning rate rises in a straight line over the first `warmup` of all steps and then
    falls to 0. The paper's second task, whether one text follows another, is left out: later work found it of
    no use (Liu et al., 2019, "RoBERTa").

    On a CPU training runs on one thread, so the same seed gives the same weights.

    Args:
        texts: strings, or pairs of strings.
        config: sizes; its `vocabulary` is how many tokens to learn, and becomes what was learned.
        tokenizer: what splits the texts; None learns one from them with `train_wordpiece`.
        held_out: texts not trained on; with them the history has the columns held_out_loss and
            held_out_accuracy, of words that are all hidden behind [MASK], the same ones in each epoch.
        epochs, learning_rate, weight_decay, batch_size: of training by AdamW; a batch is so many texts of
            similar length.
        warmup: share of the steps in which the learning rate rises.
        share: share of the words that are hidden.
        align: weight of a second task on the texts that are pairs: their vectors are to find each other, see
            `AlignedPairs`. 0 leaves it out, and halves the time.
        rng: seed of first weights, order, hidden words and dropout.
        device: where to train; None leaves the choice to `pick_device`.
        callbacks: for the `Trainer`.
        progress: whether to draw a progress bar.

    Returns:
        The BERT, in evaluation mode with its output layer, and the history with one row an epoch. Ctrl-C ends
        training and returns what there is.

    Raises:
        ValueError: when there are no texts.
    """
    texts = list(texts)
    if not texts:
        raise ValueError("there are no texts to learn from")
    config = config or BertConfig()
    if tokenizer is None:
        tokenizer = train_wordpiece(_strings(texts), config.vocabulary)
    config = replace(config, vocabulary=tokenizer.get_vocab_size(), padding=tokenizer.token_to_id("[PAD]"))
    device = pick_device(device)
    with seeded_training(rng, device):
        network = MaskedWords(BertEncoder(config))
        bert = Bert(network.encoder.to(device), tokenizer, network.head)
        batches = MaskedBatches(bert, texts, batch_size=batch_size, share=share, seed=rng)
        options = TrainingOptions(
            epochs=epochs,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            optimizer=partial(torch.optim.AdamW, fused=True),
            scheduler=warmup_linear(epochs * len(batches), warmup),
            clip_norm=1.0,
            device=device,
            precision="float32",
            seed=None,  # seeded above, without touching the reader's own random numbers
            progress=progress,
        )
        trainer = Trainer(options, callbacks, weigh=n_asked)
        learner = AlignedPairs(network, align) if align else network
        history = trainer.fit(learner, batches, _validation(bert, held_out) if held_out else None)
    return bert, history


def _validation(bert: Bert, held_out: Sequence[Text]) -> Callable[[nn.Module], dict[str, float]]:
    batches = judged_batches(bert, held_out)

    def validate(_: nn.Module) -> dict[str, float]:
        scores = guess_scores(MaskedWords(bert.encoder, bert.head), batches)
        return {"held_out_loss": scores["loss"], "held_out_accuracy": scores["accuracy"]}

    return validate


def _strings(texts: Sequence[Text]) -> list[str]:
    return [part for text in texts for part in ([text] if isinstance(text, str) else text)]
