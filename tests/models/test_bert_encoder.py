"""The encoder equals transformers' `BertModel`, and differs as soon as anything is wrong."""

from dataclasses import replace

import pytest
import torch

from coursekit.models.bert import (
    BertConfig,
    BertEncoder,
    MaskedWords,
    MaskedWordsHead,
    load_transformers_state,
    transformers_state,
)
from coursekit.models.bert.encoder import BertBlock

transformers = pytest.importorskip("transformers")
CONFIG = BertConfig(vocabulary=60, width=32, layers=3, heads=4, inner=48, max_length=20)


def theirs(config=CONFIG, seed=0, **options):
    """A random BERT of transformers. Weights are far from 0, so that every part of it matters."""
    torch.manual_seed(seed)
    entries = config.to_transformers() | options
    model = transformers.BertForMaskedLM(transformers.BertConfig(**entries)).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


def ours(model, config=CONFIG):
    encoder = BertEncoder(config).eval()
    load_transformers_state(encoder, model.state_dict())
    return encoder


@pytest.fixture(scope="module")
def batch():
    """Three pairs of texts of 12, 7 and 1 tokens."""
    torch.manual_seed(1)
    keep = torch.arange(12) < torch.tensor([12, 7, 1])[:, None]
    ids = torch.where(keep, torch.randint(5, 60, (3, 12)), 0)
    segments = ((torch.arange(12) >= 4) & keep).long()
    return ids, keep, segments


def hidden_of(model, batch):
    ids, keep, segments = batch
    with torch.no_grad():
        return model.bert(ids, attention_mask=keep.long(), token_type_ids=segments).last_hidden_state


def distance(encoder, model, batch, **changed):
    """The largest difference at a real token."""
    ids, keep, segments = batch
    with torch.no_grad():
        hidden = encoder(**({"ids": ids, "keep": keep, "segments": segments} | changed))
    return float((hidden - hidden_of(model, batch))[keep].abs().max())


@pytest.mark.parametrize("activation", ["gelu", "gelu_new", "gelu_pytorch_tanh", "relu"])
@pytest.mark.parametrize("sizes", [{}, {"layers": 1, "heads": 1}, {"eps": 0.1, "width": 40, "heads": 8}])
def test_hidden_states_are_those_of_transformers(batch, activation, sizes):
    config = replace(CONFIG, activation=activation, **sizes)
    model = theirs(config)
    assert distance(ours(model, config), model, batch) < 1e-5


def test_without_mask_and_segments_all_tokens_are_real_and_of_the_first_text(batch):
    model = theirs()
    ids = batch[0].clamp(min=5)
    with torch.no_grad():
        torch.testing.assert_close(ours(model)(ids), model.bert(ids).last_hidden_state, rtol=0, atol=1e-5)


def test_logits_of_hidden_words_are_those_of_transformers(batch):
    model, head = theirs(), MaskedWordsHead(CONFIG)
    encoder = BertEncoder(CONFIG)
    load_transformers_state(encoder, model.state_dict(), head)
    ids, keep, segments = batch
    with torch.no_grad():
        expected = model(ids, attention_mask=keep.long(), token_type_ids=segments).logits
        got = MaskedWords(encoder, head).eval()(ids, keep, segments)
    torch.testing.assert_close(got[keep], expected[keep], rtol=0, atol=1e-4)


def test_attention_weights_are_those_of_transformers(batch):
    model = theirs(attn_implementation="eager")
    ids, keep, segments = batch
    with torch.no_grad():
        expected = model.bert(
            ids, attention_mask=keep.long(), token_type_ids=segments, output_attentions=True
        )
        hidden, weights = ours(model)(ids, keep, segments, weights=True)
    assert weights.shape == (3, 3, 4, 12, 12)
    looking = keep[:, None, None, :, None].expand_as(weights)
    torch.testing.assert_close(
        weights[looking], torch.stack(expected.attentions, dim=1)[looking], rtol=0, atol=1e-5
    )
    torch.testing.assert_close(hidden[keep], expected.last_hidden_state[keep], rtol=0, atol=1e-5)
    assert weights[~keep[:, None, None, None, :].expand_as(weights)].max() == 0


# --- what must not pass ----------------------------------------------------------------------------------


