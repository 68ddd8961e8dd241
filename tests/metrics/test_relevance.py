import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from coursekit.interactions import Interactions
from coursekit.metrics import count_relevant, graded_relevance, relevance

TEST = sparse.csr_array(np.array([[1, 0, 1, 0], [0, 0, 0, 0], [0, 5, 3, 0]], dtype=np.float32))


def test_hits_are_the_held_out_items():
    hits = relevance([[2, 1], [0, 1], [-1, -1]], TEST)
    np.testing.assert_array_equal(hits, [[True, False], [False, False], [False, False]], strict=True)
    assert count_relevant(TEST).tolist() == [2, 0, 2]


def test_users_say_whose_list_it_is():
    assert relevance([[1], [1]], TEST, users=[2, 0]).tolist() == [[True], [False]]
    assert count_relevant(TEST, users=[2, 2, 1]).tolist() == [2, 2, 0]


def test_the_last_item_of_the_last_user_can_be_hit_and_padding_cannot():
    test = sparse.csr_array(np.array([[0, 1], [0, 1]]))
    assert relevance([[-1, 1], [1, -1]], test).tolist() == [[False, True], [True, False]]


def test_equals_a_lookup_in_a_dense_matrix():
    rng = np.random.default_rng(0)
    dense = rng.random((200, 60)) < 0.2
    ranked = rng.permuted(np.tile(np.arange(60), (200, 1)), axis=1)[:, :15]
    hits = relevance(ranked, sparse.csr_array(dense))
    np.testing.assert_array_equal(hits, np.take_along_axis(dense, ranked, axis=1))


def test_every_pair_of_interactions_is_relevant_even_with_value_zero_but_zeros_of_a_matrix_are_not():
    frame = pd.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "x"], "value": [0.0, 1.0, 2.0]})
    data = Interactions.from_frame(frame, time=None)
    assert count_relevant(data).tolist() == [2, 1]
    stored_zero = sparse.csr_array((np.array([0.0, 1.0]), ([0, 0], [0, 1])), shape=(1, 2))
    assert relevance([[0, 1]], stored_zero).tolist() == [[False, True]]
    assert stored_zero.nnz == 2  # the caller's matrix is left as it was


def test_unsorted_and_double_entries_count_once():
    messy = sparse.csr_array((np.ones(3), np.array([2, 0, 2]), np.array([0, 3])), shape=(1, 3))
    assert count_relevant(messy).tolist() == [2]
    assert relevance([[0, 1, 2]], messy).tolist() == [[True, False, True]]
    assert messy.nnz == 3


def test_graded_relevance_gives_values_and_the_ideal_order():
    gains, ideal = graded_relevance([[0, 1], [0, 1], [2, 0]], TEST)
    assert gains.tolist() == [[1, 0], [0, 0], [3, 0]]
    assert ideal.tolist() == [[1, 1], [0, 0], [5, 3]]


@pytest.mark.parametrize(
    ("ranked", "message"),
    [
        ([[0, 0], [1, 2], [1, 2]], "list 0 names item 0 more than once"),
        ([[0, 1], [1, 4], [1, 2]], "list 1 names item 4 at place 1; items go from 0 to 3"),
        ([[0, 1], [1, -2], [1, 2]], "list 1 names item -2"),
        ([[0.0, 1.0]] * 3, "not float64"),
        ([0, 1, 2], r"of shape \(3,\)"),
        ([[0, 1]], "1 ranked lists for 3 users"),
    ],
)
def test_what_cannot_be_a_ranking_is_refused(ranked, message):
    with pytest.raises(ValueError, match=message):
        relevance(ranked, TEST)


def test_padding_may_repeat():
    assert not relevance([[-1, -1]] * 3, TEST).any()


def test_unknown_users_and_dense_test_data_are_refused():
    with pytest.raises(IndexError, match="user 3 is outside the data's 3 users"):
        relevance([[0]], TEST, users=[3])
    with pytest.raises(TypeError, match="must be Interactions or a sparse matrix, not ndarray"):
        relevance([[0]], np.ones((1, 1)))
