"""Figures of the data itself: the long tail, a table of numbers, the moment of a split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.dates as mdates
import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, to_rgb
from matplotlib.image import AxesImage
from numpy.typing import ArrayLike, NDArray

from coursekit.metrics import gini
from coursekit.plotting.style import PALETTE, in_course_style

MOST_NUMBERED_CELLS = 225  # a table larger than 15 × 15 has no room for numbers


@in_course_style
def plot_popularity(
    counts: ArrayLike,
    *,
    items: str = "courses",
    events: str = "enrolments",
    head: float = 0.1,
    ax: Axes | None = None,
) -> Axes:
    """The long tail: how often each item was met, most popular first, with the Lorenz curve inside.

    The Lorenz curve gives, for the least popular share of the items, their share of all events; the Gini
    coefficient is twice the area between it and the diagonal of equal shares: 0 where all are alike, near 1
    where one has all.

    Args:
        counts: (n_items,) events of each item, those without any included.
        items, events: what to call them, in the plural.
        head: the share of most popular items to mark, 0 to 1.

    Raises:
        ValueError: for no, negative or only zero counts, or a `head` outside 0 to 1.
    """
    if not 0 < head < 1:
        raise ValueError(f"head={head} must lie between 0 and 1")
    unevenness = gini(counts)
    ordered = np.sort(np.asarray(counts, np.float64))[::-1]
    n_head = max(1, round(head * len(ordered)))
    share = 100 * ordered[:n_head].sum() / ordered.sum()
    ranks = np.arange(len(ordered) + 1)
    ax.stairs(ordered[:n_head], ranks[: n_head + 1], fill=True, color=PALETTE["vermillion"])
    ax.stairs(ordered[n_head:], ranks[n_head:], fill=True, color=PALETTE["blue"])
    ax.set(xlim=(0, len(ordered)), ylim=(0, None))
    ax.set_xlabel(f"{items}, most popular first")
    ax.set_ylabel(f"{events} of each")
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.set_title(f"{100 * head:.0f} % of the {items} receive {share:.0f} % of the {events}")
    _lorenz(ax.inset_axes((0.55, 0.34, 0.42, 0.62)), ordered[::-1], unevenness, items, events)
    return ax


def _lorenz(ax: Axes, ascending: NDArray[np.float64], unevenness: float, items: str, events: str) -> None:
    share = np.concatenate([[0], np.cumsum(ascending)]) / ascending.sum()
    of_items = np.linspace(0, 1, len(share))
    ax.plot([0, 1], [0, 1], color=PALETTE["grey"], linewidth=1, linestyle="--")
    ax.plot(of_items, share, color=PALETTE["blue"])
    ax.fill_between(of_items, share, of_items, color=PALETTE["sky"], alpha=0.25, linewidth=0)
    ax.text(0.06, 0.93, f"Gini {unevenness:.2f}", va="top", weight="bold", transform=ax.transAxes)
    ax.set(xlim=(0, 1), ylim=(0, 1), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    ax.set_xlabel(f"share of {items}", fontsize="small", labelpad=1)
    ax.set_ylabel(f"share of {events}", fontsize="small", labelpad=1)
    ax.tick_params(labelsize="small")


@in_course_style
def plot_similarity(
    matrix: ArrayLike,
    labels: Sequence[str],
    *,
    columns: Sequence[str] | None = None,
    what: str = "similarity",
    digits: int = 2,
    ax: Axes | None = None,
) -> Axes:
    """A table of numbers as a heat map, with the numbers written in (up to 15 × 15).

    Numbers of both signs get two colours that meet in white at zero; a missing one (NaN) is grey with a dash.

    Args:
        matrix: (n, m), for example the (n, n) similarities of n items.
        labels: n names of the rows.
        columns: m names of the columns; by default the rows' names.
        what: what the colour means.
        digits: how many digits follow the point.

    Raises:
        ValueError: when the table is not two-dimensional or has another number of rows than names.
    """
    matrix = np.ma.masked_invalid(np.asarray(matrix, np.float64))
    columns = labels if columns is None else columns
    if matrix.shape != (len(labels), len(columns)):
        raise ValueError(f"a table of shape {matrix.shape} cannot have {len(labels)} × {len(columns)} names")
    low, high = _limits(matrix)
    colours = _with_grey_gaps("RdBu" if low < 0 else "Blues")
    image = ax.imshow(matrix, cmap=colours, vmin=low, vmax=high, aspect="auto")
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    ax.set_yticks(range(len(labels)), [str(label) for label in labels])
    slanted = max(len(str(label)) for label in columns) * len(columns) > 45
    turn = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    ax.set_xticks(range(len(columns)), [str(label) for label in columns], **turn)
    if matrix.size <= MOST_NUMBERED_CELLS:
        _write_numbers(ax, matrix, image, digits)
    bar = ax.figure.colorbar(image, ax=ax, label=what)
    bar.outline.set_visible(False)
    return ax


def _limits(matrix: np.ma.MaskedArray) -> tuple[float, float]:
    if not matrix.count():
        return 0.0, 1.0
    low, high = float(matrix.min()), float(matrix.max())
    if low < 0:
        furthest = max(-low, high)
        return -furthest, furthest
    return 0.0, high or 1.0


def _with_grey_gaps(name: str) -> Colormap:
    return colormaps[name].with_extremes(bad="#DDDDDD")


def _write_numbers(ax: Axes, matrix: np.ma.MaskedArray, image: AxesImage, digits: int) -> None:
    size = "medium" if max(matrix.shape) <= 8 else "x-small"
    for (row, column), value in np.ndenumerate(matrix.filled(np.nan)):
        text = "–" if np.isnan(value) else f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")
        background = image.cmap(image.norm(value)) if not np.isnan(value) else to_rgb("#DDDDDD")
        # Perceived brightness (ITU-R BT.601) decides between black and white figures.
        brightness = np.dot(background[:3], (0.299, 0.587, 0.114))
        colour = "white" if brightness < 0.55 else "black"
        ax.text(column, row, text, ha="center", va="center", color=colour, fontsize=size)


@in_course_style
def plot_evidence(
    n_common: ArrayLike,
    similarities: Mapping[str, ArrayLike],
    *,
    common: str = "learners in common",
    what: str = "similarity",
    most: int = 4000,
    ax: Axes | None = None,
) -> Axes:
    """Similarity over the evidence it rests on: a dot a pair, one colour for each way to measure.

    Args:
        n_common: (P,) how much the two of each pair have in common, above 0 (the axis is logarithmic).
        similarities: a name for each array (P,) of the pairs' similarities.
        common: what is counted, below the axis.
        what: what the similarity is, beside the axis.
        most: of more pairs than this, a random sample is drawn, always the same.

    Raises:
        ValueError: when there is no pair, a count is not above 0, or the lengths differ.
    """
    n_common = np.asarray(n_common)
    if not len(n_common) or n_common.min() <= 0:
        raise ValueError("every pair must have something in common, and there must be a pair")
    drawn = np.arange(len(n_common))
    if len(drawn) > most:
        drawn = np.random.default_rng(0).choice(drawn, most, replace=False)
    colours = ["vermillion", "blue", "green", "purple", "orange", "sky", "black"]
    for (name, values), colour in zip(similarities.items(), cycle(colours), strict=False):
        values = np.asarray(values)
        if values.shape != n_common.shape:
            raise ValueError(f"{name}: {values.shape} similarities for {n_common.shape} counts")
        ax.scatter(n_common[drawn], values[drawn], s=3, alpha=0.4, color=PALETTE[colour], label=name)
    ax.legend(markerscale=4)
    ax.set(xscale="log", xlabel=f"{common} (logarithmic)", ylabel=what)
    return ax


@in_course_style
def plot_timeline(
    times: ArrayLike,
    cutoff: float | str | pd.Timestamp | None = None,
    *,
    events: str = "enrolments",
    ax: Axes | None = None,
) -> Axes:
    """Events over time, and the moment that parts training from test data.

    Args:
        times: (N,) Unix seconds (UTC), as in `Interactions.time`.
        cutoff: the moment of the split, as Unix seconds or as a date such as "2026-07-01"; None draws none.
            Events at the cutoff or later belong to the test.
        events: what to call the events, in the plural.

    Raises:
        ValueError: when there are no times.
    """
    seconds = np.asarray(times, np.float64)
    if not seconds.size:
        raise ValueError("there are no times to draw")
    days = seconds / 86_400  # matplotlib counts days since 1970, too
    width, unit = _bin_width(np.ptp(days))
    edges = np.arange(np.floor(days.min() / width), np.floor(days.max() / width) + 2) * width
    if cutoff is None:
        ax.hist(days, edges, color=PALETTE["blue"])
    else:
        _parted(ax, days, edges, _as_days(cutoff))
    locator = mdates.AutoDateLocator(minticks=3, maxticks=7)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator, show_offset=False))
    ax.grid(False, axis="x")
    ax.set_ylabel(f"{events} a {unit}")
    ax.yaxis.set_major_formatter("{x:,.0f}")
    ax.set_xlabel("date (UTC)")
    return ax


def _bin_width(span_in_days: float) -> tuple[float, str]:
    for width, unit in ((7, "week"), (1, "day")):
        if span_in_days > 20 * width:
            return width, unit
    return 1 / 24, "hour"


def _as_days(moment: float | str | pd.Timestamp) -> float:
    if isinstance(moment, (int, float, np.integer, np.floating)):
        return float(moment) / 86_400
    stamp = pd.Timestamp(moment)
    stamp = stamp.tz_localize("UTC") if stamp.tzinfo is None else stamp
    return stamp.timestamp() / 86_400


def _parted(ax: Axes, days: NDArray[np.float64], edges: NDArray[np.float64], cutoff: float) -> None:
    parts = [days[days < cutoff], days[days >= cutoff]]
    names = [f"train: {len(parts[0]):,}", f"test: {len(parts[1]):,}"]
    colours = [PALETTE["blue"], PALETTE["vermillion"]]
    ax.hist(parts, edges, stacked=True, color=colours, label=names)
    ax.axvline(cutoff, color=PALETTE["black"], linewidth=1.2, linestyle="--")
    day = mdates.num2date(cutoff).strftime("%Y-%m-%d")
    # Room above the bars for the legend and the date.
    ax.set_ylim(0, ax.get_ylim()[1] * 1.22)
    left = cutoff > (edges[0] + edges[-1]) / 2
    beside = {"xytext": (-4 if left else 4, -2), "ha": "right" if left else "left"}
    beside |= {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "va": "top"}
    ax.annotate(f"cutoff {day}", (cutoff, 1), **beside)
    ax.legend(loc="upper left" if left else "upper right", ncols=1)
