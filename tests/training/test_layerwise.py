import pytest
import torch
from torch import nn

from coursekit.training import Trainer, TrainingOptions, layerwise_adamw, warmup_linear
from coursekit.training.layerwise import depths_from_top


class Stack(nn.Module):
    """Embeddings, three blocks, a norm above them, a head: the shape of every encoder."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Module()
        self.encoder.words = nn.Embedding(5, 4)
        self.encoder.blocks = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
        self.encoder.norm = nn.LayerNorm(4)
        self.head = nn.Linear(4, 1)

    def loss(self, batch):
        x = self.encoder.words(batch)
        for block in self.encoder.blocks:
            x = torch.relu(block(x)) + x
        return self.head(self.encoder.norm(x)).square().mean()


def by_name(model, values):
    return {name: values[parameter] for name, parameter in model.named_parameters()}


def rates(model, optimizer):
    of = {p: group["lr"] for group in optimizer.param_groups for p in group["params"]}
    return by_name(model, of)


BATCHES = [torch.arange(5).view(1, 5)] * 4


def test_depths_count_from_the_head_down():
    model = Stack()
    depths = by_name(model, depths_from_top(model))
    assert depths["head.weight"] == depths["encoder.norm.bias"] == 0
    assert [depths[f"encoder.blocks.{place}.weight"] for place in range(3)] == [3, 2, 1]
    assert depths["encoder.words.weight"] == 4


def test_rates_are_powers_of_the_decay():
    model = Stack()
    optimizer = layerwise_adamw(model, 0.5)(list(model.parameters()), lr=0.8, weight_decay=0.01)
    found = rates(model, optimizer)
    assert found["head.bias"] == 0.8
    assert [found[f"encoder.blocks.{place}.bias"] for place in range(3)] == [0.1, 0.2, 0.4]
    assert found["encoder.words.weight"] == 0.05
    assert {group["weight_decay"] for group in optimizer.param_groups} == {0.01}
    assert optimizer.param_groups[0]["lr"] == 0.8  # the one the history shows


def test_only_the_parameters_handed_over_are_trained():
    model = Stack()
    model.encoder.words.weight.requires_grad_(False)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = layerwise_adamw(model, 0.5)(trained, lr=1.0)
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(trained)
    assert "encoder.words.weight" not in {n for n, p in model.named_parameters() if p in _all(optimizer)}


def _all(optimizer):
    return {p for group in optimizer.param_groups for p in group["params"]}


def test_the_first_adam_step_moves_each_layer_by_its_rate():
    model, before = Stack(), Stack()
    options = TrainingOptions(epochs=1, optimizer=layerwise_adamw(model, 0.1), learning_rate=0.1)
    Trainer(options).fit(model, BATCHES[:1])
    moved = {
        name: (new - old).abs().max().item()
        for (name, new), old in zip(model.named_parameters(), before.parameters(), strict=True)
    }
    assert moved["head.weight"] == pytest.approx(0.1, rel=1e-3)
    assert moved["encoder.blocks.2.weight"] == pytest.approx(0.01, rel=1e-3)
    assert moved["encoder.words.weight"] == pytest.approx(1e-5, rel=1e-2)


def test_a_scheduler_multiplies_every_rate_by_the_same_factor():
    model = Stack()
    optimizer = layerwise_adamw(model, 0.5)(list(model.parameters()), lr=1.0)
    schedule = warmup_linear(4, 0.5)(optimizer)
    for factor in (0, 1 / 2, 1, 1 / 2):
        assert rates(model, optimizer)["head.bias"] == pytest.approx(factor)
        assert rates(model, optimizer)["encoder.words.weight"] == pytest.approx(factor * 0.5**4)
        optimizer.step()
        schedule.step()


def test_a_decay_of_one_equals_plain_adamw():
    ours, plain = Stack(), Stack()
    chosen = {"epochs": 3, "learning_rate": 0.05, "weight_decay": 0.1, "progress": False}
    Trainer(TrainingOptions(optimizer=layerwise_adamw(ours, 1), **chosen)).fit(ours, BATCHES)
    Trainer(TrainingOptions(**chosen)).fit(plain, BATCHES)
    for one, other in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    def run(model, epochs, name, resume=False):
        options = TrainingOptions(
            epochs=epochs,
            optimizer=layerwise_adamw(model, 0.7),
            scheduler=warmup_linear(16),
            checkpoint=tmp_path / name,
            progress=False,
        )
        Trainer(options).fit(model, BATCHES, resume=resume)
        return model

    whole = run(Stack(), 4, "whole.pt")
    run(Stack(), 2, "run.pt")
    resumed = run(Stack(), 4, "run.pt", resume=True)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_blocks_may_be_named_and_a_missing_list_is_refused():
    model = Stack()
    model.extra = nn.ModuleList(nn.Linear(50, 50) for _ in range(2))
    assert by_name(model, depths_from_top(model))["extra.1.weight"] == 1  # larger, so taken for the stack
    named = by_name(model, depths_from_top(model, "encoder.blocks"))
    assert named["extra.1.weight"] == 0
    with pytest.raises(ValueError, match=r"'layers'.*encoder\.blocks, extra"):
        layerwise_adamw(model, 0.9, blocks="layers")
    with pytest.raises(ValueError, match="Linear has these lists of blocks: none"):
        layerwise_adamw(nn.Linear(2, 2), 0.9)


@pytest.mark.parametrize("decay", [0, -1, float("nan")])
def test_a_decay_that_is_none_is_refused(decay):
    with pytest.raises(ValueError, match="decay"):
        layerwise_adamw(Stack(), decay)
