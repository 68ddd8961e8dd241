"""Figures of decisions: what a threshold trades, ROC, reliability, how far a mean could have strayed."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike, NDArray

from coursekit.metrics import calibration_curve, calibration_error
from coursekit.plotting.style import PALETTE, in_course_style


@in_course_style
def plot_thresholds(truth: ArrayLike, scores: ArrayLike, *, ax: Axes | None = None) -> Axes:
    """Precision, recall and F1 of "yes where the score is at least t", over the threshold t.

    Every different score is a threshold, so the lines are exact; the highest F1 is marked and named.

    Args:
        truth: (N,) yes or no.
        scores: (N,) a higher score means rather yes.

    Raises:
        ValueError: when the shapes differ, there is no positive, or a score is NaN.
    """
    thresholds, hits, chosen, positives, _ = _counts(truth, scores)
    precision, recall = hits / chosen, hits / positives
    f1 = 2 * hits / (chosen + positives)
    ax.plot(thresholds, precision, color=PALETTE["blue"], label="precision")
    ax.plot(thresholds, recall, color=PALETTE["vermillion"], label="recall")
    best = int(np.argmax(f1))
    name = f"F1, highest {f1[best]:.2f} at {thresholds[best]:.2f}"
    ax.plot(thresholds, f1, color=PALETTE["green"], label=name)
    ax.plot(thresholds[best], f1[best], "o", color=PALETTE["green"])
    ax.set(ylim=(0, 1.03), xlabel="threshold: yes from this score on", ylabel="precision, recall, F1")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2)
    return ax


@in_course_style
def plot_roc(
    truth: ArrayLike, scores: ArrayLike | Mapping[str, ArrayLike], *, ax: Axes | None = None
) -> Axes:
    """The ROC curve: for every threshold, the positives found over the negatives wrongly called.

    The dashed diagonal is a coin; equal scores move in one slanted step, as the area under the curve
    (ROC-AUC, in the legend) wants it.

    Args:
        truth: (N,) yes or no.
        scores: (N,) a higher score means rather yes; or a name for each of several such arrays.

    Raises:
        ValueError: when the shapes differ, a class is missing, or a score is NaN.
    """
    curves = scores if isinstance(scores, Mapping) else {"": scores}
    colours = [colour for name, colour in PALETTE.items() if name not in ("black", "grey")]
    ax.plot([0, 1], [0, 1], color=PALETTE["grey"], linewidth=1, linestyle="--", label="a coin: AUC 0.5")
    for colour, (name, one) in zip(colours, curves.items(), strict=False):
        _, hits, chosen, positives, negatives = _counts(truth, one)
        if not negatives:
            raise ValueError("no negative among the truths, and a ROC curve needs both classes")
        found = np.concatenate([[0], hits / positives])
        wrong = np.concatenate([[0], (chosen - hits) / negatives])
        area = f"AUC {np.trapezoid(found, wrong):.3f}"
        ax.plot(wrong, found, color=colour, label=f"{name}: {area}" if name else area)
    ax.set(xlim=(0, 1), ylim=(0, 1.02))
    ax.set_xlabel("false positive rate: share of the negatives called yes")
    ax.set_ylabel("true positive rate (recall)")
    ax.legend(loc="lower right")
    return ax


@in_course_style
def plot_reliability(
    truth: ArrayLike,
    probabilities: ArrayLike | Mapping[str, ArrayLike],
    *,
    bins: int = 10,
    equal: str = "width",
    ax: Axes | None = None,
) -> Axes:
    """Reliability diagram: of what was given a probability, how much came true (Guo et al., 2017)?

    On the dashed diagonal predictions come true as often as they say; below it they promise too much. A
    dot grows with its bin's share of the examples: a small one far off means little. The legend has the
    expected calibration error.

    Args:
        truth: (N,) yes or no.
        probabilities: (N,) of yes; or a name for each of several such arrays.
        bins, equal: as in `calibration_curve`.

    Raises:
        ValueError: as `calibration_curve`.
    """
    curves = probabilities if isinstance(probabilities, Mapping) else {"": probabilities}
    colours = [colour for name, colour in PALETTE.items() if name not in ("black", "grey")]
    ax.plot([0, 1], [0, 1], color=PALETTE["grey"], linewidth=1, linestyle="--", label="as often as it says")
    for colour, (name, one) in zip(colours, curves.items(), strict=False):
        curve = calibration_curve(truth, one, bins, equal=equal)
        error = f"error {calibration_error(truth, one, bins, equal=equal):.3f}"
        x, y = curve["predicted"], curve["observed"]
        ax.plot(x, y, color=colour, linewidth=1.2, label=f"{name}: {error}" if name else error)
        ax.scatter(
            x, y, 20 + 300 * curve["count"] / curve["count"].sum(), color=colour, alpha=0.7, linewidth=0
        )
    ax.set(
        xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xlabel="predicted probability", ylabel="share that came true"
    )
    ax.legend(loc="upper left")
    return ax


@in_course_style
def plot_bootstrap(
    means: ArrayLike,
    interval: tuple[float, float],
    *,
    what: str = "mean of a resample",
    ax: Axes | None = None,
) -> Axes:
    """Histogram of resampled means with their interval, and a dashed line at 0 where it is in sight.

    Args:
        means: (B,) one mean for each resample, such as `bootstrap_means` returns.
        interval: its lower and upper end.
        what: what the means are, below the axis.

    Raises:
        ValueError: when there is no mean.
    """
    means = np.asarray(means, np.float64)
    if not means.size:
        raise ValueError("there are no means to draw")
    low, high = interval
    ax.hist(means, bins=40, color=PALETTE["sky"])
    ax.axvspan(low, high, color=PALETTE["blue"], alpha=0.15, linewidth=0)
    for end in (low, high):
        ax.axvline(end, color=PALETTE["blue"], linewidth=1.2)
    span = np.ptp(means)
    if means.min() - 2 * span <= 0 <= means.max() + 2 * span:
        ax.axvline(0, color=PALETTE["black"], linewidth=1.2, linestyle="--")
    ax.set_title(f"interval {low:.4f} to {high:.4f}".replace("-", "\N{MINUS SIGN}"))
    ax.set_xlabel(what)
    ax.set_ylabel(f"resamples (of {means.size:,})")
    ax.grid(False, axis="x")
    return ax


def _counts(
    truth: ArrayLike, scores: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64], int, int]:
    """Thresholds falling, and at each the positives found and all that were called yes; both classes."""
    truth, scores = np.asarray(truth, bool), np.asarray(scores, np.float64)
    if truth.ndim != 1 or truth.shape != scores.shape:
        raise ValueError(f"truth {truth.shape} and scores {scores.shape} must be two rows of one length")
    if np.isnan(scores).any():
        raise ValueError(f"score {int(np.argmax(np.isnan(scores)))} is NaN")
    if not truth.any():
        raise ValueError("no positive among the truths")
    order = np.argsort(-scores, kind="stable")
    # Only the last of equal scores is a threshold: they are all called yes together.
    last = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    positives = int(truth.sum())
    return scores[order][last], np.cumsum(truth[order])[last], last + 1, positives, len(truth) - positives
