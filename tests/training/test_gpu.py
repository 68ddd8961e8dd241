"""On a CUDA device. Elsewhere every test here is skipped by name."""

import pytest
import torch

from coursekit.runtime import autocast_dtype, pick_device
from coursekit.training import Trainer, TrainingOptions

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def options(**changes):
    return TrainingOptions(
        **{"epochs": 3, "learning_rate": 0.05, "device": "cuda", "progress": False} | changes
    )


def test_cuda_is_chosen_by_itself(monkeypatch):
    monkeypatch.delenv("COURSEKIT_DEVICE")
    assert pick_device().type == "cuda"
    assert autocast_dtype("cuda") in (torch.bfloat16, torch.float16)


def test_float32_on_the_gpu_agrees_with_the_cpu(regression, loader, weights):
    on_gpu, on_cpu = regression(), regression()
    Trainer(options(precision="float32")).fit(on_gpu, loader())
    Trainer(options(device="cpu")).fit(on_cpu, loader())
    torch.testing.assert_close(weights(on_gpu).cpu(), weights(on_cpu), rtol=0, atol=1e-4)


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_half_precision_learns_as_float32_does(regression, loader, precision):
    half = Trainer(options(precision=precision)).fit(regression(), loader())
    full = Trainer(options(precision="float32")).fit(regression(), loader())
    assert half["loss"].iloc[-1] == pytest.approx(full["loss"].iloc[-1], rel=0.05)


def test_a_run_is_resumed_on_the_gpu(regression, loader, weights, tmp_path):
    def chosen(epochs, name):
        return options(epochs=epochs, precision="float16", checkpoint=tmp_path / name)

    whole, resumed = regression(0.5), regression(0.5)
    Trainer(chosen(4, "whole.pt")).fit(whole, loader(shuffle=True))
    Trainer(chosen(2, "run.pt")).fit(resumed, loader(shuffle=True))
    Trainer(chosen(4, "run.pt")).fit(resumed, loader(shuffle=True), resume=True)
    torch.testing.assert_close(weights(resumed), weights(whole), rtol=0, atol=1e-5)
