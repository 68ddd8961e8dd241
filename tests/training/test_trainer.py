import functools
import signal
import subprocess
import sys
from itertools import count

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from coursekit.training import Callback, Trainer, TrainingOptions

SGD = functools.partial(torch.optim.SGD, momentum=0.9)


def options(**changes):
    return TrainingOptions(**{"epochs": 3, "learning_rate": 0.05, "progress": False} | changes)


def by_hand(model, batches, epochs=3, lr=0.05):
    """The loop everybody writes: what the trainer must equal."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    for _ in range(epochs):
        for batch in batches:
            optimizer.zero_grad()
            model.loss(batch).backward()
            optimizer.step()
    return model


def test_trainer_equals_the_loop_written_by_hand_bit_for_bit(regression, loader, weights):
    model = regression()
    Trainer(options()).fit(model, loader())
    assert torch.equal(weights(model), weights(by_hand(regression(), loader())))


class Table(nn.Module):
    """Two embeddings, each pulled towards 1 when it is asked for."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(2, 4)
        nn.init.zeros_(self.table.weight)

    def loss(self, batch):
        return (self.table(batch) - 1).square().mean()


def test_averages_too_small_to_move_a_weight_are_taken_as_zero(weights):
    """Row 0 is in the first batch only; 1,000 steps later its average gradient is near 1e-47."""
    batches = [torch.tensor([0]), *[torch.tensor([1])] * 1000]
    trainer, model = Trainer(options(epochs=1, learning_rate=0.01)), Table()
    trainer.fit(model, batches)
    assert torch.equal(weights(model), weights(by_hand(Table(), batches, epochs=1, lr=0.01)))
    average = trainer.state.optimizer.state[model.table.weight]["exp_avg"]
    assert (average[0] == 0).all()
    assert (average[1] != 0).all()


def test_validation_computes_with_all_numbers(regression, loader):
    seen = []
    Trainer(options()).fit(regression(), loader(), lambda model: seen.append(torch.tensor(1e-40) * 1) or 0.0)
    assert (torch.stack(seen) > 0).all()


def test_loss_of_an_epoch_is_the_mean_over_examples(regression, data, loader):
    history = Trainer(options(epochs=1, learning_rate=0.0)).fit(regression(), loader(4))
    assert history["loss"][0] == pytest.approx(regression().loss(data.tensors).item(), rel=1e-6)


def test_history_has_one_row_an_epoch(regression, loader):
    history = Trainer(options()).fit(regression(), loader(), lambda model: 0.5)
    assert list(history.columns) == ["epoch", "loss", "validation", "learning_rate", "batches", "seconds"]
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history["batches"].tolist() == [6, 6, 6]
    assert history["loss"].is_monotonic_decreasing
    assert (history["learning_rate"] == 0.05).all()


@pytest.mark.parametrize("optimizer", [SGD, torch.optim.AdamW])
@pytest.mark.parametrize("clip_norm", [None, 0.1])
def test_accumulated_steps_equal_steps_on_the_big_batch(regression, loader, weights, optimizer, clip_norm):
    """Batches of 4, 4, 4 | 4, 4, 2: the last group and its last batch are ragged."""
    chosen = {"optimizer": optimizer, "clip_norm": clip_norm, "learning_rate": 0.01}
    small, big = regression().double(), regression().double()
    as_double = [[t.double() for t in batch] for batch in loader(4)]
    as_double_big = [[t.double() for t in batch] for batch in loader(12)]
    small_history = Trainer(options(**chosen, accumulate=3)).fit(small, as_double)
    big_history = Trainer(options(**chosen)).fit(big, as_double_big)
    torch.testing.assert_close(weights(small), weights(big), rtol=0, atol=1e-12)
    np.testing.assert_allclose(small_history["loss"], big_history["loss"], rtol=1e-12)


