import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from coursekit.runtime import autocast_dtype, cpu_threads, denormals_as_zero, pick_device, seed_everything


@pytest.fixture
def machine(monkeypatch):
    """A machine with or without accelerators."""
    monkeypatch.delenv("COURSEKIT_DEVICE", raising=False)

    def pretend(cuda=0, mps=False, bf16=True):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: bf16)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)

    pretend()
    return pretend


def test_argument_beats_environment_beats_accelerator_beats_cpu(machine, monkeypatch):
    assert pick_device() == torch.device("cpu")
    machine(mps=True)
    assert pick_device() == torch.device("mps")
    machine(cuda=2, mps=True)
    assert pick_device() == torch.device("cuda")
    monkeypatch.setenv("COURSEKIT_DEVICE", "cuda:1")
    assert pick_device() == torch.device("cuda:1")
    assert pick_device("cpu") == torch.device("cpu")
    assert pick_device(torch.device("mps")) == torch.device("mps")


def test_an_empty_environment_variable_says_nothing(machine, monkeypatch):
    monkeypatch.setenv("COURSEKIT_DEVICE", " ")
    assert pick_device() == torch.device("cpu")


def test_a_device_that_is_not_there_is_refused_by_name(machine, monkeypatch):
    with pytest.raises(ValueError, match=r"device='cuda': this machine has 0 CUDA devices and no MPS"):
        pick_device("cuda")
    machine(cuda=1)
    with pytest.raises(ValueError, match=r"device='cuda:1': this machine has 1 CUDA"):
        pick_device("cuda:1")
    monkeypatch.setenv("COURSEKIT_DEVICE", "gpu")
    with pytest.raises(ValueError, match=r"COURSEKIT_DEVICE='gpu' is no device; write 'cpu'"):
        pick_device()


def test_auto_precision_is_halved_only_on_cuda(machine):
    assert autocast_dtype("cpu") is None
    assert autocast_dtype(torch.device("mps")) is None
    assert autocast_dtype("cuda") is torch.bfloat16
    machine(cuda=1, bf16=False)
    assert autocast_dtype("cuda") is torch.float16


def test_named_precision_is_obeyed_everywhere(machine):
    assert autocast_dtype("cuda", "float32") is None
    assert autocast_dtype("cpu", "bfloat16") is torch.bfloat16
    with pytest.raises(ValueError, match="precision='fp16': choose one of"):
        autocast_dtype("cpu", "fp16")


def test_one_seed_sets_all_three_generators():
    def draw():
        return random.random(), np.random.random(), torch.rand(1).item()  # noqa: NPY002

    seed_everything(7)
    first = draw()
    assert draw() != first
    seed_everything(7)
    assert draw() == first


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_beyond_32_bits_is_refused(seed):
    with pytest.raises(ValueError, match=f"seed={seed} must lie between"):
        seed_everything(seed)


def test_importing_runtime_does_not_load_torch():
    code = "import sys, coursekit.runtime; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def three_threads(monkeypatch):
    """A reader who chose three threads."""
    monkeypatch.delenv("COURSEKIT_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_cpu_threads_hold_inside_the_block_only(three_threads):
    with cpu_threads():
        assert torch.get_num_threads() == 1
        with cpu_threads(2):
            assert torch.get_num_threads() == 2
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


def test_cpu_threads_come_back_after_an_error(three_threads):
    with pytest.raises(ZeroDivisionError), cpu_threads(1):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 3


def test_the_environment_beats_the_number_of_threads_asked_for(three_threads, monkeypatch):
    monkeypatch.setenv("COURSEKIT_THREADS", " 2 ")
    with cpu_threads(1):
        assert torch.get_num_threads() == 2
    monkeypatch.setenv("COURSEKIT_THREADS", " ")
    with cpu_threads(1):
        assert torch.get_num_threads() == 1


@pytest.mark.parametrize("wanted", ["0", "-1", "two", "1.5"])
def test_a_number_of_threads_that_is_none_is_refused(three_threads, monkeypatch, wanted):
    monkeypatch.setenv("COURSEKIT_THREADS", wanted)
    with (
        pytest.raises(ValueError, match=f"'{wanted}' threads: COURSEKIT_THREADS must be a whole number"),
        cpu_threads(),
    ):
        pass
    assert torch.get_num_threads() == 3


def test_no_threads_at_all_are_refused(three_threads):
    with pytest.raises(ValueError, match="0 threads"), cpu_threads(0):
        pass


def product_of_a_denormal():
    return (torch.tensor(1e-40) * 1).item()


needs_the_mode = pytest.mark.skipif(
    not (torch.set_flush_denormal(True) and torch.set_flush_denormal(False)),
    reason="this processor knows no mode that takes denormal numbers as 0",
)


@needs_the_mode
def test_denormal_numbers_are_zero_inside_the_block_only():
    assert product_of_a_denormal() > 0
    with denormals_as_zero():
        assert product_of_a_denormal() == 0
        with denormals_as_zero():
            assert product_of_a_denormal() == 0
        assert product_of_a_denormal() == 0
    assert product_of_a_denormal() > 0


@needs_the_mode
def test_denormal_numbers_come_back_after_an_error():
    with pytest.raises(ZeroDivisionError), denormals_as_zero():
        raise ZeroDivisionError
    assert product_of_a_denormal() > 0
