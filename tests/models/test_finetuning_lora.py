import copy

import pytest
import torch
from torch import nn

from coursekit.models.bert import BertConfig, BertEncoder
from coursekit.models.finetuning import LoRALinear, add_lora, load_lora, merge_lora, save_lora
from coursekit.models.finetuning.lora import lora_state

SIZES = BertConfig(vocabulary=50, width=16, layers=3, heads=2, inner=32, max_length=20)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return BertEncoder(SIZES).eval()


@pytest.fixture
def ids():
    return torch.randint(1, 50, (4, 9), generator=torch.Generator().manual_seed(1))


def disturb(network, seed=2):
    """Corrections as after some training."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "lora_B" in name or "lora_b" in name:
                parameter.normal_(0, 0.3, generator=generator)
    return network


def n_trained(network):
    return sum(p.numel() for p in network.parameters() if p.requires_grad)


def test_three_inputs_two_outputs_rank_one_by_hand():
    """W x = (1, 2) · x …, A x = 2 · 1 + 0 + 3 = 5, (α / r) B A x = 4 · (1, -1) · 5 = (20, -20)."""
    linear = nn.Linear(3, 2)
    with torch.no_grad():
        linear.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 1, 0]]))
        linear.bias.copy_(torch.tensor([0.5, 0.0]))
    layer = LoRALinear(linear, rank=1, alpha=4)
    x = torch.tensor([[1.0, 2.0, 3.0]])
    assert layer(x).tolist() == [[1.5, 2.0]]  # B is zero
    with torch.no_grad():
        layer.lora_a.copy_(torch.tensor([[2.0, 0.0, 1.0]]))
        layer.lora_b.copy_(torch.tensor([[1.0], [-1.0]]))
    assert layer(x).tolist() == [[21.5, -18.0]]
    merged = layer.merge()
    assert type(merged) is nn.Linear
    assert merged.weight.tolist() == [[9.0, 0.0, 4.0], [-8.0, 1.0, -4.0]]
    assert merged(x).tolist() == [[21.5, -18.0]]


def test_before_training_outputs_are_exactly_those_of_the_network(encoder, ids):
    before = encoder(ids)
    assert torch.equal(add_lora(encoder, rank=4)(ids), before)
    assert not torch.equal(disturb(encoder)(ids), before)


def test_only_the_corrections_of_queries_and_values_learn(encoder, ids):
    add_lora(encoder, rank=4)
    trained = [name for name, p in encoder.named_parameters() if p.requires_grad]
    assert len(trained) == 3 * 2 * 2
    assert all("query.lora" in name or "value.lora" in name for name in trained)
    assert n_trained(encoder) == 3 * 2 * 4 * (16 + 16)
    frozen = {name: p.clone() for name, p in encoder.named_parameters() if not p.requires_grad}
    optimizer = torch.optim.AdamW([p for p in encoder.parameters() if p.requires_grad], lr=0.1)
    for _ in range(3):
        encoder(ids).square().mean().backward()
        optimizer.step()
    for name, p in encoder.named_parameters():
        if name in frozen:
            assert torch.equal(p, frozen[name]), name
            assert p.grad is None
        else:
            assert p.grad.abs().max() > 0


def test_the_scale_is_alpha_over_rank(encoder, ids):
    one, other = add_lora(encoder, rank=2, alpha=4), add_lora(copy.deepcopy(encoder_of(encoder)), 2, 8)
    disturb(one), disturb(other)
    with torch.no_grad():
        for (_, p), (_, q) in zip(lora_state(one).items(), lora_state(other).items(), strict=True):
            q.copy_(p)
        for name, part in lora_state(other).items():
            if name.endswith("lora_b"):
                part.mul_(0.5)
    torch.testing.assert_close(one(ids), other(ids))


def encoder_of(lora_encoder):
    """The same weights without corrections."""
    torch.manual_seed(0)
    return BertEncoder(SIZES).eval()


def test_merged_layers_give_the_same_outputs(encoder, ids):
    corrected = disturb(add_lora(encoder, rank=4))(ids)
    merged = merge_lora(encoder)
    assert not any(isinstance(part, LoRALinear) for part in merged.modules())
    torch.testing.assert_close(merged(ids), corrected, rtol=0, atol=2e-6)


def test_saved_corrections_alone_bring_the_network_back(encoder, ids, tmp_path):
    path = save_lora(disturb(add_lora(encoder, rank=2)), tmp_path / "deep" / "adapter.safetensors")
    size = path.stat().st_size
    numbers = 3 * 2 * 2 * (16 + 16)
    assert 4 * numbers < size < 4 * numbers + 2000  # the rest are names
    fresh = add_lora(encoder_of(encoder), rank=2)
    assert not torch.equal(fresh(ids), encoder(ids))
    assert torch.equal(load_lora(fresh, path)(ids), encoder(ids))


def test_corrections_of_another_rank_or_network_are_refused(encoder, tmp_path):
    path = save_lora(add_lora(encoder, rank=2), tmp_path / "adapter.safetensors")
    with pytest.raises(ValueError, match=r"another network, rank or targets: blocks\.0"):
        load_lora(add_lora(encoder_of(encoder), rank=4), path)
    with pytest.raises(ValueError, match="no LoRA layers to save"):
        save_lora(encoder_of(encoder), path)


def test_what_cannot_be_corrected_is_named(encoder):
    with pytest.raises(ValueError, match=r"\('q_proj',\).*key, narrow, output, query, value, widen"):
        add_lora(encoder, targets="q_proj")
    with pytest.raises(TypeError, match="not a Embedding"):
        LoRALinear(nn.Embedding(3, 3))
    with pytest.raises(ValueError, match="rank=0"):
        LoRALinear(nn.Linear(3, 3), rank=0)
    add_lora(encoder)
    with pytest.raises(ValueError, match="already"):
        add_lora(encoder)


class TestBesidePeft:
    """The same corrections by the library, on transformers' own BertModel."""

    @pytest.fixture
    def theirs(self):
        transformers = pytest.importorskip("transformers")
        torch.manual_seed(3)
        config = transformers.BertConfig(
            vocab_size=50,
            hidden_size=16,
            num_hidden_layers=3,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=20,
        )
        return transformers.BertModel(config, add_pooling_layer=False).eval()

    @pytest.fixture
    def by_peft(self, theirs):
        peft = pytest.importorskip("peft")
        config = peft.LoraConfig(r=4, lora_alpha=16, target_modules=["query", "value"], lora_dropout=0.0)
        return peft.get_peft_model(copy.deepcopy(theirs), config).eval()

    def test_equal_outputs_before_training_and_equally_many_trained_numbers(self, theirs, by_peft, ids):
        plain = theirs(ids).last_hidden_state
        ours = add_lora(copy.deepcopy(theirs), rank=4, alpha=16)
        assert torch.equal(ours(ids).last_hidden_state, plain)
        assert torch.equal(by_peft(ids).last_hidden_state, plain)
        assert n_trained(ours) == n_trained(by_peft) == 3 * 2 * 4 * (16 + 16)

    def test_equal_outputs_with_the_same_corrections(self, theirs, by_peft, ids):
        disturb(by_peft)
        ours = add_lora(copy.deepcopy(theirs), rank=4, alpha=16)
        given = dict(by_peft.named_parameters())
        with torch.no_grad():
            for name, part in lora_state(ours).items():
                layer, _, which = name.rpartition(".")
                part.copy_(given[f"base_model.model.{layer}.{which[:-1]}{which[-1].upper()}.default.weight"])
        hidden = by_peft(ids).last_hidden_state
        assert not torch.allclose(hidden, theirs(ids).last_hidden_state, atol=1e-3)
        torch.testing.assert_close(ours(ids).last_hidden_state, hidden, rtol=0, atol=1e-6)

    def test_a_reloaded_peft_adapter_gives_the_same_hidden_states(self, theirs, by_peft, ids, tmp_path):
        peft = pytest.importorskip("peft")
        disturb(by_peft).save_pretrained(tmp_path)
        again = peft.PeftModel.from_pretrained(copy.deepcopy(theirs), tmp_path).eval()
        assert torch.equal(again(ids).last_hidden_state, by_peft(ids).last_hidden_state)