def test_accumulated_steps_in_float32_equal_the_big_batch_to_1e_6(regression, loader, weights):
    small, big = regression(), regression()
    Trainer(options(optimizer=SGD, accumulate=4)).fit(small, loader(4))  # 4+4+4+4 | 4+2
    Trainer(options(optimizer=SGD)).fit(big, loader(16))  # 16 | 6
    torch.testing.assert_close(weights(small), weights(big), rtol=0, atol=1e-6)


def test_the_weight_of_a_batch_can_be_something_else_than_its_size(regression, loader, weights):
    one, other = regression(), regression()
    first = next(iter(loader(4)))
    second = list(loader(4))[1]
    Trainer(options(accumulate=2, epochs=1), weigh=lambda batch: batch is first).fit(one, [first, second])
    Trainer(options(epochs=1)).fit(other, [first])
    assert torch.equal(weights(one), weights(other))


def test_clipping_shortens_the_gradient_to_the_norm(regression, loader):
    lengths = []

    class Measure(Callback):
        def on_step(self, state):
            moved = [state.optimizer.state[p]["momentum_buffer"] for p in state.model.parameters()]
            lengths.append(torch.cat([m.flatten() for m in moved]).norm().item())

    plain_first_step = options(optimizer=SGD, clip_norm=0.01, epochs=1)
    Trainer(plain_first_step, [Measure()]).fit(regression(), loader(22))
    assert lengths == [pytest.approx(0.01, rel=1e-3)]


def test_scheduler_moves_after_every_step(regression, loader):
    def halved(optimizer):
        return torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)

    history = Trainer(options(scheduler=halved, learning_rate=1.0, epochs=2)).fit(regression(), loader())
    assert history["learning_rate"].tolist() == [2.0**-6, 2.0**-12]


def test_early_stopping_restores_the_best_epoch(regression, loader, weights):
    scores, seen = iter([0.1, 0.5, 0.3, 0.4, 0.9]), []

    def validate(model):
        seen.append(weights(model).clone())
        return {"ndcg": next(scores)}

    trainer = Trainer(options(epochs=9, patience=2, monitor="ndcg", mode="max"))
    model = regression()
    history = trainer.fit(model, loader(), validate)
    assert history["ndcg"].tolist() == [0.1, 0.5, 0.3, 0.4]
    assert torch.equal(weights(model), seen[1])
    assert trainer.state.best.epoch == 2
    assert trainer.state.stop_reason == "no better ndcg for 2 epochs"


def test_best_epoch_is_restored_when_the_epochs_run_out_first(regression, loader, weights):
    scores, seen = iter([0.5, 0.1, 0.2]), []

    def validate(model):
        seen.append(weights(model).clone())
        return next(scores)

    model = regression()
    Trainer(options(patience=9, monitor="validation", mode="min")).fit(model, loader(), validate)
    assert torch.equal(weights(model), seen[1])


def test_an_epoch_of_nan_is_never_the_best(regression, loader):
    scores = iter([float("nan"), 0.2, float("nan")])
    trainer = Trainer(options(patience=3, monitor="validation", mode="max"))
    trainer.fit(regression(), loader(), lambda model: next(scores))
    assert (trainer.state.best.epoch, trainer.state.best.value) == (2, 0.2)


def test_monitoring_an_unknown_column_names_those_there_are(regression, loader):
    trainer = Trainer(options(patience=1, monitor="recal", mode="max"))
    with pytest.raises(KeyError, match=r"no 'recal' to monitor; the history has .*'recall'"):
        trainer.fit(regression(), loader(), lambda model: {"recall": 0.1})


def test_validation_sees_the_model_in_evaluation_mode_and_training_goes_on_after(regression, loader):
    modes = []

    class Watch(Callback):
        def on_step(self, state):
            modes.append(state.model.training)

    def validate(model):
        modes.append((model.training, torch.is_grad_enabled()))
        return torch.tensor(1.0)

    model = regression()
    Trainer(options(epochs=2), [Watch()]).fit(model, loader(22), validate)
    assert modes == [True, (False, False), True, (False, False)]
    assert not model.training


