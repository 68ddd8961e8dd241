"""NCF on a CUDA device: the same code, close scores. Elsewhere every test here is skipped by name."""

import numpy as np
import pytest
import torch
from contract import checkerboard, taste_data

from coursekit.models import GMF, MLP, NeuMF
from coursekit.models.pairs import SampledPairs

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
EVERYONE = np.append(np.arange(40), -1)


@pytest.fixture(scope="module")
def data():
    return taste_data()


@pytest.mark.parametrize("cls", [GMF, MLP, NeuMF])
def test_a_model_scores_on_the_gpu_what_it_scores_on_the_cpu(data, cls, tmp_path):
    fitted = cls(4, epochs=20, batch_size=64, learning_rate=0.02, device="cuda").fit(data)
    assert next(fitted.network_.parameters()).is_cuda
    on_cpu = cls.load(fitted.save(tmp_path / "model.npz"), device="cpu")
    np.testing.assert_allclose(fitted.score(EVERYONE), on_cpu.score(EVERYONE), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("cls", [GMF, MLP, NeuMF])
def test_training_on_the_gpu_gives_what_training_on_the_cpu_gives(data, cls):
    """From the same weights and the same batches: both are drawn on the CPU and moved."""

    class SameStart(cls):
        def _batches(self, data, device):
            return SampledPairs(data, self.n_negatives, self.batch_size, self.rng, "cpu")

    options = {"epochs": 10, "batch_size": 64, "learning_rate": 0.02}
    on_gpu, on_cpu = (SameStart(4, device=device, **options).fit(data) for device in ("cuda", "cpu"))
    np.testing.assert_allclose(on_gpu.score(EVERYONE), on_cpu.score(EVERYONE), rtol=1e-2, atol=1e-2)


def test_negatives_drawn_on_the_gpu_were_never_met(data):
    met = torch.as_tensor(data.matrix(binary=True).toarray() > 0, device="cuda")
    source = SampledPairs(data, 4, 64, seed=0, device="cuda")
    for batch in source:
        assert batch.items.is_cuda
        assert not met[batch.users[:, None], batch.items[:, 1:]].any()
    assert sum(len(batch.users) for batch in source) == met.sum()


def test_the_checkerboard_is_learned_on_the_gpu():
    board = checkerboard(explicit=False)
    model = GMF(2, epochs=60, batch_size=64, learning_rate=0.1, weight_decay=0.3, device="cuda").fit(board)
    assert model.recommend(np.arange(12), k=1).items[:, 0].tolist() == list(range(12))
    again = GMF(2, epochs=60, batch_size=64, learning_rate=0.1, weight_decay=0.3, device="cuda").fit(board)
    np.testing.assert_allclose(again.score([0, 1]), model.score([0, 1]), rtol=1e-3, atol=1e-3)


def test_pretrained_models_and_features_move_with_the_network(data):
    options = {"epochs": 2, "batch_size": 64, "device": "cuda"}
    parts = GMF(4, **options).fit(data), MLP(4, **options).fit(data)
    model = NeuMF(4, pretrained=parts, user_features=np.eye(40), item_features=np.eye(30), **options).fit(
        data
    )
    assert all(tensor.is_cuda for tensor in (*model.network_.parameters(), *model.network_.buffers()))
    assert np.isfinite(model.score(EVERYONE)).all()


def test_the_readers_random_numbers_on_the_gpu_are_left_alone(data):
    before = torch.cuda.get_rng_state()
    MLP(4, epochs=2, dropout=0.5, device="cuda").fit(data)
    assert torch.equal(torch.cuda.get_rng_state(), before)
