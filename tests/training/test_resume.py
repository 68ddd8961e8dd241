import random
from functools import partial

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from coursekit.training import Callback, Trainer, TrainingOptions

BEFORE = ["epoch", "loss", "learning_rate", "batches"]  # seconds differ from run to run


class StopAt(Callback):
    """Ends the run as if the machine had gone down after this step."""

    def __init__(self, step):
        self.step = step

    def on_step(self, state):
        if state.step == self.step:
            raise SystemError("power cut")


def run_twice(make_model, make_batches, path, stop_at, validate=None, **changes):
    """An uninterrupted run, and one that is cut off after a step and resumed by a new trainer."""
    chosen = {"epochs": 3, "learning_rate": 0.05, "progress": False, "checkpoint_every": 1} | changes
    whole_model = make_model()
    whole = Trainer(TrainingOptions(checkpoint=path.with_name("whole.pt"), **chosen), [StopAt(None)])
    whole.fit(whole_model, make_batches(), validate and validate())
    options = TrainingOptions(checkpoint=path, **chosen)
    with pytest.raises(SystemError, match="power cut"):
        # The step after the last checkpoint is lost, as it would be.
        Trainer(options, [StopAt(stop_at + 1)]).fit(make_model(), make_batches(), validate and validate())
    model = make_model()
    torch.rand(5), np.random.random(3), random.random()  # noqa: NPY002 - the new process drew other numbers
    resumed = Trainer(options, [StopAt(None)])
    resumed.fit(model, make_batches(), validate and validate(), resume=True)
    return (whole_model, whole), (model, resumed)


def assert_equal_bit_for_bit(one, other):
    (model, trainer), (resumed_model, resumed) = one, other
    for (name, expected), got in zip(
        model.state_dict().items(), resumed_model.state_dict().values(), strict=True
    ):
        assert torch.equal(expected, got), name
    before, after = trainer.state.optimizer.state_dict(), resumed.state.optimizer.state_dict()
    assert before["param_groups"] == after["param_groups"]
    for number, moments in before["state"].items():
        for name, value in moments.items():
            assert torch.equal(torch.as_tensor(value), torch.as_tensor(after["state"][number][name])), name
    assert trainer.history[BEFORE].equals(resumed.history[BEFORE])
    assert trainer.state.step == resumed.state.step


# 6 batches an epoch: in the middle of the first and second, before the last batch, at the ends of epochs.
@pytest.mark.parametrize("stop_at", [1, 5, 6, 7, 8, 12, 17])
def test_resumed_run_equals_the_uninterrupted_one_bit_for_bit(regression, loader, tmp_path, stop_at):
    runs = run_twice(
        partial(regression, dropout=0.5), partial(loader, shuffle=True), tmp_path / "run.pt", stop_at
    )
    assert_equal_bit_for_bit(*runs)


def test_resumed_run_with_everything_switched_on(regression, loader, tmp_path):
    def noisy_validation():
        def validate(model):
            # Validation that draws numbers must not change what a resumed run draws.
            return {"noise": np.random.random() + random.random() + torch.rand(1).item()}  # noqa: NPY002

        return validate

    runs = run_twice(
        partial(regression, dropout=0.5),
        partial(loader, shuffle=True),
        tmp_path / "run.pt",
        stop_at=4,
        validate=noisy_validation,
        accumulate=2,
        clip_norm=0.5,
        patience=2,
        monitor="noise",
        mode="max",
        precision="float16",
        scheduler=lambda optimizer: lr_scheduler.OneCycleLR(optimizer, 0.1, total_steps=9),
    )
    assert_equal_bit_for_bit(*runs)
    (_, whole), (_, resumed) = runs
    assert whole.history["noise"].equals(resumed.history["noise"])
    assert whole.state.best.value == resumed.state.best.value
    assert whole.state.scaler.state_dict() == resumed.state.scaler.state_dict()


