import numpy as np
import pytest
from sklearn import calibration

from coursekit.metrics import calibration_curve, calibration_error


@pytest.fixture(scope="module")
def said():
    """Probabilities, and what happens when they are right."""
    rng = np.random.default_rng(0)
    probabilities = rng.beta(1, 3, 4000)
    return rng.random(4000) < probabilities, probabilities


def test_curve_of_a_few_numbers_by_hand():
    curve = calibration_curve([0, 1, 1, 1, 0], [0.1, 0.2, 0.6, 0.7, 0.95], bins=4)
    assert curve.columns.tolist() == ["low", "high", "predicted", "observed", "count"]
    assert curve["low"].tolist() == [0.0, 0.5, 0.75]  # nothing lies between 0.25 and 0.5
    assert curve["high"].tolist() == [0.25, 0.75, 1.0]
    np.testing.assert_allclose(curve["predicted"], [0.15, 0.65, 0.95])
    np.testing.assert_allclose(curve["observed"], [0.5, 1.0, 0.0])
    assert curve["count"].tolist() == [2, 2, 1]


def test_error_is_the_gaps_weighed_by_their_bins_share():
    error = calibration_error([0, 1, 1, 1, 0], [0.1, 0.2, 0.6, 0.7, 0.95], bins=4)
    assert error == pytest.approx((2 * 0.35 + 2 * 0.35 + 1 * 0.95) / 5)


@pytest.mark.parametrize(("mine", "theirs"), [("width", "uniform"), ("count", "quantile")])
def test_curve_is_scikit_learns(said, mine, theirs):
    observed, predicted = calibration.calibration_curve(*said, n_bins=10, strategy=theirs)
    curve = calibration_curve(*said, 10, equal=mine)
    # Its quantiles lie between examples, so that a border may part two neighbours differently.
    tolerance = 1e-12 if mine == "width" else 2 / 400
    np.testing.assert_allclose(curve["observed"], observed, atol=tolerance)
    np.testing.assert_allclose(curve["predicted"], predicted, atol=tolerance)


@pytest.mark.parametrize("bins", [1, 3, 7, 10, 20])
def test_a_border_belongs_to_the_upper_bin_and_one_to_the_last(bins):
    borders = np.arange(bins + 1) / bins
    curve = calibration_curve(np.zeros(bins + 1), borders, bins)
    assert curve["count"].tolist() == [1] * (bins - 1) + [2]


@pytest.mark.parametrize("bins", [1, 3, 7, 400])
def test_bins_of_equal_count_differ_by_one_at_most(said, bins):
    counts = calibration_curve(*said, bins, equal="count")["count"]
    assert len(counts) == bins
    assert counts.sum() == 4000
    assert np.ptp(counts) <= 1


def test_equal_probabilities_stay_together():
    curve = calibration_curve([0, 1, 0, 1, 1, 1], [0.2, 0.2, 0.2, 0.2, 0.9, 0.9], bins=3, equal="count")
    assert curve["count"].tolist() == [4, 2]
    assert calibration_curve([0, 1], [0.5, 0.5], bins=4, equal="count")["count"].tolist() == [2]
    assert calibration_curve([1], [1.0], bins=3, equal="count")["count"].tolist() == [1]


@pytest.mark.parametrize("equal", ["width", "count"])
def test_probabilities_that_come_true_have_a_small_error_and_others_a_large_one(said, equal):
    truth, right = said
    assert calibration_error(truth, right, equal=equal) < 0.02
    assert calibration_error(truth, right**0.5, equal=equal) > 0.15  # too high
    assert calibration_error(~truth, right, equal=equal) > 0.4
    logit = np.log(right / (1 - right))
    assert calibration_error(truth, 1 / (1 + np.exp(-3 * logit)), equal=equal) > 0.05  # too sure


def test_the_base_rate_for_everybody_is_calibrated_and_useless():
    truth = np.array([0, 0, 1, 0])
    assert calibration_error(truth, np.full(4, 0.25)) == 0


@pytest.mark.parametrize(
    ("truth", "probabilities", "message"),
    [
        ([0, 1], [0.5], "one length"),
        ([], [], "at least 1"),
        ([[0, 1]], [[0.1, 0.2]], "one length"),
        ([0, 2], [0.1, 0.2], "truth 1 is 2"),
        ([0, np.nan], [0.1, 0.2], "truth 1 is nan"),
        ([0, 1], [0.1, 1.2], r"probability 1 is 1.2, outside 0 … 1.*sigmoid"),
        ([0, 1], [np.nan, 0.2], "probability 0 is nan"),
    ],
)
def test_what_is_no_truth_or_no_probability_is_named(truth, probabilities, message):
    for function in (calibration_curve, calibration_error):
        with pytest.raises(ValueError, match=message):
            function(truth, probabilities)


def test_unknown_options_are_refused():
    with pytest.raises(ValueError, match=r"equal='size'.*'width' or 'count'"):
        calibration_curve([0], [0.1], equal="size")
    for bins in (0, 2.5, True):
        with pytest.raises(ValueError, match=r"bins=.*at least 1"):
            calibration_curve([0], [0.1], bins)
