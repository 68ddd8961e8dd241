import numpy as np
import pytest
from scipy import sparse

from coursekit.metrics import top_k


def by_sorting(scores: np.ndarray, k: int) -> np.ndarray:
    """The definition, slowly."""
    best = np.full((len(scores), k), -1)
    for user, row in enumerate(scores.tolist()):
        order = sorted((item for item in range(len(row)) if row[item] > -np.inf), key=lambda i: (-row[i], i))
        best[user, : len(order[:k])] = order[:k]
    return best


KINDS = {
    "distinct": lambda rng, shape: rng.standard_normal(shape),
    "float32": lambda rng, shape: rng.standard_normal(shape).astype(np.float32),
    "few values": lambda rng, shape: np.round(rng.standard_normal(shape)),
    "mostly zero": lambda rng, shape: np.maximum(rng.standard_normal(shape) - 2, 0),
    "constant": lambda rng, shape: np.ones(shape),
    "mostly struck out": lambda rng, shape: np.where(rng.random(shape) < 0.97, -np.inf, rng.random(shape)),
    "infinite": lambda rng, shape: np.where(rng.random(shape) < 0.2, np.inf, rng.random(shape)),
    "column-major": lambda rng, shape: np.asfortranarray(np.round(rng.standard_normal(shape), 1)),
    "whole numbers": lambda rng, shape: rng.integers(-3, 4, shape),
    "half precision": lambda rng, shape: rng.standard_normal(shape).astype(np.float16),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("n_users", "n_items", "k"), [(1, 1, 1), (4, 7, 11), (7, 60, 10), (5, 700, 3), (230, 900, 10)]
)
def test_equals_a_plain_sort(kind, n_users, n_items, k):
    scores = KINDS[kind](np.random.default_rng(n_items), (n_users, n_items))
    np.testing.assert_array_equal(top_k(scores, k), by_sorting(scores, k), strict=True)


def test_more_than_one_block_of_rows_is_put_together_in_order():
    scores = np.random.default_rng(0).standard_normal((21, 20_000))  # several blocks
    np.testing.assert_array_equal(top_k(scores, 4), by_sorting(scores, 4))


def test_long_lists_use_groups_enough():
    scores = np.random.default_rng(1).standard_normal((3, 2_000))
    np.testing.assert_array_equal(top_k(scores, 500), by_sorting(scores, 500))


def test_ties_go_to_the_lower_item_index():
    np.testing.assert_array_equal(top_k([[1.0, 2.0, 2.0, 1.0]], 3), [[1, 2, 0]])


def test_k_beyond_the_catalogue_is_padded():
    np.testing.assert_array_equal(top_k([[1.0, 2.0]], 4), [[1, 0, -1, -1]])


def test_a_row_of_minus_infinity_gives_only_padding():
    np.testing.assert_array_equal(top_k(np.full((1, 300), -np.inf), 2), [[-1, -1]])


def test_an_empty_catalogue_and_no_users_are_no_error():
    assert top_k(np.empty((2, 0)), 3).tolist() == [[-1, -1, -1]] * 2
    assert top_k(np.empty((0, 5)), 3).shape == (0, 3)


def test_excluded_items_are_never_returned_and_scores_stay_untouched():
    rng = np.random.default_rng(2)
    scores = rng.standard_normal((400, 800)).astype(np.float32)
    before = scores.copy()
    seen = sparse.csr_array((rng.random(scores.shape) < 0.3).astype(np.float32))
    struck = np.where(seen.toarray() > 0, -np.inf, scores)
    np.testing.assert_array_equal(top_k(scores, 10, exclude=seen), by_sorting(struck, 10))
    np.testing.assert_array_equal(scores, before)


def test_nan_is_refused_with_its_row():
    scores = np.zeros((90, 5_000))
    scores[77, 4_999] = np.nan
    with pytest.raises(ValueError, match="row 77, column 4999 is NaN"):
        top_k(scores, 2)


@pytest.mark.parametrize("k", [0, -1, 2.5, True])
def test_bad_k_is_quoted(k):
    with pytest.raises(ValueError, match=rf"k must be a whole number of at least 1, not {k}"):
        top_k([[1.0]], k)


def test_bad_shapes_are_quoted():
    with pytest.raises(ValueError, match=r"not \(3,\)"):
        top_k([1.0, 2.0, 3.0], 1)
    with pytest.raises(ValueError, match=r"exclude has the shape \(1, 2\), the scores have \(1, 3\)"):
        top_k([[1.0, 2.0, 3.0]], 1, exclude=sparse.csr_array((1, 2)))
    with pytest.raises(TypeError, match="must be a sparse matrix, not list"):
        top_k([[1.0]], 1, exclude=[[True]])