@pytest.mark.parametrize(
    "scheduler",
    [
        lambda optimizer: lr_scheduler.LambdaLR(optimizer, lambda step: np.float64(1 / (step + 1))),
        lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 18),
        lambda optimizer: lr_scheduler.SequentialLR(
            optimizer,
            [
                lr_scheduler.LinearLR(optimizer, 0.1, total_iters=4),
                lr_scheduler.ExponentialLR(optimizer, 0.9),
            ],
            [4],
        ),
    ],
)
def test_resumed_schedules_go_on_where_they_were(regression, loader, tmp_path, scheduler):
    runs = run_twice(regression, loader, tmp_path / "run.pt", stop_at=3, scheduler=scheduler)
    assert_equal_bit_for_bit(*runs)


@pytest.mark.parametrize("optimizer", [partial(torch.optim.SGD, momentum=0.9), torch.optim.Adagrad])
def test_resumed_optimisers_keep_their_memory(regression, loader, tmp_path, optimizer):
    assert_equal_bit_for_bit(*run_twice(regression, loader, tmp_path / "run.pt", 8, optimizer=optimizer))


def test_a_loader_with_a_generator_of_its_own_is_resumed_too(regression, loader, tmp_path):
    def make_batches():
        return loader(shuffle=True, generator=torch.Generator().manual_seed(5))

    for stop_at in (6, 8):
        assert_equal_bit_for_bit(*run_twice(regression, make_batches, tmp_path / "run.pt", stop_at))


