"""word2vec: its loss and gradient by hand, its pairs by loops, and whether it finds planted synonyms."""

import math

import numpy as np
import pytest
import torch

from coursekit.models import Word2Vec, tfidf_matrix
from coursekit.models.content.skipgram import SkipGram, WordBatch, WordPairs

V = np.array([[1.0, 2.0], [0.5, -1.0], [-2.0, 1.0]], np.float32)
U = np.array([[0.5, 0.5], [1.0, -1.0], [-1.0, 0.25]], np.float32)


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


@pytest.fixture
def network():
    made = SkipGram(V)
    with torch.no_grad():
        made.contexts.copy_(torch.tensor(U))
    return made


def test_loss_of_one_pair_equals_the_formula(network):
    # v_0 = (1, 2): u_1 · v = -1 is the context; u_2 · v = -0.5 and u_0 · v = 1.5 are negatives.
    batch = WordBatch(torch.tensor([0]), torch.tensor([[1, 2, 0]]))
    expected = -math.log(sigmoid(-1)) - math.log(sigmoid(0.5)) - math.log(sigmoid(-1.5))
    assert network.loss(batch).item() == pytest.approx(expected, rel=1e-6)


def test_loss_is_the_mean_over_pairs_and_skips_a_negative_that_is_the_context(network):
    batch = WordBatch(torch.tensor([0, 0]), torch.tensor([[1, 2], [1, 1]]))
    both, first = -math.log(sigmoid(-1)) - math.log(sigmoid(0.5)), -math.log(sigmoid(-1))
    assert network.loss(batch).item() == pytest.approx((both + first) / 2, rel=1e-6)


def test_gradient_equals_the_derivative_by_hand(network):
    network.loss(WordBatch(torch.tensor([0]), torch.tensor([[1, 2]]))).backward()
    pull, push = sigmoid(-1) - 1, sigmoid(-0.5)  # d loss / d logit of the context and of the negative
    np.testing.assert_allclose(network.centres.grad[0], pull * U[1] + push * U[2], rtol=1e-5)
    np.testing.assert_allclose(network.contexts.grad, [[0, 0], pull * V[0], push * V[0]], rtol=1e-5)
    assert not network.centres.grad[1:].any()


def test_first_loss_is_one_plus_n_times_ln_2():
    batch = WordBatch(torch.tensor([0, 1]), torch.tensor([[1, 2, 0, 2], [2, 0, 1, 0]]))
    assert SkipGram(V).loss(batch).item() == pytest.approx(4 * math.log(2), rel=1e-6)


def make_pairs(words, text, n_words, window=1, subsample=0.0, rng=0, n_negatives=2, batch_size=10**6):
    counts = np.bincount(words, minlength=n_words)
    options = {"window": window, "subsample": subsample, "n_negatives": n_negatives}
    return WordPairs(words, text, counts, batch_size=batch_size, rng=np.random.default_rng(rng), **options)


def test_neighbours_in_one_text_are_pairs_both_ways_and_texts_are_kept_apart():
    words, text = np.array([4, 7, 5, 6, 7]), np.array([0, 0, 0, 1, 1])
    centres, contexts = make_pairs(words, text, 8).pairs()
    found = sorted(zip(centres.tolist(), contexts.tolist(), strict=True))
    assert found == [(4, 7), (5, 7), (6, 7), (7, 4), (7, 5), (7, 6)]


def test_each_centre_draws_its_reach_so_near_words_are_pairs_more_often():
    # Every position is a word of its own, so that a pair tells its distance.
    words, text = np.arange(400), np.repeat(np.arange(4), 100)
    centres, contexts = make_pairs(words, text, 400, window=4).pairs()
    assert (text[centres] == text[contexts]).all()
    distance = np.bincount(np.abs(centres - contexts), minlength=6)[1:]
    possible = 4 * 2 * (100 - np.arange(1, 6))
    # A centre reaches distance d with probability (window - d + 1) / window; 3.5 standard deviations.
    expected = np.array([1, 0.75, 0.5, 0.25, 0])
    np.testing.assert_allclose(distance / possible, expected, atol=3.5 * 0.5 / math.sqrt(784))
    reach = [np.sort(contexts[centres == c] - c) for c in range(110, 120)]
    assert all((np.abs(r).max(initial=0) * 2 == len(r)) for r in reach)  # left and right alike


def test_frequent_words_are_kept_as_rarely_as_the_formula_says():
    words = np.repeat([0, 1], [9000, 1000])
    kept = make_pairs(words, np.arange(10_000), 2, subsample=0.01).keep
    np.testing.assert_allclose(kept, [math.sqrt(0.01 / 0.9) + 0.01 / 0.9, math.sqrt(0.1) + 0.1], rtol=1e-12)
    # Both words alternate in one text, so the share of centres shows what was kept.
    words = np.where(np.arange(20_000) % 10 == 0, 1, 0)
    centres, _ = make_pairs(words, np.zeros(20_000, int), 2, subsample=0.01).pairs()
    share = 0.1 * kept[1] / (0.1 * kept[1] + 0.9 * kept[0])
    assert (centres == 1).mean() == pytest.approx(share, abs=0.03)


def test_negatives_follow_the_counts_to_the_power_of_three_quarters():
    words = np.repeat([0, 1, 2], [16_000, 81, 3919])
    (batch,) = make_pairs(words, np.zeros(20_000, int), 3, n_negatives=5)
    weight = np.array([16_000, 81, 3919]) ** 0.75
    drawn = np.bincount(batch.words[:, 1:].ravel(), minlength=3) / batch.words[:, 1:].numel()
    np.testing.assert_allclose(drawn, weight / weight.sum(), atol=0.005)