class PreNorm(BertBlock):
    def forward(self, x, keep, *, weights=False):
        x = x + self.attention(self.attention_norm(x), keep)
        return x + self.narrow(self.activation(self.widen(self.norm(x))))


class NoFirstSum(BertBlock):
    def forward(self, x, keep, *, weights=False):
        x = self.attention_norm(self.attention(x, keep))
        return self.norm(x + self.narrow(self.activation(self.widen(x))))


class NormsSwapped(BertBlock):
    def forward(self, x, keep, *, weights=False):
        self.norm, self.attention_norm = self.attention_norm, self.norm
        out = super().forward(x, keep)
        self.norm, self.attention_norm = self.attention_norm, self.norm
        return out


@pytest.mark.parametrize("block", [PreNorm, NoFirstSum, NormsSwapped])
def test_another_block_gives_other_hidden_states(batch, block):
    model = theirs()
    encoder = ours(model)
    for own in encoder.blocks:
        own.__class__ = block
    assert distance(encoder, model, batch) > 0.1


@pytest.mark.parametrize(
    "changed",
    [{"segments": None}, {"keep": None}],
    ids=["segments left out", "padding looked at"],
)
def test_inputs_left_out_give_other_hidden_states(batch, changed):
    model = theirs()
    assert distance(ours(model), model, batch, **changed) > 0.1


@pytest.mark.parametrize(
    ("option", "least"),
    [({"eps": 1e-3}, 1e-4), ({"activation": "gelu_new"}, 5e-5), ({"heads": 2}, 0.1)],
    ids=["another epsilon", "approximated gelu", "fewer heads"],
)
def test_other_options_give_other_hidden_states(batch, option, least):
    model = theirs()
    assert distance(ours(model, replace(CONFIG, **option)), model, batch) > least


@pytest.mark.parametrize("part", ["positions", "segments", "norm"])
def test_every_part_of_the_embeddings_matters(batch, part):
    model = theirs()
    encoder = ours(model)
    with torch.no_grad():
        getattr(encoder, part).weight.zero_()
    assert distance(encoder, model, batch) > 0.1


# --- our own promises --------------------------------------------------------------------------------------


def test_what_stands_beside_padding_changes_nothing(batch):
    encoder = ours(theirs())
    ids, keep, segments = batch
    other = torch.where(keep, ids, 17)
    with torch.no_grad():
        torch.testing.assert_close(encoder(other, keep, segments)[keep], encoder(ids, keep, segments)[keep])
        longer = torch.nn.functional.pad(ids, (0, 6)), torch.nn.functional.pad(keep, (0, 6))
        more = encoder(*longer, torch.nn.functional.pad(segments, (0, 6)))[:, :12]
    torch.testing.assert_close(more[keep], encoder(ids, keep, segments)[keep], rtol=0, atol=1e-5)


def test_dropout_acts_in_training_only(batch):
    encoder = BertEncoder(CONFIG)
    assert not torch.equal(encoder(*batch), encoder(*batch))
    assert torch.equal(encoder.eval()(*batch), encoder(*batch))


def test_first_weights_have_the_configured_spread_and_padding_is_zero():
    torch.manual_seed(0)
    encoder = BertEncoder(BertConfig(spread=0.05))
    assert encoder.words.weight[0].abs().max() == 0
    for weights in (encoder.words.weight[1:], encoder.blocks[0].widen.weight, encoder.positions.weight):
        assert 0.048 < weights.std() < 0.052
    assert encoder.blocks[1].narrow.bias.abs().max() == 0


def test_a_text_longer_than_the_positions_is_refused():
    with pytest.raises(ValueError, match="a text of 21 tokens; this BERT has 20 positions"):
        BertEncoder(CONFIG)(torch.ones(1, 21, dtype=torch.int64))


# --- names -------------------------------------------------------------------------------------------------


def renamed(state, *changes):
    for old, new in changes:
        state = {name.replace(old, new): tensor for name, tensor in state.items()}
    return state


@pytest.mark.parametrize(
    "changes",
    [
        [("bert.", "")],
        [("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")],
        [("bert.", ""), ("LayerNorm.weight", "LayerNorm.gamma"), ("LayerNorm.bias", "LayerNorm.beta")],
    ],
    ids=["without bert.", "gamma and beta", "both"],
)
def test_old_names_are_read(batch, changes):
    model = theirs()
    encoder = BertEncoder(CONFIG).eval()
    load_transformers_state(encoder, renamed(model.state_dict(), *changes))
    assert distance(encoder, model, batch) < 1e-5


