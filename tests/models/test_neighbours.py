"""Scores and predictions of the kNN models against loops over neighbours."""

import numpy as np
import pytest
from contract import interactions, taste_data

from coursekit.models import ItemKNN, UserKNN, item_similarity, user_similarity

USERS, ITEMS = np.mgrid[:39, :30]


@pytest.fixture(scope="module")
def data():
    return taste_data(3)


@pytest.fixture(scope="module")
def ratings(data):
    dense = data.matrix().toarray()
    return np.where(dense > 0, dense, np.nan)


def test_item_knn_sums_what_the_history_votes_for(data):
    history = data.matrix(binary=True).toarray()
    near = item_similarity(history, "cosine", n_neighbours=6).toarray()
    expected = [[sum(near[j, i] for j in range(30) if history[u, j]) for i in range(30)] for u in range(39)]
    found = ItemKNN(n_neighbours=6).fit(data).score(np.arange(39))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_user_knn_sums_the_similar_users_who_chose_the_item(data):
    history = data.matrix(binary=True).toarray()
    near = user_similarity(history, "jaccard", n_neighbours=6).toarray()
    expected = [[sum(near[u, v] for v in range(40) if history[v, i]) for i in range(30)] for u in range(39)]
    found = UserKNN("jaccard", n_neighbours=6).fit(data).score(np.arange(39))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def plain_prediction(ratings, near, by_item):
    """Mean-centred weighted average, one cell at a time; `near[a, b]` > 0 where b is a neighbour of a."""
    table = ratings if by_item else ratings.T  # columns are what is averaged over
    means = [np.nanmean(c) if not np.isnan(c).all() else np.nanmean(ratings) for c in table.T]
    result = np.empty(table.shape)
    for u in range(len(table)):
        for i in range(table.shape[1]):
            voters = [j for j in range(table.shape[1]) if near[i, j] > 0 and not np.isnan(table[u, j])]
            votes = sum(near[i, j] * (table[u, j] - means[j]) for j in voters)
            weight = sum(near[i, j] for j in voters)
            result[u, i] = means[i] + (votes / weight if voters else 0)
    return result if by_item else result.T


@pytest.mark.parametrize("kind", ["cosine", "pearson", "adjusted_cosine"])
def test_item_knn_predicts_the_mean_centred_weighted_average(data, ratings, kind):
    model = ItemKNN(kind, n_neighbours=8, shrinkage=1.5, feedback="explicit").fit(data)
    near = item_similarity(ratings, kind, 1.5, 8).toarray()
    found = model.predict(USERS.ravel(), ITEMS.ravel()).reshape(39, 30)
    np.testing.assert_allclose(found, plain_prediction(ratings, near, by_item=True)[:39], rtol=1e-5)
    np.testing.assert_allclose(model.score(np.arange(39)), found, rtol=1e-6)


@pytest.mark.parametrize("kind", ["cosine", "pearson", "adjusted_cosine"])
def test_user_knn_predicts_the_mean_centred_weighted_average(data, ratings, kind):
    model = UserKNN(kind, n_neighbours=8, feedback="explicit").fit(data)
    near = user_similarity(ratings, kind, 0.0, 8).toarray()
    found = model.predict(USERS[:, :29].ravel(), ITEMS[:, :29].ravel()).reshape(39, 29)
    np.testing.assert_allclose(found, plain_prediction(ratings, near, by_item=False)[:39, :29], rtol=1e-5)


def test_three_ratings_predict_the_fourth():
    # Users 0 and 1 differ by a constant, so user 1's missing rating is two below user 0's.
    data = interactions([0, 0, 0, 1, 1], [0, 1, 2, 0, 1], [5.0, 3.0, 4.0, 3.0, 1.0])
    model = UserKNN("pearson", feedback="explicit").fit(data)
    assert model.predict(1, 2).tolist() == [2.0]


def test_unknown_user_or_item_is_answered_by_the_mean_that_is_known(data, ratings):
    for cls in (ItemKNN, UserKNN):
        model = cls(feedback="explicit").fit(data)
        of_item, of_user, of_all = np.nanmean(ratings[:, 4]), np.nanmean(ratings[4]), np.nanmean(ratings)
        # user 39 and item 29 have no ratings
        found = model.predict([-1, 4, -1, 39, -1], [4, -1, -1, 4, 29])
        np.testing.assert_allclose(found, [of_item, of_user, of_all, of_item, of_all], rtol=1e-6)


def test_predict_needs_explicit_feedback(data):
    with pytest.raises(ValueError, match=r"ItemKNN\(feedback='explicit'\)"):
        ItemKNN().fit(data).predict([0], [0])


def test_predict_refuses_lists_of_different_lengths(data):
    with pytest.raises(ValueError, match="shape"):
        ItemKNN(feedback="explicit").fit(data).predict([0, 1], [0, 1, 2])


def test_feedback_that_does_not_exist_is_refused():
    with pytest.raises(ValueError, match="'implicit' or 'explicit', not 'stars'"):
        UserKNN(feedback="stars")


def test_implicit_feedback_does_not_look_at_values(data):
    ones = interactions(data.user, data.item, None, 40, 30)
    np.testing.assert_array_equal(ItemKNN().fit(data).score([0, 1]), ItemKNN().fit(ones).score([0, 1]))


def test_similar_items_are_the_neighbours_with_their_similarity():
    data = interactions([0, 0, 1, 1, 2], [0, 1, 0, 1, 2])
    items, scores = ItemKNN().fit(data).similar([0, 2], k=2)
    assert items.tolist() == [[1, -1], [-1, -1]]
    np.testing.assert_allclose(scores, [[1, -np.inf], [-np.inf, -np.inf]])
