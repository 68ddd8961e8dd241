"""Scores of the content-based model against loops, and small worlds whose answer is obvious."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from contract import interactions, taste_data
from scipy import sparse

from coursekit.models import ContentBased, Recommender, Word2Vec, tfidf_matrix

TOPICS = ["jazz", "roses", "bread", "stars"]
EVERYONE = np.arange(39)  # user 39 of taste_data has no history


def described(data, texts, features=None):
    return replace(data, item_text=np.array(texts, dtype=object), item_features=features)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(1)
    texts = [" ".join(rng.choice([*TOPICS, "of", "new", "old", "big", "small"], 6)) for _ in range(30)]
    texts[7] = texts[21] = ""  # two items say nothing of themselves
    return described(taste_data(3), texts)


def by_hand(data, vectors, centre=True, weigh=lambda own: np.ones(len(own))):
    """The docstring's equation, one pair at a time: cosine of p_u and x_i."""
    vectors = np.array([x / (np.linalg.norm(x) or 1) for x in vectors])
    known = [x for x in vectors if x.any()]
    mean = np.mean(known, axis=0) if centre else np.zeros(vectors.shape[1])
    values = data.matrix().toarray()
    scores = np.zeros((39, data.n_items))
    for u in range(39):
        history = [j for j in range(data.n_items) if values[u, j] > 0]
        weights = weigh(values[u, history])
        pairs = [(w, vectors[j]) for w, j in zip(weights, history, strict=True) if vectors[j].any()]
        profile = sum((w * (x - mean) for w, x in pairs), np.zeros(vectors.shape[1]))
        for i in range(data.n_items):
            scores[u, i] = profile @ vectors[i] / (np.linalg.norm(profile) or 1)
    return scores


@pytest.mark.parametrize("centre", [True, False])
@pytest.mark.parametrize(
    ("weights", "weigh"),
    [
        ("equal", lambda own: np.ones(len(own))),
        ("value", lambda own: own),
        ("deviation", lambda own: own - own.mean()),
    ],
    ids=["equal", "value", "deviation"],
)
def test_score_is_the_cosine_of_profile_and_item(data, centre, weights, weigh):
    model = ContentBased(centre=centre, weights=weights, min_df=1, stop_words=None).fit(data)
    vectors = tfidf_matrix(data.item_text)[0].toarray()
    np.testing.assert_allclose(model.score(EVERYONE), by_hand(data, vectors, centre, weigh), atol=2e-6)


def test_three_items_one_number():
    # x = (1, 0), (0, 1), (0.6, 0.8), mean (1.6, 1.8) / 3. The user has item 0: p = (1.4, -1.8) / 3.
    data = interactions([0], [0], n_users=1, n_items=3)
    model = ContentBased(vectors=[[2, 0], [0, 1], [3, 4]]).fit(data)
    expected = np.array([1.4, -1.8, 0.6 * 1.4 - 0.8 * 1.8]) / np.hypot(1.4, 1.8)
    np.testing.assert_allclose(model.score([0])[0], expected, rtol=1e-5)


def test_centring_ranks_by_how_much_more_an_item_is_like_the_history_than_like_all_items(data):
    data = described(data, [text or "jazz stars" for text in data.item_text])
    model = ContentBased(min_df=1).fit(data)
    cosines = (model.item_vectors_ @ model.item_vectors_.T).toarray()
    history = data.matrix(binary=True).toarray()[:39]
    excess = history @ cosines / history.sum(axis=1, keepdims=True) - cosines.mean(axis=0)
    for scores, other in zip(model.score(EVERYONE), excess, strict=True):
        np.testing.assert_allclose(np.corrcoef(scores, other)[0, 1], 1, rtol=1e-6)


def test_without_centring_everyone_gets_the_most_usual_text():
    """Item 8 is nothing but filler, of which all texts hold some: it is a little like every history."""
    filler = "please note that this course has lessons videos and a quiz"
    texts = [f"{topic} {extra} {filler}" for topic in TOPICS for extra in ("first", "second")]
    data = described(interactions([0, 1, 2, 3], [0, 2, 4, 6], n_users=4, n_items=9), [*texts, filler])
    options = {"min_df": 1, "stop_words": None}
    centred = ContentBased(**options).fit(data).recommend([0, 1, 2, 3], k=1).items[:, 0]
    assert centred.tolist() == [1, 3, 5, 7]
    plain = ContentBased(**options, centre=False).fit(data).recommend([0, 1, 2, 3], k=2).items
    assert (plain == 8).any(axis=1).all()