def test_validation_may_not_take_a_column_of_the_trainer(regression, loader):
    with pytest.raises(ValueError, match="validate returned 'loss'"):
        Trainer(options()).fit(regression(), loader(), lambda model: {"loss": 1.0})


def test_callbacks_hear_every_event_in_order(regression, loader):
    heard = []

    class Listen(Callback):
        def __getattribute__(self, name):
            return (
                (lambda state: heard.append(name))
                if name.startswith("on_")
                else super().__getattribute__(name)
            )

    Trainer(options(epochs=2), [Listen()]).fit(regression(), loader(11))
    step = ["on_gradients", "on_step"]
    epoch = ["on_epoch_start", *step, *step, "on_epoch_end"]
    assert heard == ["on_start", *epoch, *epoch, "on_end"]


def test_a_callback_may_change_gradients(regression, loader, weights):
    class Freeze(Callback):
        def on_gradients(self, state):
            for parameter in state.model.parameters():
                parameter.grad.zero_()

    model = regression()
    Trainer(options(), [Freeze()]).fit(model, loader())
    assert torch.equal(weights(model), weights(regression()))


def test_a_callback_may_stop_training_in_the_middle_of_an_epoch(regression, loader):
    class Stop(Callback):
        def on_step(self, state):
            if state.step == 8:
                state.stop("enough")

    trainer = Trainer(options(), [Stop()])
    history = trainer.fit(regression(), loader())
    assert history["batches"].tolist() == [6, 2]
    assert trainer.state.stop_reason == "enough"


def test_loss_is_read_off_the_device_only_every_few_steps(regression, loader, monkeypatch):
    reads, batches = [], list(loader(2))
    tolist = torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, "tolist", lambda t: reads.append(len(t)) or tolist(t))
    monkeypatch.setattr(torch.Tensor, "item", lambda t: pytest.fail("the loss was read by item()"))
    Trainer(options(epochs=1, read_loss_every=4, optimizer=torch.optim.SGD)).fit(regression(), batches)
    assert reads == [4, 4, 3]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_names_its_own_step_and_the_remedies(regression, loader, bad):
    class Breaks(regression):
        calls = 0

        def loss(self, batch):
            self.calls += 1
            return super().loss(batch) * (bad if self.calls >= 8 else 1)

    trainer = Trainer(options(read_loss_every=5))
    with pytest.raises(FloatingPointError) as caught:
        trainer.fit(Breaks(), loader())
    message = str(caught.value)
    assert f"became {bad} at step 8 (epoch 2, batch 2)" in message
    assert "lower learning_rate (now 0.05)" in message
    assert "clip_norm=1.0 (now None)" in message
    assert len(trainer.history) >= 1


def test_ctrl_c_in_a_step_leaves_a_usable_model_and_history(regression, data, loader, capsys):
    class Interrupted(Callback):
        def on_gradients(self, state):
            if state.step == 7:
                signal.raise_signal(signal.SIGINT)

    model = regression()
    trainer = Trainer(options(), [Interrupted()])
    history = trainer.fit(model, loader())
    assert trainer.state.step == 8  # the step that was running is finished
    assert history["batches"].tolist() == [6, 2]
    assert trainer.state.stop_reason == "interrupted"
    assert np.isfinite(model.loss(data.tensors).item())
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not model.training
    assert "Stopped by hand after step 8" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_keyboard_interrupt_raised_anywhere_is_taken_likewise(regression, loader):
    class Impatient(regression):
        calls = count()

        def loss(self, batch):
            if next(self.calls) == 9:
                raise KeyboardInterrupt
            return super().loss(batch)

    history = Trainer(options()).fit(Impatient(), loader())
    assert history["batches"].tolist() == [6, 3]


