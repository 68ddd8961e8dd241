"""The second task: pairs taken apart, their loss by hand, and vectors that find each other."""

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from coursekit.models.bert import BertConfig, MaskedBatches, MaskedWords, pretrain_bert
from coursekit.models.bert.alignment import AlignedPairs, matching_loss, split_pairs

# Words of a thing in two languages that share no letter. A pair names two things in both.
FIRST = ["cat", "dog", "hen", "cow", "pig", "owl", "bee", "fox"]
SECOND = ["QX", "JZ", "VK", "ZQ", "XJ", "KV", "QZ", "JX"]
THINGS = [(a, b) for a in range(8) for b in range(8) if a != b]
PAIRS = [(f"{FIRST[a]} {FIRST[b]}", f"{SECOND[b]} {SECOND[a]}") for a, b in THINGS]
UNREAD = PAIRS[::8]
READ = [pair for pair in PAIRS if pair not in UNREAD]
CONFIG = BertConfig(
    width=32, layers=1, heads=4, inner=64, max_length=12, dropout=0.0, attention_dropout=0.0, spread=0.1
)
OPTIONS = {"epochs": 30, "learning_rate": 3e-3, "batch_size": 16, "device": "cpu"}


@pytest.fixture(scope="module")
def aligned():
    return pretrain_bert(READ, CONFIG, align=1.0, **OPTIONS)[0]


def found(bert, pairs):
    """Share of first texts whose nearest second text is their own."""
    u, v = (bert.embed([pair[side] for pair in pairs]) for side in (0, 1))
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (u, v))
    return float(((u @ v.T).argmax(axis=1) == np.arange(len(pairs))).mean())


def test_texts_never_read_find_their_second_text(aligned):
    assert found(aligned, UNREAD) > 0.8


def test_hidden_words_alone_do_not_teach_it():
    assert found(pretrain_bert(READ, CONFIG, **OPTIONS)[0], UNREAD) < 0.5


def test_pairs_are_taken_apart_and_single_texts_left_out(aligned):
    texts = [READ[0], "cat dog hen", READ[1], ("cat", "QX JZ VK")]
    batch = next(iter(MaskedBatches(aligned, texts, share=0.0)))
    first, second = split_pairs(batch)
    pairs = sorted((aligned.tokens(a), aligned.tokens(b)) for a, b in zip(first.ids, second.ids, strict=True))
    expected = [texts[0], texts[2], texts[3]]
    alone = [[aligned.tokens(aligned.encode([part]).ids[0]) for part in pair] for pair in expected]
    assert pairs == sorted((a, b) for a, b in alone)
    for part in (first, second):
        assert torch.equal(part.keep, part.ids != 0)
        assert part.keep.any(dim=0).all()
        assert not part.segments.any()


def test_without_pairs_there_are_no_rows(aligned):
    batch = next(iter(MaskedBatches(aligned, ["cat", "dog hen"])))
    assert [len(part.ids) for part in split_pairs(batch)] == [0, 0]
    network = MaskedWords(aligned.encoder, aligned.head).eval()
    assert AlignedPairs(network).loss(batch) == network.loss(batch)


def test_the_loss_by_hand():
    u = normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]), dim=1)
    v = normalize(torch.tensor([[1.0, 0.2], [0.3, 1.0], [-1.0, 1.0]]), dim=1)
    scores = (u @ v.T / 0.5).double().exp().numpy()
    own = np.diag(scores)
    expected = -0.5 * (np.log(own / scores.sum(axis=1)) + np.log(own / scores.sum(axis=0))).mean()
    assert float(matching_loss(u, v, 0.5)) == pytest.approx(expected, rel=1e-5)
    same = torch.ones(4, 2) / 2**0.5
    assert float(matching_loss(same, same, 0.05)) == pytest.approx(np.log(4), rel=1e-5)


def test_both_losses_are_added_by_weight(aligned):
    batch = next(iter(MaskedBatches(aligned, READ[:8])))
    network = MaskedWords(aligned.encoder, aligned.head).eval()
    with torch.no_grad():
        words = network.loss(batch)
        one, three = (AlignedPairs(network, weight).loss(batch) for weight in (1.0, 3.0))
    torch.testing.assert_close(three - words, 3 * (one - words), rtol=1e-4, atol=1e-5)
    assert one > words