@pytest.mark.parametrize("bits", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_own_batches_drawn_from_self_rng_are_resumed_too(regression, data, tmp_path, bits):
    class Sampled:
        """Draws from its generator at the start and at every batch."""

        def __init__(self):
            self.rng = np.random.Generator(bits(3))

        def __iter__(self):
            x, y = data.tensors
            for rows in np.array_split(self.rng.permutation(len(x)), 5):
                noise = torch.from_numpy(self.rng.normal(size=(len(rows), 3)).astype(np.float32))
                yield x[rows] + noise, y[rows]

    for stop_at in (2, 5, 7):
        assert_equal_bit_for_bit(*run_twice(regression, Sampled, tmp_path / "run.pt", stop_at))


def test_batches_that_draw_from_the_global_generators_are_resumed_too(regression, data, tmp_path):
    class Sampled:
        def __iter__(self):
            x, y = data.tensors
            for _ in range(4):
                rows = [random.randrange(len(x)) for _ in range(3)] + [np.random.randint(len(x))]  # noqa: NPY002
                yield x[rows], y[rows]

    runs = run_twice(partial(regression, dropout=0.5), Sampled, tmp_path / "run.pt", 6)
    assert_equal_bit_for_bit(*runs)


def test_ctrl_c_writes_a_checkpoint_from_which_the_run_goes_on_exactly(regression, loader, tmp_path, weights):
    class CtrlC(Callback):
        def on_step(self, state):
            if state.step == 8:
                raise KeyboardInterrupt

    class Silent(CtrlC):
        def on_step(self, state):
            pass

    CtrlC.__name__ = Silent.__name__  # the same callbacks as far as a checkpoint can tell
    options = TrainingOptions(epochs=3, checkpoint=tmp_path / "run.pt", progress=False)
    whole, cut = regression(0.5), regression(0.5)
    Trainer(options, [Silent()]).fit(whole, loader(shuffle=True))
    history = Trainer(options, [CtrlC()]).fit(cut, loader(shuffle=True))
    assert history["batches"].tolist() == [6, 2]
    resumed = regression(0.5)
    history = Trainer(options, [Silent()]).fit(resumed, loader(shuffle=True), resume=True)
    assert history["batches"].tolist() == [6, 6, 6]
    assert torch.equal(weights(whole), weights(resumed))


def test_ctrl_c_during_validation_loses_nothing(regression, loader, tmp_path, weights):
    def interrupting(at):
        calls = iter(range(1, 9))

        def validate(model):
            torch.rand(3)
            if next(calls) == at:
                raise KeyboardInterrupt
            return 1.0

        return validate

    options = TrainingOptions(epochs=3, checkpoint=tmp_path / "run.pt", progress=False)
    whole = regression(0.5)
    Trainer(options).fit(whole, loader(shuffle=True), interrupting(at=None))
    Trainer(options).fit(regression(0.5), loader(shuffle=True), interrupting(at=2))
    resumed = regression(0.5)
    history = Trainer(options).fit(resumed, loader(shuffle=True), interrupting(at=None), resume=True)
    assert history["validation"].tolist() == [1, 1, 1]
    assert torch.equal(weights(whole), weights(resumed))


def test_training_can_be_continued_for_more_epochs(regression, loader, tmp_path, weights):
    def options(epochs, name):
        return TrainingOptions(epochs=epochs, checkpoint=tmp_path / name, progress=False)

    whole, continued = regression(0.5), regression(0.5)
    Trainer(options(4, "whole.pt")).fit(whole, loader(shuffle=True))
    Trainer(options(2, "run.pt")).fit(continued, loader(shuffle=True))
    Trainer(options(4, "run.pt")).fit(continued, loader(shuffle=True), resume=True)
    assert torch.equal(weights(whole), weights(continued))


def test_a_finished_run_is_not_trained_again(regression, loader, tmp_path, weights):
    options = TrainingOptions(epochs=5, patience=1, checkpoint=tmp_path / "run.pt", progress=False)
    constant = TrainingOptions(**vars(options) | {"learning_rate": 0.0})
    first = Trainer(constant)
    first.fit(regression(), loader())
    assert len(first.history) == 2
    again = Trainer(constant)
    assert again.fit(regression(), loader(), resume=True).equals(first.history)


def test_a_callback_gets_its_state_back(regression, loader, tmp_path):
    class Count(Callback):
        steps = 0

        def on_step(self, state):
            self.steps += 1

        def state_dict(self):
            return {"steps": self.steps}

        def load_state_dict(self, saved):
            self.steps = saved["steps"]

    for epochs in (1, 2):
        counter = Count()
        options = TrainingOptions(epochs=epochs, checkpoint=tmp_path / "run.pt", progress=False)
        Trainer(options, [counter]).fit(regression(), loader(), resume=True)
    assert counter.steps == 12


def test_resume_true_begins_anew_where_there_is_no_file_and_a_path_must_exist(regression, loader, tmp_path):
    options = TrainingOptions(epochs=1, checkpoint=tmp_path / "new" / "run.pt", progress=False)
    assert len(Trainer(options).fit(regression(), loader(), resume=True)) == 1
    assert options.checkpoint.exists()
    with pytest.raises(FileNotFoundError, match=r"there is no checkpoint at .*other\.pt"):
        Trainer(options).fit(regression(), loader(), resume=tmp_path / "other.pt")
    with pytest.raises(ValueError, match="resume=True needs to know the file"):
        Trainer(TrainingOptions()).fit(regression(), loader(), resume=True)


@pytest.mark.parametrize(
    ("changes", "size", "message"),
    [
        ({"accumulate": 2}, 4, "made with accumulate=1, this run has accumulate=2"),
        ({}, 2, "made with batches=6, this run has batches=11"),
        ({"optimizer": torch.optim.SGD}, 4, "made with optimizer=AdamW, this run has optimizer=SGD"),
        ({"scheduler": partial(lr_scheduler.StepLR, step_size=1)}, 4, "made with scheduler=False"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(regression, loader, tmp_path, changes, size, message):
    chosen = {"epochs": 1, "checkpoint": tmp_path / "run.pt", "progress": False}
    Trainer(TrainingOptions(**chosen)).fit(regression(), loader())
    with pytest.raises(ValueError, match=message):
        Trainer(TrainingOptions(**chosen | changes)).fit(regression(), loader(size), resume=True)


def test_a_checkpoint_of_another_model_is_refused(regression, loader, tmp_path):
    options = TrainingOptions(epochs=1, checkpoint=tmp_path / "run.pt", progress=False)
    Trainer(options).fit(regression(), loader())

    class Wider(regression):
        def __init__(self):
            super().__init__()
            self.layers[0] = torch.nn.Linear(3, 9)

    with pytest.raises(ValueError, match="belongs to another model or optimiser"):
        Trainer(options).fit(Wider(), loader(), resume=True)
