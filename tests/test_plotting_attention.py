"""The picture of attention weights."""

from itertools import pairwise

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("agg")
import matplotlib.pyplot as plt

from coursekit.plotting import plot_attention

WEIGHTS = [[1.0, 0.0, 0.0], [0.25, 0.75, 0.0], [0.2, 0.3, 0.5]]
NAMES = ["Python from Zero", "SQL", "Statistics"]


@pytest.fixture(autouse=True)
def _no_figure_left():
    yield
    plt.close("all")


def names(ax):
    ax.figure.canvas.draw()
    return [[label.get_text() for label in axis.get_ticklabels()] for axis in (ax.yaxis, ax.xaxis)]


def test_rows_are_queries_and_columns_are_keys():
    ax = plot_attention([[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]], ["first", "second"], NAMES)
    assert names(ax) == [["first", "second"], NAMES]
    image = ax.images[0]
    np.testing.assert_allclose(image.get_array(), [[0.1, 0.2, 0.7], [0.5, 0.25, 0.25]])
    assert ax.get_ylim() == (1.5, -0.5)  # the first query stands on top
    assert "quer" in ax.get_ylabel()
    assert "key" in ax.get_xlabel()


def test_a_square_table_needs_one_list_of_names_and_none_gives_numbers():
    assert names(plot_attention(WEIGHTS, NAMES)) == [NAMES, NAMES]
    assert names(plot_attention(WEIGHTS)) == [["1", "2", "3"]] * 2
    assert names(plot_attention(np.ones((2, 3)) / 3, ["a", "b"])) == [["a", "b"], ["1", "2", "3"]]


def test_more_attention_is_darker_and_none_is_white():
    image = plot_attention(WEIGHTS).images[0]
    brightness = image.cmap(image.norm(np.array([0.0, 0.25, 0.5, 1.0])))[:, :3].sum(axis=1)
    assert (np.diff(brightness) < 0).all()
    assert brightness[0] > 2.9
    assert image.norm.vmax == 1.0
    assert plot_attention(np.zeros((2, 2))).images[0].norm.vmax == 1.0


def test_long_names_are_cut_and_of_many_only_some_are_written():
    n = 90
    ax = plot_attention(np.eye(n), [f"The {number}th course with a very long name" for number in range(n)])
    rows, columns = names(ax)
    assert len(rows) == len(columns) == 18
    assert rows[1] == "The 5th course with…"


@pytest.mark.parametrize("n", [5, 7, 10, 14, 20])
def test_names_do_not_overlap(n):
    ax = plot_attention(np.eye(n), [f"An introduction to number {number}" for number in range(n)])
    ax.figure.canvas.draw()
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    for one, other in pairwise(boxes):
        assert min(one.y1, other.y1) - max(one.y0, other.y0) < 1


def test_given_axes_are_used_and_nothing_is_shown():
    _, ax = plt.subplots()
    assert plot_attention(WEIGHTS, ax=ax) is ax


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(3),), "shape \\(3,\\)"),
        ((np.ones((2, 2, 2)),), "one history, one block and one head"),
        ((np.ones((0, 2)),), "shape \\(0, 2\\)"),
        (([[1.5, -0.5]],), "-0.5"),
        ((WEIGHTS, ["a", "b"]), "2 queries for 3"),
        ((WEIGHTS, NAMES, ["a"]), "1 keys for 3"),
    ],
)
def test_what_is_no_table_of_weights_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_attention(*arguments)
    assert not plt.get_fignums()
