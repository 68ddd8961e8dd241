"""Every similarity against a plain loop over pairs of items, and against other people's libraries."""

import math
import tracemalloc

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics.pairwise import cosine_similarity

from coursekit.models import item_similarity, user_similarity
from coursekit.models.neighbours import products, similarity

KINDS = ("cosine", "pearson", "jaccard", "adjusted_cosine")


def plain_similarity(ratings, i, j, kind, shrinkage):
    """The definitions, one pair at a time. `ratings` holds NaN where nothing was rated."""
    users = range(len(ratings))
    rated_i = [u for u in users if not math.isnan(ratings[u][i])]
    rated_j = [u for u in users if not math.isnan(ratings[u][j])]
    both = [u for u in rated_i if u in rated_j]
    if not both:
        return 0.0
    if kind == "jaccard":
        value = len(both) / len(set(rated_i) | set(rated_j))
    else:
        a, b = [ratings[u][i] for u in both], [ratings[u][j] for u in both]
        lengths = (a, b)
        if kind == "cosine":
            lengths = [ratings[u][i] for u in rated_i], [ratings[u][j] for u in rated_j]
        elif kind == "pearson":
            a, b = ([x - sum(c) / len(c) for x in c] for c in (a, b))
            lengths = (a, b)
        else:
            mean = {u: np.nanmean(ratings[u]) for u in both}
            a, b = ([x - mean[u] for x, u in zip(c, both, strict=True)] for c in (a, b))
            lengths = (a, b)
        norm = math.prod(math.sqrt(sum(x * x for x in c)) for c in lengths)
        value = sum(x * y for x, y in zip(a, b, strict=True)) / norm if norm > 1e-9 else 0.0
    return value * len(both) / (len(both) + shrinkage)


def plain_table(ratings, kind, shrinkage=0.0):
    n = ratings.shape[1]
    return np.array([[plain_similarity(ratings, i, j, kind, shrinkage) for j in range(n)] for i in range(n)])


def awkward_ratings(rng, share):
    """NaN where not rated; an item and a user without ratings, constant items and users, a lone rating."""
    ratings = rng.integers(1, 11, (25, 14)) / 2
    ratings[rng.random(ratings.shape) > share] = np.nan
    ratings[:, 3] = np.nan
    ratings[7] = np.nan
    ratings[:, 5] = np.where(np.isnan(ratings[:, 5]), np.nan, 4.0)
    ratings[:, 6] = np.where(np.isnan(ratings[:, 6]), np.nan, 0.1)
    ratings[9] = np.where(np.isnan(ratings[9]), np.nan, 3.0)
    ratings[:, 11] = np.nan
    ratings[2, 11] = 5.0
    return ratings


@pytest.fixture(params=[0.3, 0.9], ids=["thin", "thick"])
def ratings(request):
    return awkward_ratings(np.random.default_rng(1), request.param)


@pytest.fixture(params=[0.0, 0.4, 2.0], ids=["all dense", "mixed", "all sparse"])
def any_product(request, monkeypatch):
    """Every way to the products, in blocks of three items."""
    monkeypatch.setattr(products, "BUSY_SHARE", request.param)
    monkeypatch.setattr(similarity, "COUNT_BLOCK", 14 * 3)
    monkeypatch.setattr(similarity, "RATING_BLOCK", 14 * 3)


