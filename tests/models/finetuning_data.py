"""A BERT that fits on a stamp, and texts it can tell apart: for the tests of fine-tuning."""

import atexit
import shutil
import tempfile
from dataclasses import replace
from functools import cache

import numpy as np
import torch
from contract import checkerboard, taste_data

from coursekit.models.bert import Bert, BertConfig, BertEncoder, train_wordpiece

WORDS = "even odd good bad small kind0 kind1 kind2 kind3 kind4"


def write_tiny_bert(folder, **sizes):
    """Save one in transformers' format; one block of width 16 unless told otherwise."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        tokenizer = train_wordpiece([WORDS] * 4, 200)
        chosen = {"width": 16, "layers": 1, "heads": 2, "inner": 32, "max_length": 64, "dropout": 0.0} | sizes
        config = BertConfig(tokenizer.get_vocab_size(), attention_dropout=0.0, **chosen)
        Bert(BertEncoder(config), tokenizer).save(folder)
    return str(folder)


@cache
def tiny_bert():
    """The folder of one, gone when the tests are."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return write_tiny_bert(f"{folder}/bert")


def described(data):
    """A text for every item, mostly about being even or odd."""
    kinds = [f"{('even', 'odd')[i % 2]} " * 3 + f"kind{i % 5}" for i in range(data.n_items)]
    return replace(data, item_text=np.array(kinds, dtype=object))


def tastes():
    return described(taste_data())


def board():
    return described(checkerboard(explicit=False))
