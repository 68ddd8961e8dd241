"""The figure of attention: who looks at whom, and how much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from coursekit.plotting.style import in_course_style

MOST_LABELS = 20  # more of them would overlap at the course's size
LONGEST_LABEL = 20


@in_course_style
def plot_attention(
    weights: ArrayLike,
    queries: Sequence[object] | None = None,
    keys: Sequence[object] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Attention weights as a heat map: row q shows how step q spreads its attention over the keys.

    The darker, the more; 0 is white and the darkest is the largest weight. One blue says all, so the figure
    reads the same in print and for every kind of colour vision. Where there are more than 20 steps, only
    every second (third, …) is labelled.

    Args:
        weights: (Q, K) numbers of 0 or more; of a padded batch, cut the padding off first. NaN is grey.
        queries: Q names of the rows; None numbers them from 1. Long names are cut at 20 characters.
        keys: K names of the columns; None takes the queries' where Q = K, and numbers otherwise.

    Raises:
        ValueError: when the weights are not two-dimensional, negative or not as many as the names.
    """
    weights = np.ma.masked_invalid(np.asarray(weights, np.float64))
    if weights.ndim != 2 or not weights.size:
        raise ValueError(
            f"weights of shape {weights.shape} are no table (queries, keys): "
            "choose one history, one block and one head"
        )
    if weights.min() < 0:
        raise ValueError(f"a weight is {weights.min():.3g}; attention weights lie between 0 and 1")
    if keys is None and queries is not None and len(queries) == weights.shape[1]:
        keys = queries
    rows = _names(queries, weights.shape[0], "queries")
    columns = _names(keys, weights.shape[1], "keys")
    image = ax.imshow(weights, cmap="Blues", vmin=0, vmax=float(weights.max()) or 1.0, aspect="auto")
    ax.set_facecolor("#DDDDDD")  # shows through where a weight is missing
    ax.grid(False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    _label(ax, rows, columns)
    ax.set_xlabel("looked at (keys)")
    ax.set_ylabel("looks (queries)")
    ax.figure.colorbar(image, ax=ax, label="attention weight").outline.set_visible(False)
    return ax


def _names(labels: Sequence[object] | None, n: int, what: str) -> list[str]:
    if labels is None:
        return [str(number) for number in range(1, n + 1)]
    if len(labels) != n:
        raise ValueError(f"{len(labels)} {what} for {n} of the weights; give one name each")
    names = [str(label) for label in labels]
    return [
        name if len(name) <= LONGEST_LABEL else name[: LONGEST_LABEL - 1].rstrip() + "…" for name in names
    ]


def _label(ax: Axes, rows: list[str], columns: list[str]) -> None:
    shown, places = rows[:: _every(rows)], range(0, len(rows), _every(rows))
    ax.set_yticks(places, shown, fontsize=_size(shown))
    shown, places = columns[:: _every(columns)], range(0, len(columns), _every(columns))
    slanted = sum(map(len, shown)) > 45
    turn = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if slanted else {}
    ax.set_xticks(places, shown, fontsize=_size(shown), **turn)


def _every(names: list[str]) -> int:
    return -(-len(names) // MOST_LABELS)


def _size(shown: list[str]) -> str:
    return "medium" if len(shown) <= 7 else "x-small" if len(shown) <= 10 else "xx-small"