def test_item_nobody_has_touched_is_recommended_for_its_text():
    texts = ["jazz piano", "jazz trumpet", "roses pruning", "roses soil", "jazz drums"]
    data = described(interactions([0, 1, 1], [0, 2, 3], n_users=2, n_items=5), texts)
    model = ContentBased(min_df=1).fit(data)
    assert set(model.recommend([0], k=2).items[0]) == {1, 4}
    assert model.similar([4], k=2).items[0].tolist() == [0, 1]


def test_columns_of_features_become_part_of_the_text():
    features = pd.DataFrame({"subject": ["Music", "Music", "Garden", None]})
    data = described(interactions([0], [0], n_users=1, n_items=4), ["a b", "c d", "e f", "g h"], features)
    silent = ContentBased(min_df=1, stop_words=None).fit(data)
    assert silent.similar([0], k=1).scores[0, 0] == 0
    model = ContentBased(columns=("subject",), min_df=1, stop_words=None).fit(data)
    assert model.recommend([0], k=1).items[0].tolist() == [1]
    assert set(model.terms_) == {*"abcdefgh", "music", "garden"}
    assert ContentBased(columns="subject").columns == ("subject",)


def test_item_without_words_and_history_of_such_items_score_zero():
    texts = ["jazz piano", "", "jazz drums", None]
    data = described(interactions([0, 0, 1, 1], [0, 1, 1, 3], n_users=2, n_items=4), texts)
    scores = ContentBased(min_df=1).fit(data).score([0, 1])
    assert scores[0, [1, 3]].tolist() == [0, 0]
    assert scores[0, 0] > 0
    assert not scores[1].any()


def test_texts_that_are_all_the_same_leave_no_taste():
    data = described(taste_data(), ["jazz bread stars"] * 30)
    assert not ContentBased(min_df=1).fit(data).score(EVERYONE).any()


def test_profile_names_the_words_a_user_is_fond_of():
    texts = ["jazz piano", "jazz trumpet", "roses pruning", "roses soil"]
    data = described(interactions([1, 1], [0, 1], n_users=2, n_items=4), texts)
    model = ContentBased(min_df=1).fit(data)
    profiles = model.profiles([1, 0, -1])
    assert model.terms_[profiles[0].argmax()] == "jazz"
    assert model.terms_[profiles[0].argmin()] == "roses"
    assert np.linalg.norm(profiles[0]) == pytest.approx(1)
    assert not profiles[1:].any()


def test_vectors_of_ones_own_are_used_dense_or_sparse_and_saved(data, tmp_path):
    vectors = np.random.default_rng(0).normal(size=(30, 4))
    bare = replace(data, item_text=None)
    model = ContentBased(vectors=vectors).fit(bare)
    np.testing.assert_allclose(model.score(EVERYONE), by_hand(bare, vectors), atol=2e-6)
    same = ContentBased(vectors=sparse.csr_array(vectors)).fit(bare)
    np.testing.assert_allclose(same.score(EVERYONE), model.score(EVERYONE), atol=1e-6)
    for made in (model, same):
        loaded = Recommender.load(made.save(tmp_path / "model.npz"))
        np.testing.assert_array_equal(loaded.score(EVERYONE), made.score(EVERYONE))


def test_word2vec_vectors_are_those_of_the_given_model(data):
    words = Word2Vec(8, epochs=2, subsample=0)
    model = ContentBased("word2vec", word2vec=words).fit(data)
    expected = by_hand(data, words.document_vectors(data.item_text))
    np.testing.assert_allclose(model.score(EVERYONE), expected, atol=1e-5)


def test_data_without_text_is_refused_with_a_way_out():
    with pytest.raises(ValueError, match=r"data has no item_text: .*ContentBased\(vectors=…\)"):
        ContentBased().fit(taste_data())


def test_unknown_column_is_refused(data):
    features = pd.DataFrame({"level": np.arange(30)})
    with pytest.raises(ValueError, match=r"no column 'subject'; it has \['level'\]"):
        ContentBased(columns=("subject",)).fit(replace(data, item_features=features))


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        (np.ones((29, 2)), r"shape \(29, 2\); the data needs \(30, d\)"),
        (np.ones(30), r"shape \(30,\)"),
        (np.full((30, 2), np.nan), "row 0 of vectors holds NaN"),
    ],
)
def test_vectors_that_do_not_fit_are_refused(data, vectors, message):
    with pytest.raises(ValueError, match=message):
        ContentBased(vectors=vectors).fit(data)


@pytest.mark.parametrize("option", [{"representation": "bert"}, {"weights": "rating"}])
def test_options_that_mean_nothing_are_refused(option):
    with pytest.raises(ValueError, match="choose one of"):
        ContentBased(**option)
