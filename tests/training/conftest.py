import signal

import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


class Regression(nn.Module):
    """Small, with dropout: it draws random numbers in every step."""

    def __init__(self, dropout=0.0):
        super().__init__()
        torch.manual_seed(1)
        self.layers = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Dropout(dropout), nn.Linear(8, 1))

    def loss(self, batch):
        x, y = batch
        return nn.functional.mse_loss(self.layers(x)[:, 0], y)


@pytest.fixture(autouse=True)
def _cpu_and_one_thread(monkeypatch):
    monkeypatch.setenv("COURSEKIT_DEVICE", "cpu")
    torch.set_num_threads(1)
    monkeypatch.setattr("os.fsync", lambda file: None)  # slow on a busy disk, and no power is cut here


@pytest.fixture(autouse=True)
def _ctrl_c_is_heard():
    """Jobs in the background are started deaf to Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def regression():
    return Regression


@pytest.fixture
def data():
    """22 examples: an odd number, so that batches of 4 leave a ragged last one."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(22, 3, generator=generator)
    return TensorDataset(x, x @ torch.tensor([1.0, -2.0, 0.5]) + 0.1 * torch.randn(22, generator=generator))


@pytest.fixture
def loader(data):
    def make(size=4, **options):
        return DataLoader(data, batch_size=size, **options)

    return make


@pytest.fixture
def weights():
    def of(model):
        return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])

    return of
