"""Fine-tuning on a CUDA device: the same code, close scores. Elsewhere every test here is skipped by name."""

import numpy as np
import pytest
import torch
from finetuning_data import board, tastes, write_tiny_bert

from coursekit.models import Recommender
from coursekit.models.finetuning import BertBiEncoder, BertCrossEncoder, BertRatingRegressor

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
EVERYONE = np.append(np.arange(40), -1)
MODELS = [
    (BertBiEncoder, {}),
    (BertBiEncoder, {"history": "text"}),
    (BertBiEncoder, {"tune": "frozen"}),
    (BertBiEncoder, {"fgm": 0.3, "augment": 0.5, "layer_decay": 0.8}),
    (BertCrossEncoder, {}),
    (BertCrossEncoder, {"tune": "lora", "loss": "bce"}),
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return write_tiny_bert(tmp_path_factory.mktemp("tiny") / "bert")


@pytest.mark.parametrize(("cls", "options"), MODELS)
def test_a_model_scores_on_the_gpu_what_it_scores_on_the_cpu(tiny, cls, options, tmp_path):
    chosen = {"epochs": 3, "batch_size": 16, "learning_rate": 0.01, "max_length": 6, "device": "cuda"}
    model = cls(checkpoint=tiny, **chosen | options).fit(tastes())
    assert all(tensor.is_cuda for tensor in (*model.network_.parameters(), *model.network_.buffers()))
    on_cpu = Recommender.load(model.save(tmp_path / "model.npz"), device="cpu")
    np.testing.assert_allclose(model.score(EVERYONE), on_cpu.score(EVERYONE), rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("cls", "epochs"), [(BertBiEncoder, 20), (BertCrossEncoder, 60)])
def test_the_checkerboard_is_learned_on_the_gpu(tiny, cls, epochs):
    options = {"epochs": epochs, "batch_size": 16, "learning_rate": 0.01, "max_length": 6}
    model = cls(checkpoint=tiny, device="cuda", **options).fit(board())
    assert model.recommend(np.arange(12), k=1).items[:, 0].tolist() == list(range(12))


def test_ratings_are_read_on_the_gpu(tiny, tmp_path):
    texts = [f"kind{number % 5}" for number in range(60)]
    ratings = [1.0 + number % 5 for number in range(60)]
    options = {"epochs": 15, "learning_rate": 0.01, "batch_size": 16}
    model = BertRatingRegressor(checkpoint=tiny, device="cuda", **options).fit(texts, ratings)
    assert np.abs(model.predict(texts[:5]) - ratings[:5]).max() < 0.5
    on_cpu = BertRatingRegressor.load(model.save(tmp_path / "model.npz"), device="cpu")
    np.testing.assert_allclose(model.predict(texts), on_cpu.predict(texts), rtol=1e-3, atol=1e-3)


def test_the_readers_random_numbers_on_the_gpu_are_left_alone(tiny):
    before = torch.cuda.get_rng_state()
    BertCrossEncoder(checkpoint=tiny, epochs=1, dropout=0.3, device="cuda").fit(tastes())
    assert torch.equal(torch.cuda.get_rng_state(), before)
