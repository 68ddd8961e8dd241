import pytest
import torch
from torch import nn

from coursekit.training import Callback, Trainer, TrainingOptions, warmup_linear


class Rates(Callback):
    """The rate each step is taken with."""

    def __init__(self):
        self.rates = []

    def on_gradients(self, state):
        self.rates.append([group["lr"] for group in state.optimizer.param_groups])


def rates_of(scheduler, steps, rate=1.0):
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=rate)
    schedule, rates = scheduler(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return [*rates, optimizer.param_groups[0]["lr"]]


def test_ten_steps_of_which_four_rise():
    """Up by quarters, down by sixths, and nothing is left after the last."""
    expected = [0, 1 / 4, 2 / 4, 3 / 4, 1, 5 / 6, 4 / 6, 3 / 6, 2 / 6, 1 / 6, 0]
    assert rates_of(warmup_linear(10, 0.4), 10) == pytest.approx(expected)


def test_without_warmup_the_rate_falls_from_the_first_step():
    assert rates_of(warmup_linear(4, 0), 4, rate=2.0) == pytest.approx([2, 1.5, 1, 0.5, 0])


def test_a_single_step_has_the_full_rate_and_steps_too_many_have_none():
    assert rates_of(warmup_linear(1), 3) == pytest.approx([1, 0, 0, 0])


@pytest.mark.parametrize(("warm", "n"), [(0, 5), (3, 12), (6, 12), (11, 12)])
def test_it_equals_transformers(warm, n):
    transformers = pytest.importorskip("transformers")
    theirs = rates_of(
        lambda optimizer: transformers.get_linear_schedule_with_warmup(optimizer, warm, n), n + 2
    )
    assert rates_of(warmup_linear(n, warm / n), n + 2) == theirs


def test_in_the_trainer_the_last_step_is_the_smallest(regression, loader):
    watch = Rates()
    options = TrainingOptions(epochs=2, learning_rate=0.6, scheduler=warmup_linear(12, 0.25), progress=False)
    Trainer(options, [watch]).fit(regression(), loader())  # 6 batches an epoch
    assert [rate for (rate,) in watch.rates] == pytest.approx(
        [0, 0.2, 0.4] + [0.6 * left / 9 for left in range(9, 0, -1)]
    )


def test_a_resumed_run_goes_on_with_the_rate_it_had(regression, loader, tmp_path):
    def run(epochs, resume=False):
        watch = Rates()
        options = TrainingOptions(
            epochs=epochs, scheduler=warmup_linear(24, 0.5), checkpoint=tmp_path / "run.pt", progress=False
        )
        Trainer(options, [watch]).fit(regression(), loader(), resume=resume)
        return watch.rates

    first, second = run(2), run(4, resume=True)
    (tmp_path / "run.pt").unlink()
    assert first + second == run(4)


@pytest.mark.parametrize(("steps", "share"), [(0, 0.1), (10, 1), (10, -0.1), (10, 5)])
def test_impossible_schedules_are_refused(steps, share):
    with pytest.raises(ValueError, match=r"total_steps|warmup"):
        warmup_linear(steps, share)