def test_a_bert_model_with_pooler_and_position_ids_is_read():
    torch.manual_seed(0)
    model = transformers.BertModel(transformers.BertConfig(**CONFIG.to_transformers())).eval()
    state = model.state_dict() | {"embeddings.position_ids": torch.arange(20)[None]}
    assert any(name.startswith("pooler.") for name in state)
    encoder = BertEncoder(CONFIG).eval()
    load_transformers_state(encoder, state)
    ids = torch.randint(5, 60, (2, 9))
    with torch.no_grad():
        torch.testing.assert_close(encoder(ids), model(ids).last_hidden_state, rtol=0, atol=1e-5)


def test_written_names_are_those_of_transformers():
    model = theirs()
    encoder, head = BertEncoder(CONFIG), MaskedWordsHead(CONFIG)
    load_transformers_state(encoder, model.state_dict(), head)
    written = transformers_state(encoder, head)
    expected = {name: t for name, t in model.state_dict().items() if ".decoder." not in name}
    expected = {name: t for name, t in expected.items() if "position_ids" not in name}
    assert written.keys() == expected.keys()
    for name, tensor in written.items():
        assert torch.equal(tensor, expected[name]), name


def test_what_does_not_fit_is_named_and_nothing_is_written():
    encoder = BertEncoder(CONFIG)
    before = {name: tensor.clone() for name, tensor in encoder.state_dict().items()}
    state = theirs().state_dict()
    del state["bert.encoder.layer.1.output.dense.bias"]
    state["bert.encoder.layer.3.output.dense.bias"] = torch.zeros(32)
    state["bert.embeddings.word_embeddings.weight"] = torch.zeros(61, 32)
    with pytest.raises(ValueError, match="the weights of here do not fit this BERT") as caught:
        load_transformers_state(encoder, state, source="here")
    for said in (
        "missing bert.encoder.layer.1.output.dense.bias",
        "unexpected bert.encoder.layer.3.output.dense.bias",
        "bert.embeddings.word_embeddings.weight is (61, 32) instead of (60, 32)",
    ):
        assert said in str(caught.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in encoder.state_dict().items())


def test_a_state_of_another_family_names_only_the_first_of_many():
    state = {f"layer.{number}.weight": torch.zeros(2) for number in range(20)}
    with pytest.raises(ValueError, match=r"unexpected .* and 12 more"):
        load_transformers_state(BertEncoder(CONFIG), state)


# --- sizes -------------------------------------------------------------------------------------------------


def test_a_config_survives_transformers_and_back():
    config = BertConfig(77, 24, 3, 2, 50, 33, 3, "gelu_new", 0.2, 0.3, 1e-6, 0.1, 4)
    there = transformers.BertConfig(**config.to_transformers()).to_dict()
    assert BertConfig.from_transformers(there) == config


def test_a_silent_config_json_means_bert_base():
    base = BertConfig.from_transformers({"model_type": "bert"})
    assert base == BertConfig.from_transformers(transformers.BertConfig().to_dict())
    assert (base.vocabulary, base.width, base.layers) == (30522, 768, 12)


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ({"model_type": "roberta"}, "'roberta'; only 'bert'"),
        ({}, "None; only 'bert'"),
        ({"model_type": "bert", "position_embedding_type": "relative_key"}, "only 'absolute'"),
        ({"model_type": "bert", "is_decoder": True}, "decoder"),
        ({"model_type": "bert", "hidden_act": "silu"}, "'silu': choose one of gelu, "),
        ({"model_type": "bert", "hidden_size": 30, "num_attention_heads": 4}, "must divide width=30"),
    ],
)
def test_configs_that_cannot_be_computed_are_refused(entries, says):
    with pytest.raises(ValueError, match=says):
        BertConfig.from_transformers(entries)


@pytest.mark.parametrize("wrong", [{"layers": 0}, {"vocabulary": 2.5}, {"heads": True}])
def test_sizes_must_be_whole_numbers(wrong):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}=.* must be a whole number of at least 1"):
        BertConfig(**wrong)
