"""BERT on a CUDA device: the same code, close numbers. Elsewhere every test here is skipped by name."""

import numpy as np
import pytest
import torch

from coursekit.models.bert import BertConfig, MaskedBatches, load_bert, mask_words, pretrain_bert

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
CONFIG = BertConfig(width=32, layers=2, heads=4, inner=64, max_length=16)
TEXTS = [f"{a} and {b}" for a in ("maps", "tea", "more") for b in ("cats", "dogs", "the map")] * 4
PAIRS = [("maps", "tea and cats"), "more dogs"] * 8


@pytest.fixture(scope="module")
def trained():
    return pretrain_bert(TEXTS + PAIRS, CONFIG, held_out=TEXTS[:5], epochs=3, device="cuda")


def test_training_happens_on_the_gpu_and_ends_in_numbers(trained):
    bert, history = trained
    assert bert.device.type == "cuda"
    assert np.isfinite(history[["loss", "held_out_loss"]].to_numpy()).all()
    assert history["loss"].iloc[-1] < history["loss"].iloc[0]


def test_what_the_gpu_computes_the_cpu_computes_too(trained, tmp_path):
    on_gpu, _ = trained
    on_cpu = load_bert(on_gpu.save(tmp_path / "model"), device="cpu")
    np.testing.assert_allclose(on_gpu.embed(TEXTS), on_cpu.embed(TEXTS), rtol=1e-3, atol=1e-4)
    weights, _ = on_gpu.attention(TEXTS[:3], TEXTS[3:6])
    np.testing.assert_allclose(weights, on_cpu.attention(TEXTS[:3], TEXTS[3:6])[0], atol=1e-4)
    gpu, cpu = on_gpu.guess("maps [MASK] tea", k=1), on_cpu.guess("maps [MASK] tea", k=1)
    assert gpu[0][0][0] == cpu[0][0][0]


def test_masks_are_drawn_on_the_gpu(trained):
    bert, _ = trained
    batch = next(iter(MaskedBatches(bert, TEXTS)))
    assert all(part.is_cuda for part in batch)
    ids = torch.randint(5, 99, (300, 100), device="cuda")
    _, targets = mask_words(ids, 99, generator=torch.Generator("cuda").manual_seed(0))
    assert 0.14 < (targets >= 0).float().mean() < 0.16


def test_the_shipped_bert_computes_alike_on_both():
    on_gpu, on_cpu = load_bert(device="cuda"), load_bert(device="cpu")
    texts = ["Calm Data", "Python for poets. Write programs that write verse."]
    np.testing.assert_allclose(on_gpu.embed(texts), on_cpu.embed(texts), rtol=1e-3, atol=1e-3)
