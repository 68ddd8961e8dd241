"""A BERT by name: the course's own, a folder, or one of the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

import torch

from coursekit.models.bert.encoder import BertEncoder
from coursekit.models.bert.folders import (
    CONFIG,
    TOKENIZER,
    TOKENIZER_CONFIG,
    WEIGHTS,
    WORDS,
    read_config,
    read_state,
    read_tokenizer,
)
from coursekit.models.bert.masking import MaskedWordsHead
from coursekit.models.bert.model import Bert
from coursekit.models.bert.states import has_head, load_transformers_state
from coursekit.runtime import pick_device

COURSE = Path(__file__).parent / "course"


def load_bert(name: str | Path = "course", *, device: str | torch.device | None = None) -> Bert:
    """Load a BERT with its tokenizer, ready for use (float32, evaluation mode).

    Args:
        name: one of three.
            "course": the small one that comes with coursekit; needs no network. See `course/README.md`
                beside this file for what it has read and what it can do.
            a folder in transformers' format: config.json with model_type "bert", model.safetensors or
                pytorch_model.bin, tokenizer.json or vocab.txt.
            anything else: a name on the Hugging Face hub, such as "bert-base-uncased" or
                "bert-base-chinese". Downloaded once, 440 MB for these, and kept in the hub's cache.
        device: where to put it; None leaves the choice to `pick_device`.

    Raises:
        ValueError: when the folder holds no BERT, or something of it is missing or broken.
        OSError: when the name is no folder and cannot be had from the hub either.
    """
    folder = COURSE if str(name) == "course" else Path(name).expanduser()
    if not folder.is_dir():
        folder = _from_hub(name)
    config, tokenizer, state = read_config(folder), read_tokenizer(folder), read_state(folder)
    with torch.random.fork_rng(devices=[]):  # the first weights, soon replaced, must not move the reader's
        encoder = BertEncoder(config)
        head = MaskedWordsHead(config) if has_head(state) else None
    load_transformers_state(encoder, state, head, source=str(folder))
    bert = Bert(encoder.eval(), tokenizer, None if head is None else head.eval())
    return bert.to(pick_device(device))


def _from_hub(name: str | Path) -> Path:
    """The folder in the hub's cache that holds the model, downloaded if need be."""
    if isinstance(name, Path) or not _may_be_hub_name(name):
        raise OSError(f"there is no folder {str(name)!r}, and that is no name of the Hugging Face hub either")
    # The small file first: who asks for something else than a BERT learns it before 400 MB are loaded.
    folder = _first_there(name, CONFIG).parent
    read_config(folder)
    _first_there(name, TOKENIZER, WORDS)
    _first_there(name, TOKENIZER_CONFIG, needed=False)
    _first_there(name, *WEIGHTS)
    return folder


def _first_there(name: str, *files: str, needed: bool = True) -> Path | None:
    """Download the first of these files that the model has.

    Raises:
        OSError: when the hub cannot be reached or has none of them.
    """
    from huggingface_hub import hf_hub_download
    from huggingface_hub.utils import EntryNotFoundError

    for place, file in enumerate(files):
        try:
            return Path(hf_hub_download(name, file))
        except Exception as error:  # its client has errors of its own for no network, no model, no access
            if not isinstance(error, EntryNotFoundError) or (needed and place == len(files) - 1):
                raise OSError(_unreachable(name, error)) from error
    return None


def _may_be_hub_name(name: str) -> bool:
    from huggingface_hub.utils import HFValidationError, validate_repo_id

    try:
        validate_repo_id(name)
    except HFValidationError:
        return False
    return True


def _unreachable(name: str, error: Exception) -> str:
    reason = str(error).strip().splitlines()
    return (
        f"no BERT {name!r}: there is no folder of that name here, and the Hugging Face hub did not give it "
        f"({type(error).__name__}: {reason[0] if reason else 'no reason given'}). Without a network: "
        f"load_bert() takes the course's own. Or, where there is one, run\n"
        f"    hf download {name} {CONFIG} {TOKENIZER} {TOKENIZER_CONFIG} {WEIGHTS[0]} --local-dir my-bert\n"
        f"bring the folder here, and write load_bert('my-bert')."
    )