def test_history_after_an_error_keeps_the_finished_epochs(regression, loader):
    calls = count(1)

    def validate(model):
        if next(calls) == 3:
            raise RuntimeError("my own mistake")

    trainer = Trainer(options())
    with pytest.raises(RuntimeError, match="my own mistake"):
        trainer.fit(regression(), loader(), validate)
    assert trainer.history["epoch"].tolist() == [1, 2, 3]  # the third trained, not validated


def test_same_seed_same_run_other_seed_another(regression, loader, weights):
    def run(seed):
        model = regression(dropout=0.5)
        Trainer(options(seed=seed)).fit(model, loader(shuffle=True))
        return weights(model)

    assert torch.equal(run(1), run(1))
    assert not torch.equal(run(1), run(2))


def test_batches_may_be_any_nest_from_any_iterable(data):
    class Dot(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(3))

        def loss(self, batch):
            return ((batch["x"] @ self.weight - batch["more"][0]) ** 2).mean()

    class Source:
        def __iter__(self):
            x, y = data.tensors
            yield from ({"x": x[i : i + 5], "more": (y[i : i + 5], "text")} for i in range(0, 22, 5))

    history = Trainer(options()).fit(Dot(), Source())
    assert history["batches"].tolist() == [5, 5, 5]
    assert history["loss"].is_monotonic_decreasing


def test_a_generator_is_refused_for_more_than_one_epoch(regression, loader):
    batches = iter(list(loader()))
    with pytest.raises(ValueError, match="gone through once, not 3 times; give a list"):
        Trainer(options()).fit(regression(), batches)
    assert len(Trainer(options(epochs=1)).fit(regression(), batches)) == 1


def test_no_batches_at_all_is_an_error(regression):
    with pytest.raises(ValueError, match="epoch 1 had no batches"):
        Trainer(options()).fit(regression(), [])


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda self, batch: self(batch[0]), r"loss must return a \(\) tensor, got shape \(4, 1\)"),
        (lambda self, batch: 1.0, "got float"),
        (lambda self, batch: torch.tensor(1.0), "depends on no parameter"),
    ],
)
def test_a_loss_that_cannot_be_trained_is_explained(loader, loss, message):
    model = type("Odd", (nn.Linear,), {"loss": loss})(3, 1)
    with pytest.raises(TypeError, match=message):
        Trainer(options()).fit(model, loader())


def test_a_model_without_loss_is_named(loader):
    with pytest.raises(TypeError, match=r"Linear has no loss\(batch\)"):
        Trainer(options()).fit(nn.Linear(3, 1), loader())


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_autocast_computes_products_in_half_precision_and_keeps_the_parameters(regression, loader, precision):
    seen = set()

    class Watched(regression):
        def loss(self, batch):
            predicted = self.layers(batch[0])[:, 0]
            seen.add(predicted.dtype)
            return nn.functional.mse_loss(predicted.float(), batch[1])

    model = Watched()
    trainer = Trainer(options(precision=precision))
    history = trainer.fit(model, loader())
    assert seen == {getattr(torch, precision)}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert trainer.state.scaler.is_enabled() == (precision == "float16")
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]


def test_a_step_that_overflows_float16_is_left_out_and_the_schedule_waits(regression, loader, weights):
    def scheduler(optimizer):
        return torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.5)

    class Overflow(Callback):
        def on_start(self, state):
            state.scaler.load_state_dict(state.scaler.state_dict() | {"scale": 2.0**127})

    model = regression()
    chosen = options(precision="float16", scheduler=scheduler, epochs=1)
    history = Trainer(chosen, [Overflow()]).fit(model, loader(22))
    assert torch.equal(weights(model), weights(regression()))
    assert history["learning_rate"][0] == 0.05


def test_history_before_training_is_an_empty_table():
    history = Trainer().history
    assert isinstance(history, pd.DataFrame)
    assert len(history) == 0


def test_training_knows_no_model():
    code = (
        "import sys, coursekit.training\n"
        "rooms = {'models', 'metrics', 'datasets', 'splits', 'interactions', 'simulator', 'plotting'}\n"
        "assert not {f'coursekit.{room}' for room in rooms} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