@pytest.mark.usefixtures("any_product")
@pytest.mark.parametrize("shrinkage", [0.0, 3.5])
@pytest.mark.parametrize("kind", KINDS)
def test_similarity_equals_the_plain_loop(ratings, kind, shrinkage):
    found = item_similarity(ratings, kind, shrinkage).toarray()
    np.testing.assert_allclose(found, plain_table(ratings, kind, shrinkage), rtol=3e-7, atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_user_similarity_changes_the_places_of_users_and_items(ratings, kind):
    found = user_similarity(ratings, kind).toarray()
    np.testing.assert_allclose(found, plain_table(ratings.T, kind), rtol=3e-7, atol=1e-9)


@pytest.mark.usefixtures("any_product")
def test_cosine_equals_scikit_learn(ratings):
    filled = np.nan_to_num(ratings)
    np.testing.assert_allclose(item_similarity(filled).toarray(), cosine_similarity(filled.T), rtol=3e-7)
    binary = filled > 0
    np.testing.assert_allclose(
        item_similarity(binary).toarray(), cosine_similarity(binary.T.astype(float)), rtol=3e-7
    )


def test_pearson_equals_pandas(ratings):
    varied = np.delete(ratings, [5, 6], axis=1)  # pandas' answers for constant columns are rounding
    expected = pd.DataFrame(varied).corr(min_periods=2).fillna(0).to_numpy()
    np.testing.assert_allclose(item_similarity(varied, "pearson").toarray(), expected, rtol=3e-7, atol=1e-9)


def test_pearson_keeps_its_digits_far_from_zero():
    rng = np.random.default_rng(2)
    ratings = rng.normal(size=(50, 4))
    far = item_similarity(ratings + 1e7, "pearson").toarray()
    np.testing.assert_allclose(far, np.corrcoef(ratings.T), atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_item_nobody_rated_is_similar_to_nothing_not_even_itself(ratings, kind):
    table = item_similarity(ratings, kind).toarray()
    assert not table[3].any()
    assert not table[:, 3].any()


@pytest.mark.parametrize("value", [4.0, 0.1, 1e6 + 1 / 3])
@pytest.mark.parametrize("kind", ["pearson", "adjusted_cosine"])
def test_ratings_that_do_not_vary_give_zero_not_noise(kind, value):
    ratings = sparse.csr_array(np.full((7, 3), value, np.float32))
    assert not item_similarity(ratings, kind).toarray().any()


def test_stored_zero_is_a_rating_in_a_sparse_matrix():
    dense = np.array([[1.0, 0.0], [1.0, 2.0]])
    stored = sparse.csr_array((dense.ravel(), ([0, 0, 1, 1], [0, 1, 0, 1])), shape=(2, 2))
    assert stored.nnz == 4
    assert item_similarity(stored, "jaccard").toarray()[0, 1] == 1.0
    assert item_similarity(dense, "jaccard").toarray()[0, 1] == 0.5


def test_shrinkage_of_three_users_by_two_is_three_fifths():
    ratings = np.ones((3, 2))
    assert item_similarity(ratings, "jaccard", shrinkage=2).toarray()[0, 1] == pytest.approx(3 / 5)


@pytest.mark.usefixtures("any_product")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_neighbours", [1, 4, 99])
def test_neighbours_are_the_largest_positive_similarities_of_others(ratings, kind, n_neighbours):
    table = item_similarity(ratings, kind).toarray()
    near = item_similarity(ratings, kind, n_neighbours=n_neighbours)
    for item, row in enumerate(table):
        row = np.where(row > 0, row, -np.inf)
        row[item] = -np.inf
        best = np.argsort(-row, kind="stable")[:n_neighbours]
        best = best[row[best] > 0]
        found = near[[item]]
        assert found.indices.tolist() == sorted(best)
        np.testing.assert_array_equal(found.data, row[np.sort(best)])


def test_equally_similar_items_go_by_the_lower_row():
    near = item_similarity(np.ones((2, 6)), n_neighbours=2)
    assert near.indices.reshape(6, 2).tolist() == [[1, 2], [0, 2], [0, 1], [0, 1], [0, 1], [0, 1]]


def test_given_matrix_is_left_alone():
    ratings = sparse.csr_array(np.array([[1.0, 2.0, 0.0], [3.0, 4.0, 5.0]]))
    before = ratings.copy()
    for kind in KINDS:
        item_similarity(ratings, kind, shrinkage=1, n_neighbours=2)
    assert (ratings != before).nnz == 0


def test_catalogue_without_items_or_ratings():
    assert item_similarity(np.empty((3, 0))).shape == (0, 0)
    for kind in KINDS:
        assert item_similarity(np.zeros((2, 3)), kind, n_neighbours=2).nnz == 0


def test_nan_in_a_sparse_matrix_is_named():
    ratings = sparse.csr_array(np.array([[1.0, 2.0], [0.0, np.nan]]))
    with pytest.raises(ValueError, match="row 1, column 1 is nan"):
        item_similarity(ratings)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "euclid"}, "no similarity 'euclid'; choose one of cosine, pearson"),
        ({"shrinkage": -1}, "shrinkage must be 0 or more, not -1"),
        ({"shrinkage": float("nan")}, "shrinkage must be 0 or more, not nan"),
        ({"n_neighbours": 0}, "at least 1 .* not 0"),
    ],
)
def test_option_that_means_nothing_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        item_similarity(np.eye(2), **options)


def test_memory_stays_far_below_the_whole_table():
    n_items = 12_000  # the whole table of similarities would take 576 MB
    rng = np.random.default_rng(0)
    pairs = rng.integers(0, 2_000, 60_000), rng.integers(0, n_items, 60_000)
    ratings = sparse.csr_array((np.ones(60_000, np.float32), pairs), shape=(2_000, n_items))
    ratings.data[:] = 1
    tracemalloc.start()
    near = item_similarity(ratings, n_neighbours=10)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert near.shape == (n_items, n_items)
    assert peak < 200e6
