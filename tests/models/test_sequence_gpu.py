"""Sequence models on a CUDA device: the same code, close scores. Elsewhere all tests are skipped by name."""

import numpy as np
import pytest
import torch
from contract import taste_data

from coursekit.interactions import Interactions
from coursekit.models.sequence import (
    BiLSTMAttention,
    CompletionClassifier,
    TwoTowerLSTM,
    completion_examples,
)
from coursekit.models.sequence.prefixes import PrefixBatches
from coursekit.models.sequences import NextItemBatches

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
EVERYONE = np.append(np.arange(40), -1)
MODELS = {
    "two towers": (TwoTowerLSTM, {"head": "dot"}),
    "two towers, MLP": (TwoTowerLSTM, {"head": "mlp", "n_negatives": 20}),
    "BiLSTM additive": (BiLSTMAttention, {"scoring": "additive"}),
    "BiLSTM dot": (BiLSTMAttention, {"scoring": "dot"}),
}


@pytest.fixture(scope="module")
def data():
    return taste_data()


@pytest.fixture(autouse=True)
def _exact_products(monkeypatch):
    """TF32 rounds to ten bits, which cuDNN's LSTMs use by default."""
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    monkeypatch.setattr(torch.backends.cuda.matmul, "allow_tf32", False)


@pytest.mark.parametrize("name", MODELS)
def test_a_model_scores_on_the_gpu_what_it_scores_on_the_cpu(data, name, tmp_path):
    cls, options = MODELS[name]
    fitted = cls(8, **options, epochs=5, batch_size=16, device="cuda").fit(data)
    assert next(fitted.network_.parameters()).is_cuda
    on_cpu = cls.load(fitted.save(tmp_path / "model.npz"), device="cpu")
    np.testing.assert_allclose(fitted.score(EVERYONE), on_cpu.score(EVERYONE), rtol=1e-4, atol=1e-4)
    histories = [[1, 2, 3], [4], [5, 6, 7, 8, 9]]
    np.testing.assert_allclose(
        fitted.score_next(histories), on_cpu.score_next(histories), rtol=1e-4, atol=1e-4
    )
    if isinstance(fitted, BiLSTMAttention):
        np.testing.assert_allclose(fitted.attention(histories), on_cpu.attention(histories), atol=1e-5)


@pytest.mark.parametrize("cls", [TwoTowerLSTM, BiLSTMAttention])
def test_training_on_the_gpu_gives_what_training_on_the_cpu_gives(data, cls):
    """From the same weights and the same batches, both drawn on the CPU and moved; no dropout."""

    class SameBatches(cls):
        def _batches(self, data, device):
            source = NextItemBatches if cls is TwoTowerLSTM else PrefixBatches
            return source(data, self.max_length, self.batch_size, self.rng, "cpu")

    options = {"epochs": 3, "batch_size": 16, "dropout": 0.0, "learning_rate": 0.005}
    on_gpu, on_cpu = (SameBatches(8, device=device, **options).fit(data) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(on_gpu.score(EVERYONE), on_cpu.score(EVERYONE), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("source", [NextItemBatches, PrefixBatches])
def test_batches_lie_on_the_gpu_and_hold_what_they_hold_on_the_cpu(data, source):
    def pairs(device):
        batches = list(source(data, 4, 16, 0, device))
        assert all(part.device.type == device for batch in batches for part in batch)
        return sorted((len(batch[0]), batch[0].shape[1]) for batch in batches), sum(
            int(b.targets.sum()) for b in batches
        )

    assert pairs("cuda") == pairs("cpu")


def test_completion_on_the_gpu():
    rng = np.random.default_rng(0)
    user, time = np.repeat(np.arange(60), 6), np.tile(np.arange(6), 60)
    value = np.where(user % 2 == 0, 1.0, 0.1)
    data = Interactions(user, rng.integers(0, 8, 360), value, time, np.arange(60), np.arange(8))
    train, test = completion_examples(data).split(4)
    options = {"epochs": 8, "batch_size": 32, "learning_rate": 0.02, "item_features": np.eye(8)}
    model = CompletionClassifier(8, **options, device="cuda").fit(train, test)
    assert all(tensor.is_cuda for tensor in (*model.network_.parameters(), *model.network_.buffers()))
    on_gpu, weights = model.predict_proba(test), model.attention(test)
    assert ((on_gpu > 0.5) == test.finished).mean() > 0.95
    model.network_.cpu()
    np.testing.assert_allclose(model.predict_proba(test), on_gpu, atol=1e-4)
    np.testing.assert_allclose(model.attention(test), weights, atol=1e-4)


def test_the_readers_random_numbers_on_the_gpu_are_left_alone(data):
    before = torch.cuda.get_rng_state()
    BiLSTMAttention(8, epochs=1, dropout=0.5, device="cuda").fit(data)
    assert torch.equal(torch.cuda.get_rng_state(), before)
