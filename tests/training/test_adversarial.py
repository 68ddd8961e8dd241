import pytest
import torch
from torch import nn

from coursekit.training import FGM, Callback, Trainer, TrainingOptions


class Bowl(nn.Module):
    """L = ½ Σ aᵢ eᵢ², whose gradient a ⊙ e is done in one's head."""

    def __init__(self, e=(1.0, 1.0), a=(3.0, 4.0)):
        super().__init__()
        self.word = nn.Parameter(torch.tensor(e))
        self.a = torch.tensor(a)

    def loss(self, batch):
        return 0.5 * (self.a * self.word**2).sum() + 0 * batch.sum()


class Reader(nn.Module):
    """Mean of word vectors, one number a text; its table is called words.weight."""

    def __init__(self, dropout=0.0):
        super().__init__()
        torch.manual_seed(3)
        self.words, self.dropout, self.top = nn.Embedding(9, 4), nn.Dropout(dropout), nn.Linear(4, 1)

    def loss(self, batch):
        ids, y = batch
        return nn.functional.mse_loss(
            self.top(torch.tanh(self.dropout(self.words(ids))).mean(dim=1))[:, 0], y
        )


class Watch(Callback):
    """Keeps what it sees between the gradients and the step."""

    def __init__(self):
        self.tables, self.gradients = [], []

    def on_gradients(self, state):
        self.tables.append([p.detach().clone() for p in state.model.parameters()])
        self.gradients.append([p.grad.clone() for p in state.model.parameters()])


def texts(n=12):
    generator = torch.Generator().manual_seed(5)
    return torch.randint(9, (n, 6), generator=generator), torch.randn(n, generator=generator)


def batches(size=4):
    ids, y = texts()
    return list(zip(ids.split(size), y.split(size), strict=True))


def run(model, source, callbacks, **changes):
    options = {"epochs": 1, "learning_rate": 0.1, "optimizer": torch.optim.SGD, "progress": False} | changes
    trainer = Trainer(TrainingOptions(**options), callbacks)
    trainer.fit(model, source)
    return trainer


def test_one_step_by_hand():
    """g = (3, 4), r = 0.5 · g / 5 = (0.3, 0.4), gradient there (3.9, 5.6): together (6.9, 9.6)."""
    model, watch = Bowl(), Watch()
    run(model, [torch.zeros(1)], [FGM(0.5), watch])
    torch.testing.assert_close(watch.gradients[0][0], torch.tensor([6.9, 9.6]))
    torch.testing.assert_close(model.word.detach(), torch.tensor([1 - 0.69, 1 - 0.96]))


def test_all_parameters_follow_the_second_pass():
    """The head's gradient, too, is the sum of the one at E and the one at E + r."""
    model, watch, after = Reader(), Watch(), Watch()
    run(model, batches(12), [watch, FGM(0.7), after])
    other = Reader()
    gradient = watch.gradients[0][0]
    with torch.no_grad():
        other.words.weight += 0.7 * gradient / gradient.norm()
    other.loss(batches(12)[0]).backward()
    for p, ordinary, both in zip(other.parameters(), watch.gradients[0], after.gradients[0], strict=True):
        torch.testing.assert_close(both, ordinary + p.grad)


def test_the_table_is_put_back_bit_for_bit():
    """Subtracting r again would leave rounding behind."""
    before, after = Watch(), Watch()
    run(Reader(), batches(), [before, FGM(1.0), after], epochs=3)
    for one, other in zip(before.tables, after.tables, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_table_is_put_back_when_the_second_pass_breaks():
    class Fragile(Reader):
        calls = 0

        def loss(self, batch):
            self.calls += 1
            if self.calls == 2:
                raise ArithmeticError("second pass")
            return super().loss(batch)

    model = Fragile()
    with pytest.raises(ArithmeticError, match="second pass"):
        run(model, batches(), [FGM(1.0)])
    assert torch.equal(model.words.weight, Reader().words.weight)


def test_its_change_raises_the_loss_more_than_a_random_change_of_the_same_length():
    seen = []

    class Noticing(Reader):
        def loss(self, batch):
            loss = super().loss(batch)
            seen.append(loss.item())
            return loss

    run(Noticing(), batches(12), [FGM(0.5)])
    rises = []
    for seed in range(50):
        other = Reader()
        r = torch.randn(9, 4, generator=torch.Generator().manual_seed(seed))
        with torch.no_grad():
            other.words.weight += 0.5 * r / r.norm()
            rises.append(other.loss(batches(12)[0]).item() - seen[0])
    assert seen[1] - seen[0] > max(rises) > 0


def test_epsilon_zero_equals_training_without_it():
    plain, off = Reader(0.3), Reader(0.3)
    run(plain, batches(), [], epochs=3)
    run(off, batches(), [FGM(0)], epochs=3)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), off.parameters(), strict=True))
    on = Reader(0.3)
    run(on, batches(), [FGM(0.5)], epochs=3)
    assert not torch.equal(on.top.weight, plain.top.weight)


