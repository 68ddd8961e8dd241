"""A checkpoint folder in transformers' format: config.json, model.safetensors, tokenizer.json."""

from __future__ import annotations

import json
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor, nn

from coursekit.models.bert.config import BertConfig
from coursekit.models.bert.states import transformers_state
from coursekit.models.bert.wordpiece import SPECIAL, bert_tokenizer

CONFIG, TOKENIZER, WORDS = "config.json", "tokenizer.json", "vocab.txt"
TOKENIZER_CONFIG, CARD = "tokenizer_config.json", "README.md"
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # the first that is there is read
_OURS = {CONFIG, TOKENIZER, TOKENIZER_CONFIG, CARD, WEIGHTS[0]}


def write_folder(
    folder: Path,
    encoder: nn.Module,
    tokenizer: Tokenizer,
    head: nn.Module | None = None,
    *,
    half: bool = False,
    card: str | None = None,
) -> Path:
    """See `Bert.save`."""
    from safetensors.torch import save

    dtype = torch.float16 if half else torch.float32
    state = transformers_state(encoder, head)
    state = {name: tensor.detach().to("cpu", dtype).contiguous() for name, tensor in state.items()}
    config = encoder.config.to_transformers() | {
        "architectures": ["BertModel" if head is None else "BertForMaskedLM"],
        "torch_dtype": str(dtype).removeprefix("torch."),
    }
    with _whole_folder(folder) as draft:
        # Not save_file, whose files nobody else may read.
        (draft / WEIGHTS[0]).write_bytes(save(state, metadata={"format": "pt"}))
        _write_json(draft / CONFIG, config)
        tokenizer.save(str(draft / TOKENIZER))
        _write_json(draft / TOKENIZER_CONFIG, _tokenizer_config(tokenizer, encoder.config))
        if card is not None:
            (draft / CARD).write_text(card, encoding="utf-8")
    return folder


def read_config(folder: Path) -> BertConfig:
    """The sizes of the BERT in a folder.

    Raises:
        ValueError: when config.json is missing, is no JSON, or describes another kind of model.
    """
    path = folder / CONFIG
    if not path.is_file():
        raise ValueError(f"{folder} has no {CONFIG}: it is no checkpoint in transformers' format")
    try:
        return BertConfig.from_transformers(_read_json(path))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def read_tokenizer(folder: Path) -> Tokenizer:
    """From tokenizer.json, or from a vocab.txt with what tokenizer_config.json says about lower case.

    Raises:
        ValueError: when neither is there, or one is broken.
    """
    if (folder / TOKENIZER).is_file():
        try:
            tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        except Exception as error:  # the library raises plain Exception
            raise ValueError(f"{folder / TOKENIZER} cannot be read: {error}") from error
        tokenizer.no_padding()
        tokenizer.no_truncation()
        return tokenizer
    if not (folder / WORDS).is_file():
        raise ValueError(f"{folder} has neither {TOKENIZER} nor {WORDS}, so texts cannot be split")
    words = (folder / WORDS).read_text(encoding="utf-8").splitlines()
    options = _read_json(folder / TOKENIZER_CONFIG) if (folder / TOKENIZER_CONFIG).is_file() else {}
    try:
        vocabulary = {word: number for number, word in enumerate(words)}
        return bert_tokenizer(vocabulary, lowercase=options.get("do_lower_case", True))
    except ValueError as error:
        raise ValueError(f"{folder / WORDS}: {error}") from error


def read_state(folder: Path) -> dict[str, Tensor]:
    """The weights, on the CPU, in the precision they were written in.

    A pytorch_model.bin is a pickle; only tensors are taken from it, so it cannot run code.

    Raises:
        ValueError: when there are none, or the file is broken.
    """
    for name in WEIGHTS:
        if (folder / name).is_file():
            return _read_weights(folder / name)
    raise ValueError(f"{folder} has no weights: neither {' nor '.join(WEIGHTS)} is there")


def _read_weights(path: Path) -> dict[str, Tensor]:
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # pickle, zip and safetensors each have their own
        raise ValueError(f"{path} cannot be read ({error}); it may be cut short: copy it again") from error


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Give a temporary neighbour to write to; it takes the folder's place when the block ends well."""
    if folder.exists() and (not folder.is_dir() or {path.name for path in folder.iterdir()} - _OURS):
        raise FileExistsError(f"{folder} holds something else than a checkpoint; name another folder")
    folder.parent.mkdir(parents=True, exist_ok=True)
    draft, old = (folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.{end}") for end in ("part", "old"))
    draft.mkdir()
    try:
        yield draft
        if folder.exists():
            os.replace(folder, old)
        os.replace(draft, folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _tokenizer_config(tokenizer: Tokenizer, config: BertConfig) -> dict[str, Any]:
    normalizer = json.loads(tokenizer.to_str())["normalizer"] or {}
    names = ("pad_token", "unk_token", "cls_token", "sep_token", "mask_token")
    return {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": bool(normalizer.get("lowercase", True)),
        "model_max_length": config.max_length,
        **dict(zip(names, SPECIAL, strict=True)),
    }


def _read_json(path: Path) -> dict[str, Any]:
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    if not isinstance(entries, dict):
        raise ValueError(f"{path} holds a {type(entries).__name__}, not an object with names")
    return entries


def _write_json(path: Path, entries: dict[str, Any]) -> None:
    path.write_text(json.dumps(entries, indent=2) + "\n", encoding="utf-8")
