"""One style sheet and one palette for every figure."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

STYLE = Path(__file__).with_name("course.mplstyle")

#: Okabe and Ito's colour-blind-safe colours by name, plus a grey for comparisons.
PALETTE = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
    "yellow": "#F0E442",
    "grey": "#7F7F7F",
}

P = ParamSpec("P")


def use_style() -> None:
    """Give the figures you draw yourself the look of the course's (5 × 3 inch, Okabe-Ito colours)."""
    plt.style.use(STYLE)


def in_course_style(draw: Callable[P, Axes]) -> Callable[P, Axes]:
    """Let a drawing function make its own figure, in the course's style, when it is given no `ax`.

    With an `ax` the caller has decided how things look, and the style is left alone.
    """

    @functools.wraps(draw)
    def drawn(*args: P.args, **kwargs: P.kwargs) -> Axes:
        if kwargs.get("ax") is not None:
            return draw(*args, **kwargs)
        with plt.style.context(STYLE):
            _, kwargs["ax"] = plt.subplots()
            try:
                return draw(*args, **kwargs)
            except BaseException:
                # A figure left open after an error would be shown, empty, below the traceback.
                plt.close(kwargs["ax"].figure)
                raise

    return drawn
