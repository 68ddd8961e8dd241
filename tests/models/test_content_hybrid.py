"""The blend of two models against loops, and what it does with items that only one of them knows."""

from dataclasses import replace

import numpy as np
import pytest
from contract import taste_data

from coursekit.models import (
    ContentBased,
    FactorizationMachine,
    Hybrid,
    ItemKNN,
    Popularity,
    Random,
    Recommender,
    UserKNN,
)

EVERYONE = np.arange(39)  # user 39 of taste_data has no history
COLD = [4, 17, 29]


@pytest.fixture(scope="module")
def data():
    """Taste data in which nobody touches three of the items."""
    made = taste_data(2)
    made = made.where(~np.isin(made.item, COLD))
    topics = np.random.default_rng(0).choice(["jazz", "roses", "bread", "stars"], (30, 4))
    return replace(made, item_text=np.array([" ".join(words) for words in topics], dtype=object))


def content():
    return ContentBased(min_df=1)


@pytest.fixture(scope="module")
def fitted(data):
    return Hybrid(ItemKNN(), content(), weight=0.3).fit(data)


def z(row, warm):
    """Standardised over the warm items, one number at a time."""
    chosen = [row[i] for i in warm]
    mean = sum(chosen) / len(chosen)
    deviation = (sum((x - mean) ** 2 for x in chosen) / len(chosen)) ** 0.5
    return [(x - mean) / deviation for x in row]


def test_warm_items_are_blended_and_cold_ones_judged_by_the_second_alone(data, fitted):
    warm = [i for i in range(30) if i not in COLD]
    first, second = (model.fit(data).score(EVERYONE).astype(float) for model in (ItemKNN(), content()))
    for u in EVERYONE:
        z_1, z_2 = z(first[u], warm), z(second[u], warm)
        blend = z([0.3 * a + 0.7 * b for a, b in zip(z_1, z_2, strict=True)], warm)
        expected = [z_2[i] if i in COLD else blend[i] for i in range(30)]
        np.testing.assert_allclose(fitted.score([u])[0], expected, rtol=1e-4, atol=1e-5)


def test_scores_of_warm_items_have_mean_0_and_deviation_1(data, fitted):
    scores = np.delete(fitted.score(EVERYONE), COLD, axis=1)
    np.testing.assert_allclose(scores.mean(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(scores.std(axis=1), 1, rtol=1e-5)


@pytest.mark.parametrize(("weight", "alone"), [(1.0, ItemKNN), (0.0, content)], ids=["first", "second"])
def test_weight_at_its_ends_leaves_one_model(data, weight, alone):
    blended = Hybrid(ItemKNN(), content(), weight).fit(data).score(EVERYONE)
    warm = np.setdiff1d(np.arange(30), COLD)
    one = alone().fit(data).score(EVERYONE)[:, warm]
    expected = (one - one.mean(axis=1, keepdims=True)) / one.std(axis=1, keepdims=True)
    np.testing.assert_allclose(blended[:, warm], expected, rtol=1e-4, atol=1e-5)


def test_scale_of_a_models_scores_does_not_matter(data):
    class Louder(ItemKNN):
        def _scores(self, users):
            return 1000 * super()._scores(users) + 7

    quiet, loud = (Hybrid(first, content()).fit(data) for first in (ItemKNN(), Louder()))
    np.testing.assert_allclose(loud.score(EVERYONE), quiet.score(EVERYONE), rtol=1e-3, atol=1e-3)
    Recommender._classes.pop("Louder")


def test_model_whose_scores_differ_by_rounding_alone_is_not_heard(data):
    class Indifferent(ItemKNN):
        def _scores(self, users):
            third = np.float32(1 / 3)
            return np.where(np.arange(self.n_items) % 2, third, np.nextafter(third, 1))[None].repeat(
                len(users), 0
            )

    blended = Hybrid(Indifferent(), content(), weight=0.9).fit(data).score(EVERYONE)
    alone = Hybrid(ItemKNN(), content(), weight=0.0).fit(data).score(EVERYONE)
    np.testing.assert_allclose(blended, alone, rtol=1e-4, atol=1e-5)
    Recommender._classes.pop("Indifferent")


@pytest.mark.parametrize("reader_first", [False, True])
def test_user_without_history_gets_what_is_popular_blended_with_what_a_profile_says(data, reader_first):
    reader = FactorizationMachine(4, user_features=np.eye(40)[:, :5], epochs=2, device="cpu")
    parts = (reader, ItemKNN()) if reader_first else (ItemKNN(), reader)
    hybrid = Hybrid(*parts, weight=0.5).fit(data)
    warm = np.setdiff1d(np.arange(30), COLD)
    profile, popular = z(reader.score([39])[0], warm), z(hybrid.popularity_, warm)
    blend = [(a + b) / 2 for a, b in zip(profile, popular, strict=True)]
    np.testing.assert_allclose(hybrid.score([39])[0][warm], np.array(z(blend, warm))[warm], atol=1e-4)
    np.testing.assert_array_equal(hybrid.score([-1])[0], hybrid.popularity_)


def test_similar_items_are_the_second_models_and_cold_ones_have_some(data, fitted):
    found, expected = (model.similar([4, 0], k=3) for model in (fitted, content().fit(data)))
    np.testing.assert_array_equal(found.items, expected.items)


def test_hybrid_of_hybrids_is_saved_whole(data, tmp_path):
    options = {"n_neighbours": 5, "similarity": "jaccard"}
    model = Hybrid(Hybrid(ItemKNN(**options), UserKNN(), 0.2), content(), 0.6).fit(data)
    loaded = Hybrid.load(model.save(tmp_path / "model.npz"))
    np.testing.assert_array_equal(loaded.score(EVERYONE), model.score(EVERYONE))
    assert loaded.first.first.similarity == "jaccard"
    assert loaded.second.terms_ == model.second.terms_
    assert loaded.fit(data).score([0]).shape == (1, 30)  # its parts have their options, so it can learn anew


def test_class_in_place_of_a_model_is_refused():
    with pytest.raises(
        TypeError, match=r"first is <class .*ItemKNN'>, no model; give one, such as ItemKNN\(\)"
    ):
        Hybrid(ItemKNN, ContentBased())


@pytest.mark.parametrize("weight", [-0.1, 1.5, float("nan")])
def test_weight_outside_its_range_is_refused(weight):
    with pytest.raises(ValueError, match="must lie between 0 and 1"):
        Hybrid(Random(), Popularity(), weight)
