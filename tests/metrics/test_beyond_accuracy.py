import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from coursekit.metrics import coverage, gini, novelty, ratings, recommendation_counts


def test_coverage_is_the_share_of_items_recommended_to_anyone():
    assert coverage([[0, 1], [1, -1]], 4) == 0.5
    assert coverage(np.full((3, 2), -1), 4) == 0.0
    assert recommendation_counts([[0, 1], [1, -1]], 4).tolist() == [1, 2, 0, 0]


def test_gini_is_half_the_mean_absolute_difference_over_the_mean():
    counts = np.random.default_rng(0).pareto(1.2, 200)
    differences = np.abs(counts[:, None] - counts[None, :]).mean()
    assert gini(counts) == pytest.approx(differences / (2 * counts.mean()), abs=1e-12)


def test_gini_at_its_ends():
    assert gini([3, 3, 3]) == pytest.approx(0, abs=1e-15)
    assert gini([0, 0, 0, 0, 7]) == pytest.approx(0.8, abs=1e-15)
    assert gini([5]) == 0.0


def test_novelty_is_mean_self_information():
    popularity = np.array([8, 4, 2, 2])
    np.testing.assert_allclose(
        novelty([[0, 1], [2, 3], [1, -1], [-1, -1]], popularity), [1.5, 3, 2, np.nan], rtol=1e-15
    )


def test_an_item_without_interactions_is_as_novel_as_one_with_one():
    np.testing.assert_array_equal(novelty([[0]], [0, 4, 1]), novelty([[2]], [0, 4, 1]))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: coverage([[4]], 4), "item 4 is outside the catalogue of 4"),
        (lambda: coverage([[-2]], 4), "item -2 is outside"),
        (lambda: coverage([[0]], 0), "n_items must be at least 1, not 0"),
        (lambda: coverage([[0.5]], 4), "not float64"),
        (lambda: gini([]), "counts must be one row of numbers"),
        (lambda: gini([1, -1]), "at least 0"),
        (lambda: gini([1, np.nan]), "at least 0"),
        (lambda: gini([0, 0]), "nothing to share out"),
        (lambda: novelty([[0]], [0, 0]), "not all of them 0"),
        (lambda: novelty([[2]], [1, 1]), "item 2 is outside"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_rating_and_classification_metrics_are_scikit_learns_own():
    assert ratings.rmse is sklearn_metrics.root_mean_squared_error
    assert ratings.binary_precision is sklearn_metrics.precision_score
    for name in ratings.__all__:
        assert getattr(ratings, name).__module__.startswith("sklearn.")
