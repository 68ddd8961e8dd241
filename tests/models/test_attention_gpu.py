"""SASRec and BERT4Rec on a CUDA device: the same code, close scores. Elsewhere every test here is skipped."""

import numpy as np
import pytest
import torch
from contract import taste_data

from coursekit.models import BERT4Rec, SASRec
from coursekit.models.attention.encoder import dropout
from coursekit.models.multihead import MultiHeadAttention

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
EVERYONE = np.append(np.arange(40), -1)
OPTIONS = {"epochs": 5, "batch_size": 8, "learning_rate": 0.01, "max_length": 10}


@pytest.fixture(scope="module")
def data():
    return taste_data()


@pytest.mark.parametrize("loss", ["softmax", "sampled", "bce"])
@pytest.mark.parametrize("cls", [SASRec, BERT4Rec])
def test_a_model_scores_on_the_gpu_what_it_scores_on_the_cpu(data, cls, loss, tmp_path):
    fitted = cls(16, 2, 2, loss=loss, device="cuda", **OPTIONS).fit(data)
    assert next(fitted.network_.parameters()).is_cuda
    on_cpu = cls.load(fitted.save(tmp_path / "model.npz"), device="cpu")
    np.testing.assert_allclose(fitted.score(EVERYONE), on_cpu.score(EVERYONE), rtol=1e-3, atol=1e-3)
    histories = [[1, 2, 3], [4, 5]]
    np.testing.assert_allclose(fitted.attention(histories), on_cpu.attention(histories), atol=1e-3)


@pytest.mark.parametrize("causal", [False, True])
def test_attention_is_the_cpus(causal):
    attention, x = MultiHeadAttention(16, 4).eval(), torch.randn(3, 7, 16)
    keep = torch.arange(7) < torch.tensor([7, 4, 1])[:, None]
    with torch.no_grad():
        expected = attention(x, keep, causal=causal)
        found = attention.cuda()(x.cuda(), keep.cuda(), causal=causal).cpu()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_attention_under_autocast_stays_near():
    attention, x = MultiHeadAttention(16, 4).eval().cuda(), torch.randn(3, 7, 16, device="cuda")
    with torch.no_grad():
        expected = attention(x, causal=True)
        with torch.autocast("cuda", torch.bfloat16):
            found = attention(x, causal=True)
    torch.testing.assert_close(found.float(), expected, rtol=0.05, atol=0.05)


def test_dropout_drops_on_the_gpu():
    x = torch.ones(1000, 1000, device="cuda")
    assert (dropout(x, 0.2) == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)
