"""Bands on campus, narrow enough that shuffled texts, untrained vectors or missing centring fall outside.

Two measures of cold courses: those launched after the cut-off (36, as they came), and every older course
made cold once (444 in nine groups, hidden from training and then ranked among themselves).
"""

import numpy as np
import pytest

from coursekit.datasets import load
from coursekit.metrics import evaluate
from coursekit.models import ContentBased, Hybrid, ItemKNN, Popularity, Word2Vec
from coursekit.models.content.vectors import described
from coursekit.splits import standard_split

SUBJECT = ("subject",)


@pytest.fixture(scope="module")
def split():
    return standard_split(load("campus"))


@pytest.fixture(scope="module")
def cold(split):
    return np.setdiff1d(np.arange(split.train.n_items), split.train.item)


@pytest.fixture(scope="module")
def tfidf(split):
    return ContentBased(columns=SUBJECT).fit(split.train)


def ndcg(model, test, candidates=None):
    users = np.unique(test.user)
    ranked = model.recommend(users, k=10, candidates=candidates).items
    return evaluate(ranked, test, users, metrics=["ndcg"], n_bootstrap=0)["value"].item()


def new_courses(model, split, cold):
    return ndcg(model, split.test.where(np.isin(split.test.item, cold)), cold)


def each_course_cold_once(vectors, train, **options):
    """Mean NDCG@10 over nine groups of courses and its spread between them; every third learner is asked."""
    values = []
    for hidden in np.array_split(np.random.default_rng(0).permutation(np.unique(train.item)), 9):
        away = np.isin(train.item, hidden)
        known, held = train.where(~away), train.where(away & (train.user % 3 == 0))
        held = held.where(np.isin(held.user, known.user))
        values.append(ndcg(ContentBased(vectors=vectors, **options).fit(known), held, hidden))
    return np.mean(values), np.std(values, ddof=1)


def of_another_item(vectors, rng):
    """Each item gets the vector of a random other one."""
    return vectors[np.random.default_rng(rng).permutation(vectors.shape[0])]


def test_every_course_is_found_by_its_text_as_if_it_were_new(split, tfidf):
    mean, spread = each_course_cold_once(tfidf.item_vectors_, split.train)
    assert 0.322 < mean < 0.341
    assert spread < 0.025
    assert each_course_cold_once(of_another_item(tfidf.item_vectors_, 1), split.train)[0] < 0.2


def test_without_centring_lists_are_worse_and_depend_on_which_courses_are_new(split, tfidf):
    mean, spread = each_course_cold_once(tfidf.item_vectors_, split.train, centre=False)
    assert mean < 0.322
    assert spread > 0.027


def test_the_subject_says_more_than_the_description(split):
    silent = ContentBased().fit(split.train).item_vectors_
    assert 0.218 < each_course_cold_once(silent, split.train)[0] < 0.240


def test_word_vectors_know_more_after_training(split):
    texts = described(split.train, SUBJECT)
    words = Word2Vec().fit(texts)
    trained = each_course_cold_once(words.document_vectors(texts), split.train)[0]
    assert 0.22 < trained < 0.28  # three seeds gave 0.236 to 0.256, TF-IDF of the same texts 0.331
    # Random vectors keep some of the texts' likeness (Johnson & Lindenstrauss, 1984): not quite chance.
    words.vectors = np.random.default_rng(0).normal(size=words.vectors.shape).astype(np.float32)
    assert each_course_cold_once(words.document_vectors(texts), split.train)[0] < 0.21


def test_courses_launched_after_the_cutoff_and_all_courses(split, cold, tfidf):
    assert len(cold) == 36
    assert 0.27 < new_courses(tfidf, split, cold) < 0.31
    assert 0.052 < ndcg(tfidf, split.test) < 0.064
    for rng in range(3):
        broken = ContentBased(vectors=of_another_item(tfidf.item_vectors_, rng)).fit(split.train)
        assert new_courses(broken, split, cold) < 0.2
        assert ndcg(broken, split.test) < 0.04


def test_similar_courses_are_more_often_of_the_same_subject_than_by_chance(split):
    model = ContentBased().fit(split.train)  # the subject is not in the text
    subject = split.train.item_features["subject"].to_numpy()
    near = model.similar(np.arange(480), k=5).items
    assert 0.17 < (subject[near] == subject[:, None]).mean() < 0.24  # by chance 0.08


def test_hybrid_ranks_old_courses_like_its_first_and_new_ones_like_its_second(split, cold, tfidf):
    hybrid = Hybrid(ItemKNN(), ContentBased(columns=SUBJECT)).fit(split.train)
    users = np.unique(split.test.user)
    assert 0.1305 < ndcg(hybrid, split.test) < 0.135
    assert new_courses(hybrid, split, cold) == new_courses(tfidf, split, cold)
    assert 0.025 < np.isin(hybrid.recommend(users).items, cold).mean() < 0.042


def test_hybrid_whose_parts_are_broken_falls_out_of_the_band(split, cold, tfidf):
    strange = ContentBased(vectors=of_another_item(tfidf.item_vectors_, 0))
    assert ndcg(Hybrid(ItemKNN(), strange).fit(split.train), split.test) < 0.1305
    unpersonal = Hybrid(Popularity(), ContentBased(columns=SUBJECT)).fit(split.train)
    assert ndcg(unpersonal, split.test) < 0.11
    deaf = Hybrid(ItemKNN(), ItemKNN()).fit(split.train)  # neither part knows a new course
    assert new_courses(deaf, split, cold) < 0.15
    assert not np.isin(deaf.recommend(np.unique(split.test.user)).items, cold).any()
