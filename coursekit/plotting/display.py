"""`show`: the one way a figure leaves the library, with its description."""

from __future__ import annotations

import base64
import html
import io

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

SHORTEST_ALT = 20  # characters; "A bar chart" tells nobody anything


def show(drawing: Axes | Figure | np.ndarray, *, alt: str) -> None:
    """Display a figure once, as one PNG that carries `alt`, and close it.

    JupyterLab 4 and nbconvert 7's default template ignore the `alt` of an image output, but both prefer
    an HTML output to an image and keep the `alt` of its `<img>`. So the output holds the picture as such
    an `<img>`, and again as image/png with the text as metadata, which PDF export and older templates read.
    Without IPython (a plain script) the text is printed instead.

    Args:
        drawing: a figure, one of its axes, or an array of them as `plt.subplots` returns it.
        alt: what the figure tells, in a sentence, for a reader who cannot see it: the kind of chart,
            what is on its axes, and the finding.

    Raises:
        TypeError: when `drawing` is not a figure or axes.
        ValueError: when `alt` is empty or too short to tell anything.

    Example:
        >>> show(plt.gca(), alt="A line falling from 1 to 0.2 in ten epochs: the loss.")  # doctest: +SKIP
    """
    figure = _figure_of(drawing)
    alt = _checked(alt)
    png = _as_png(figure, alt)
    # Closed before it is displayed, so that the inline backend does not find it at the end of the cell.
    plt.close(figure)
    _display(png, alt)


def _figure_of(drawing: Axes | Figure | np.ndarray) -> Figure:
    if isinstance(drawing, np.ndarray) and drawing.size:
        drawing = drawing.flat[0]
    figure = drawing.figure if isinstance(drawing, Axes) else drawing
    while figure is not None and figure is not getattr(figure, "figure", figure):
        figure = figure.figure  # out of nested sub-figures
    if not isinstance(figure, Figure):
        raise TypeError(f"show() needs a figure or axes, got {type(drawing).__name__}: show(ax, alt='…')")
    return figure


def _checked(alt: str) -> str:
    if not isinstance(alt, str):
        raise TypeError(f"alt must be a sentence (str), got {type(alt).__name__}")
    alt = " ".join(alt.split())
    if len(alt) < SHORTEST_ALT:
        raise ValueError(
            f"alt={alt!r} is too short ({len(alt)} characters, at least {SHORTEST_ALT} are needed). "
            "Say what kind of chart it is, what its axes show and what one learns from it."
        )
    return alt


def _as_png(figure: Figure, alt: str) -> bytes:
    buffer = io.BytesIO()
    # Twice the screen's dots keep text sharp; without a software version, equal figures are equal bytes.
    metadata = {"Software": None, "Description": alt}
    figure.savefig(buffer, format="png", dpi=2 * _SCREEN_DPI, bbox_inches="tight", metadata=metadata)
    return buffer.getvalue()


_SCREEN_DPI = 100


def _display(png: bytes, alt: str) -> None:
    try:
        from IPython import get_ipython
        from IPython.display import display
    except ModuleNotFoundError:
        shell = None
    else:
        shell = get_ipython()
    if shell is None:
        print(f"[figure] {alt}")
        return
    # Width and height stand at bytes 16 to 24 of every PNG.
    width, height = (int.from_bytes(png[at : at + 4], "big") // 2 for at in (16, 20))
    encoded = base64.b64encode(png).decode("ascii")
    image = (
        f'<img src="data:image/png;base64,{encoded}" alt="{html.escape(alt)}" '
        f'width="{width}" height="{height}" style="max-width: 100%; height: auto">'
    )
    bundle = {"image/png": encoded, "text/html": image, "text/plain": f"[figure] {alt}"}
    display(bundle, raw=True, metadata={"image/png": {"alt": alt, "width": width, "height": height}})