def test_batches_hold_every_pair_once_in_another_order_each_epoch():
    words, text = np.arange(30), np.zeros(30, int)
    pairs = make_pairs(words, text, 30, batch_size=16)
    first, second = (torch.cat([batch.centres for batch in pairs]).tolist() for _ in range(2))
    assert len(first) == 58
    assert first != second
    assert sorted(first) == sorted(second)


SYNONYMS = [(f"one{i}", f"two{i}") for i in range(8)]


def planted(rng):
    """Texts on eight themes. Each theme has two words for the same thing that never meet in one text."""
    rng = np.random.default_rng(rng)
    texts = []
    for _ in range(400):
        theme = rng.integers(8)
        about = [f"word{theme}x{n}" for n in rng.integers(0, 6, 5)]
        texts.append(" ".join(rng.permutation([SYNONYMS[theme][rng.integers(2)], *about, "the", "of"])))
    return texts


def shuffled(texts, rng):
    """The same words, dealt to the texts at random: nothing left to learn."""
    words = np.random.default_rng(rng).permutation(" ".join(texts).split())
    return [" ".join(part) for part in np.array_split(words, len(texts))]


def rank_of_synonym(model):
    """Mean place of a word's synonym among its neighbours, 1 for the nearest."""
    places = []
    for word, other in SYNONYMS:
        names = [name for name, _ in model.nearest(word, k=len(model.words))]
        places.append(1 + names.index(other))
    return np.mean(places)


def test_synonyms_that_never_meet_are_near_each_other_and_only_because_of_their_contexts():
    texts = planted(0)
    options = {"width": 16, "window": 5, "subsample": 0.01, "epochs": 20, "batch_size": 256}
    # 66 words, 8 to a theme: whoever knows the theme alone puts the synonym 4th, whoever knows nothing 33rd.
    assert rank_of_synonym(Word2Vec(**options).fit(texts)) < 1.5
    assert rank_of_synonym(Word2Vec(**options).fit(shuffled(texts, 1))) > 15
    assert rank_of_synonym(Word2Vec(**options | {"epochs": 1, "learning_rate": 0.0}).fit(texts)) > 15


def test_same_seed_same_vectors_and_the_readers_random_numbers_are_left_alone():
    texts = planted(0)[:40]
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = (Word2Vec(8, epochs=2, rng=seed).fit(texts).vectors for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.fixture(scope="module")
def small():
    texts = ["sonata for violin", "violin sonata violin", "matrix", "unique"]
    return texts, Word2Vec(4, epochs=3, min_count=1, subsample=0).fit(texts)


def test_words_are_listed_by_frequency_with_unit_vectors_and_idf(small):
    _, model = small
    assert model.words[:2] == ["violin", "sonata"]
    assert model.counts.tolist() == [3, 2, 1, 1, 1]
    np.testing.assert_allclose(np.linalg.norm(model.vectors, axis=1), 1, rtol=1e-5)
    assert model.idf[0] == pytest.approx(math.log(5 / 3) + 1)
    assert model.idf[2] == pytest.approx(math.log(5 / 2) + 1)
    assert len(model.history) == 3


def test_document_vector_is_the_idf_weighted_mean_of_its_words(small):
    _, model = small
    idf = dict(zip(model.words, model.idf, strict=True))
    expected = 2 * idf["violin"] * model.vector("violin") + idf["matrix"] * model.vector("matrix")
    expected /= 2 * idf["violin"] + idf["matrix"]
    found = model.document_vectors(["violin, matrix, violin, unheard-of", "nothing known", ""])
    np.testing.assert_allclose(found[0], expected, rtol=1e-5)
    assert not found[1:].any()
    assert found.dtype == np.float32


def test_nearest_words_leave_out_the_word_and_fall_in_cosine(small):
    _, model = small
    found = model.nearest("violin", k=99)
    assert sorted(word for word, _ in found) == ["for", "matrix", "sonata", "unique"]
    assert [c for _, c in found] == sorted((c for _, c in found), reverse=True)
    assert found[0][1] == pytest.approx(float(model.vector("violin") @ model.vector(found[0][0])), rel=1e-5)
    with pytest.raises(KeyError, match="'viola' has no vector"):
        model.nearest("viola")


def test_rare_words_and_stop_words_get_no_vector():
    model = Word2Vec(4, epochs=1, min_count=2, subsample=0, stop_words="english")
    assert model.fit(["the violin and the cello"] * 2 + ["the harp"]).words == ["cello", "violin"]


def test_words_and_idf_agree_with_those_of_tfidf():
    texts = planted(2)[:50]
    model = Word2Vec(4, epochs=1, min_count=1).fit(texts)
    assert sorted(model.words) == tfidf_matrix(texts)[1]


@pytest.mark.parametrize(
    ("texts", "message"),
    [(["a b", "c d"], "no word occurs min_count=2 times"), (["a", "b", "a", "b"], "no text holds two known")],
)
def test_texts_that_teach_nothing_are_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        Word2Vec(4).fit(texts)


@pytest.mark.parametrize("option", [{"width": 0}, {"window": 1.5}, {"epochs": True}, {"subsample": -1}])
def test_options_that_mean_nothing_are_refused(option):
    with pytest.raises(ValueError, match=f"{next(iter(option))}="):
        Word2Vec(**option)


def test_asking_before_fitting_is_refused():
    with pytest.raises(RuntimeError, match="call fit"):
        Word2Vec().nearest("violin")


def test_corpus_whose_pairs_are_all_subsampled_away_is_drawn_again():
    model = Word2Vec(4, epochs=3, subsample=1e-3).fit(["left right"] * 5)
    assert np.isfinite(model.vectors).all()