def test_accumulated_batches_give_the_step_of_one_large_batch():
    """12 texts in batches of 5, 5 and 2: the small one counts less, in the second pass as well."""
    whole, parts = Reader(), Reader()
    run(whole, batches(12), [FGM(0.5)])
    run(parts, batches(5), [FGM(0.5)], accumulate=3)
    for one, other in zip(whole.parameters(), parts.parameters(), strict=True):
        torch.testing.assert_close(one, other)


def test_weights_of_batches_are_those_of_the_trainer():
    def words(batch):
        return float((batch[0] > 2).sum())

    gradients = []
    for weigh in (words, lambda batch: 1.0):
        model, watch = Reader(), Watch()
        options = TrainingOptions(epochs=1, accumulate=3, progress=False)
        Trainer(options, [FGM(0.5), watch], weigh=weigh).fit(model, batches(5))
        gradients.append(watch.gradients[0][0])
    assert not torch.allclose(*gradients)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_gives_nearly_the_gradients_of_float32(precision):
    half, full = Watch(), Watch()
    trainer = run(Reader(), batches(), [FGM(0.5), half], precision=precision)
    assert trainer.state.scaler.is_enabled() == (precision == "float16")
    run(Reader(), batches(), [FGM(0.5), full])
    for one, other in zip(half.gradients[0], full.gradients[0], strict=True):
        torch.testing.assert_close(one, other, rtol=0.1, atol=0.02)


def test_where_only_the_second_pass_overflows_the_step_follows_the_ordinary_gradient():
    class Steep(Reader):
        calls = 0

        def loss(self, batch):
            self.calls += 1
            loss = super().loss(batch)
            return loss * 1e38 * 1e3 if self.calls == 2 else loss  # infinite

    ordinary, both = Watch(), Watch()
    run(Steep(), batches(12), [ordinary, FGM(0.5), both], precision="float16")
    for one, other in zip(ordinary.gradients[0], both.gradients[0], strict=True):
        assert torch.equal(one, other)


def test_a_gradient_of_zero_changes_nothing():
    model = Bowl(e=(0.0, 0.0))
    run(model, [torch.zeros(1)], [FGM(0.5)])
    assert model.word.tolist() == [0.0, 0.0]


def test_a_resumed_run_equals_the_uninterrupted_one(tmp_path):
    def chosen(epochs, name):
        return {"epochs": epochs, "checkpoint": tmp_path / name, "learning_rate": 0.1, "progress": False}

    whole, resumed = Reader(0.4), Reader(0.4)
    Trainer(TrainingOptions(**chosen(4, "whole.pt")), [FGM(0.5)]).fit(whole, batches())
    Trainer(TrainingOptions(**chosen(2, "run.pt")), [FGM(0.5)]).fit(resumed, batches())
    Trainer(TrainingOptions(**chosen(4, "run.pt")), [FGM(0.5)]).fit(resumed, batches(), resume=True)
    assert all(torch.equal(a, b) for a, b in zip(whole.parameters(), resumed.parameters(), strict=True))


def test_a_name_that_does_not_occur_and_a_frozen_table_are_refused():
    with pytest.raises(ValueError, match=r"'tokens'.*words\.weight, top\.weight"):
        run(Reader(), batches(), [FGM(0.5, "tokens")])
    frozen = Reader()
    frozen.words.weight.requires_grad_(False)
    with pytest.raises(ValueError, match="no trained parameter"):
        run(frozen, batches(), [FGM(0.5, "words")])


@pytest.mark.parametrize("epsilon", [-0.1, float("nan"), float("inf")])
def test_a_length_that_is_none_is_refused(epsilon):
    with pytest.raises(ValueError, match="epsilon"):
        FGM(epsilon)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "float16"])
def test_on_the_gpu_it_gives_nearly_what_the_cpu_gives(precision):
    on_gpu, on_cpu = Reader(), Reader()
    run(on_gpu, batches(), [FGM(0.5)], device="cuda", precision=precision)
    run(on_cpu, batches(), [FGM(0.5)])
    for one, other in zip(on_gpu.parameters(), on_cpu.parameters(), strict=True):
        torch.testing.assert_close(one.cpu(), other, rtol=0.05, atol=0.01)
