"""Do predicted probabilities come true as often as they say?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray


def calibration_curve(
    truth: ArrayLike, probabilities: ArrayLike, bins: int = 10, *, equal: str = "width"
) -> pd.DataFrame:
    """What was predicted beside what happened, bin by bin: the numbers of a reliability diagram.

    A probability on the border of two bins belongs to the upper one, 1 to the last.

    Args:
        truth: (N,) yes or no.
        probabilities: (N,) of yes, between 0 and 1.
        bins: number of bins M.
        equal: "width" cuts 0 … 1 into M bins as wide as each other (Guo et al., 2017). "count" puts as many
            examples into each as into the others (Naeini et al., 2015), nearly: equal probabilities stay
            together, so there may be fewer bins.

    Returns:
        One row a bin that holds an example, lowest first: low and high (its bounds), predicted (mean
        probability), observed (share of yes), count.

    Raises:
        ValueError: when the lengths differ or are 0, a truth is neither yes nor no, a probability is NaN or
            lies outside 0 … 1, or an option is unknown.

    Example:
        >>> calibration_curve([0, 1, 1], [0.1, 0.6, 0.8], bins=2)["observed"].tolist()
        [0.0, 1.0]
    """
    truth, probabilities = _checked(truth, probabilities)
    borders = _borders(probabilities, bins, equal)
    place = np.searchsorted(borders[1:-1], probabilities, side="right")
    count = np.bincount(place, minlength=len(borders) - 1)
    some = count > 0
    means = {
        name: np.bincount(place, values, minlength=len(count))[some] / count[some]
        for name, values in (("predicted", probabilities), ("observed", truth))
    }
    return pd.DataFrame({"low": borders[:-1][some], "high": borders[1:][some], **means, "count": count[some]})


def calibration_error(
    truth: ArrayLike, probabilities: ArrayLike, bins: int = 10, *, equal: str = "width"
) -> float:
    """Expected calibration error: how far, on average, a prediction is from what happens.

    ECE = Σ_m (n_m / N) |observed_m - predicted_m| over the bins m  (Naeini et al., 2015; Guo et al., 2017)

    0 is perfect. It says nothing about telling yes from no: predicting the base rate for everybody has an
    error of 0. With few examples in a bin chance alone makes it positive, and it depends on the bins:
    compare models with the same ones.

    Args:
        truth, probabilities, bins, equal: as in `calibration_curve`.

    Raises:
        ValueError: as `calibration_curve`.

    Example:
        >>> round(calibration_error([0, 1, 1], [0.1, 0.6, 0.8], bins=2), 3)
        0.233
    """
    curve = calibration_curve(truth, probabilities, bins, equal=equal)
    gaps = (curve["observed"] - curve["predicted"]).abs()
    return float((gaps * curve["count"]).sum() / curve["count"].sum())


def _checked(truth: ArrayLike, probabilities: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    truth, probabilities = np.asarray(truth, np.float64), np.asarray(probabilities, np.float64)
    if truth.ndim != 1 or truth.shape != probabilities.shape or not len(truth):
        shapes = f"truth {truth.shape} and probabilities {probabilities.shape}"
        raise ValueError(f"{shapes} must be two rows of one length, at least 1")
    if not np.isin(truth, (0, 1)).all():
        row = int(np.argmin(np.isin(truth, (0, 1))))
        raise ValueError(f"truth {row} is {truth[row]:g}: it must be 0 (no) or 1 (yes)")
    inside = (probabilities >= 0) & (probabilities <= 1)
    if not inside.all():
        row = int(np.argmin(inside))
        raise ValueError(
            f"probability {row} is {probabilities[row]:g}, outside 0 … 1; is it before the sigmoid?"
        )
    return truth, probabilities


def _borders(probabilities: NDArray[np.float64], bins: int, equal: str) -> NDArray[np.float64]:
    if isinstance(bins, bool) or int(bins) != bins or bins < 1:
        raise ValueError(f"bins={bins!r} must be a whole number of at least 1")
    if equal == "width":
        return np.arange(bins + 1) / bins  # 3 / 10 is 0.3; linspace makes it 0.30000000000000004
    if equal != "count":
        raise ValueError(f"equal={equal!r}: choose 'width' or 'count'")
    ordered = np.sort(probabilities)
    firsts = np.unique(ordered[np.arange(1, bins) * len(ordered) // bins])
    return np.concatenate([[0.0], firsts[firsts > ordered[0]], [1.0]])
