"""A BERT by folder or by name; nothing is fetched before somebody asks, and what fails says what to do."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch

from coursekit.models.bert import (
    Bert,
    BertConfig,
    BertEncoder,
    load_bert,
    train_wordpiece,
    transformers_state,
)

TEXTS = ["maps and more maps", "the map", "tea the map"]


@pytest.fixture(scope="module")
def bert():
    tokenizer = train_wordpiece(TEXTS * 2, 60)
    torch.manual_seed(0)
    config = BertConfig(tokenizer.get_vocab_size(), width=16, layers=2, heads=2, inner=24, max_length=12)
    return Bert(BertEncoder(config).eval(), tokenizer)


@pytest.fixture
def folder(bert, tmp_path):
    return bert.save(tmp_path / "model")


def loads_as(bert, folder):
    np.testing.assert_array_equal(load_bert(folder, device="cpu").embed(TEXTS), bert.embed(TEXTS))


def test_a_folder_by_string_or_path(bert, folder):
    loads_as(bert, folder)
    loads_as(bert, str(folder))


def test_weights_in_a_pickle_of_tensors(bert, folder):
    (folder / "model.safetensors").unlink()
    torch.save(transformers_state(bert.encoder), folder / "pytorch_model.bin")
    loads_as(bert, folder)


class Nasty:
    def __reduce__(self):
        return os.system, ("echo never",)


def test_a_pickle_that_would_run_code_is_refused(folder, capfd):
    (folder / "model.safetensors").unlink()
    torch.save({"bert.embeddings.LayerNorm.weight": Nasty()}, folder / "pytorch_model.bin")
    with pytest.raises(ValueError, match=r"pytorch_model\.bin cannot be read"):
        load_bert(folder)
    assert "never" not in capfd.readouterr().out


@pytest.mark.parametrize("lowercase", [True, False])
def test_a_vocab_txt_in_place_of_a_tokenizer_json(bert, folder, lowercase):
    words = sorted(bert.tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    (folder / "vocab.txt").write_text("\n".join(word for word, _ in words) + "\n", encoding="utf-8")
    (folder / "tokenizer.json").unlink()
    options = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps(options | {"do_lower_case": lowercase}))
    again = load_bert(folder, device="cpu")
    loads_as(bert, folder)
    row = again.tokenizer.encode("MAPS [MASK]", "the").tokens
    assert row == ["[CLS]", "maps" if lowercase else "[UNK]", "[MASK]", "[SEP]", "the", "[SEP]"]


def test_padding_and_truncation_that_a_tokenizer_json_brings_are_put_off(bert, folder):
    entries = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    entries["truncation"] = {"max_length": 3, "strategy": "LongestFirst", "stride": 0, "direction": "Right"}
    (folder / "tokenizer.json").write_text(json.dumps(entries), encoding="utf-8")
    assert len(load_bert(folder, device="cpu").tokenizer.encode("the map the map").ids) == 6
    loads_as(bert, folder)


def change(name, **entries):
    def changed(folder):
        old = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(old | entries))

    return changed


def cut(name):
    def changed(folder):
        data = (folder / name).read_bytes()
        (folder / name).write_bytes(data[: len(data) // 2])

    return changed


def drop(name):
    return lambda folder: (folder / name).unlink()


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (drop("config.json"), r"has no config\.json: it is no checkpoint"),
        (drop("model.safetensors"), r"neither model\.safetensors nor pytorch_model\.bin"),
        (drop("tokenizer.json"), r"neither tokenizer\.json nor vocab\.txt"),
        (cut("config.json"), r"config\.json is no JSON"),
        (cut("model.safetensors"), r"model\.safetensors cannot be read .* copy it again"),
        (cut("tokenizer.json"), r"tokenizer\.json cannot be read"),
        (change("config.json", model_type="gpt2"), r"config\.json: .* of type 'gpt2'; only 'bert'"),
        (change("config.json", num_hidden_layers=1), r"unexpected bert\.encoder\.layer\.1"),
        (change("config.json", num_hidden_layers=3), r"missing bert\.encoder\.layer\.2"),
        (change("config.json", hidden_size=32), r"is \(16,\) instead of \(32,\)"),
        (change("config.json", vocab_size=8), r"word_embeddings.weight is .* instead of \(8, 16\)"),
    ],
)
def test_a_broken_folder_is_named_with_its_damage(folder, damage, says):
    damage(folder)
    with pytest.raises(ValueError, match=says) as caught:
        load_bert(folder)
    assert str(folder) in str(caught.value)


def test_a_tokenizer_of_another_model_is_refused(folder):
    train_wordpiece([f"{a}{b}" for a in "abcdefg" for b in "hijklmno"] * 2, 200).save(
        str(folder / "tokenizer.json")
    )
    with pytest.raises(ValueError, match="belong to different models"):
        load_bert(folder)


def test_loading_leaves_the_readers_random_numbers_alone(folder):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    load_bert(folder, device="cpu")
    assert torch.equal(torch.rand(3), expected)


# --- names of the hub --------------------------------------------------------------------------------------


class Hub:
    """Stands for `huggingface_hub.hf_hub_download`: gives the files of a folder, or fails."""

    def __init__(self, folder=None, error=None):
        self.folder, self.error, self.asked = folder, error, []

    def __call__(self, name, file):
        from huggingface_hub.errors import EntryNotFoundError

        self.asked.append(file)
        if self.error is not None:
            raise self.error
        if not (self.folder / file).is_file():
            raise EntryNotFoundError(f"{name} has no {file}")
        return str(self.folder / file)


@pytest.fixture
def hub(monkeypatch):
    import huggingface_hub

    def put(**options):
        stand_in = Hub(**options)
        monkeypatch.setattr(huggingface_hub, "hf_hub_download", stand_in)
        return stand_in

    return put


def test_a_name_is_downloaded_config_first(bert, folder, hub):
    asked = hub(folder=folder)
    loads_as(bert, "somebody/some-bert")
    assert asked.asked == ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"]


def test_the_old_files_are_asked_for_where_the_new_are_not(bert, folder, hub):
    torch.save(transformers_state(bert.encoder), folder / "pytorch_model.bin")
    words = sorted(bert.tokenizer.get_vocab(), key=bert.tokenizer.get_vocab().get)
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    for name in ("model.safetensors", "tokenizer.json", "tokenizer_config.json"):
        (folder / name).unlink()
    asked = hub(folder=folder)
    loads_as(bert, "some-bert")
    assert asked.asked[-1] == "pytorch_model.bin"


def test_weights_of_another_family_are_not_downloaded(folder, hub):
    change("config.json", model_type="gpt2")(folder)
    asked = hub(folder=folder)
    with pytest.raises(ValueError, match="of type 'gpt2'"):
        load_bert("somebody/gpt")
    assert asked.asked == ["config.json"]


def test_a_model_without_weights_is_named(folder, hub):
    (folder / "model.safetensors").unlink()
    hub(folder=folder)
    with pytest.raises(OSError, match=r"no BERT 'some-bert'.*has no pytorch_model\.bin"):
        load_bert("some-bert")


def test_a_name_that_cannot_be_reached_says_what_to_do(hub):
    hub(error=ConnectionError("no route to host"))
    with pytest.raises(OSError, match="no BERT 'bert-base-uncased'") as caught:
        load_bert("bert-base-uncased")
    for said in (
        "no folder of that name",
        "ConnectionError: no route to host",
        "load_bert() takes the course's own",
        "hf download bert-base-uncased config.json",
        "load_bert('my-bert')",
    ):
        assert said in str(caught.value)


@pytest.mark.parametrize("name", ["./nowhere", "a/b/c", "/tmp/no such folder", "~/nowhere-at-all"])
def test_a_path_that_is_not_there_is_not_asked_for_at_the_hub(hub, name):
    asked = hub(error=AssertionError("asked"))
    with pytest.raises(OSError, match="there is no folder"):
        load_bert(name)
    assert asked.asked == []


_OFFLINE = """
from coursekit.models.bert import load_bert
try:
    load_bert("bert-base-uncased")
except OSError as error:
    print(error)
"""


def python(script, **environment):
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout


def test_offline_by_environment(tmp_path):
    said = python(_OFFLINE, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path))
    assert "no BERT 'bert-base-uncased'" in said
    assert "--local-dir" in said


def test_importing_loads_no_model_and_no_hub():
    loaded = python("import sys, coursekit.models.bert; print(sorted(sys.modules))")
    for module in ("transformers", "huggingface_hub", "peft", "safetensors"):
        assert f"'{module}'" not in loaded


def test_a_name_in_the_cache_needs_no_network(bert, folder, tmp_path):
    """The hub keeps files in snapshots/<commit>; with HF_HUB_OFFLINE it gives them without asking anybody."""
    commit = "0" * 40
    home = tmp_path / "cache" / "hub" / "models--some--bert"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(commit)
    shutil.copytree(folder, home / "snapshots" / commit)
    script = "from coursekit.models.bert import load_bert; print(load_bert('some/bert', device='cpu').config)"
    said = python(script, HF_HUB_OFFLINE="1", HF_HOME=str(tmp_path / "cache"))
    assert said.strip() == str(bert.config)
