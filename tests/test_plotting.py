import base64
import struct
import subprocess
import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

mpl.use("agg")
import matplotlib.pyplot as plt

from coursekit import plotting
from coursekit.plotting import (
    PALETTE,
    plot_bootstrap,
    plot_evidence,
    plot_history,
    plot_intervals,
    plot_leaderboard,
    plot_metric_by,
    plot_popularity,
    plot_reliability,
    plot_roc,
    plot_similarity,
    plot_thresholds,
    plot_timeline,
    show,
    use_style,
)

ALT = "A line that falls from 1 to 0.2 over ten epochs: the training loss."


@pytest.fixture(autouse=True)
def _no_figure_left():
    yield
    plt.close("all")


@pytest.fixture
def board():
    models = {"item-kNN": 0.12, "oracle": 0.26, "Random": 0.01, "most popular": 0.06}
    rows = [
        {"dataset": "campus", "protocol": "time", "lesson": "02", "model": model, "metric": "ndcg", "k": 10}
        | {"value": value, "low": value - 0.005, "high": value + 0.005, "n_users": 1893}
        for model, value in models.items()
    ]
    return pd.DataFrame(rows)


def row_names(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def markers(ax):
    """Height -> (marker, colour) of the single points drawn."""
    points = [line for line in ax.lines if len(line.get_xdata()) == 1]
    return {float(p.get_ydata()[0]): (p.get_marker(), p.get_color()) for p in points}


def test_leaderboard_has_the_best_model_on_top(board):
    ax = plot_leaderboard(board)
    assert row_names(ax) == ["Random", "most popular", "item-kNN", "oracle"]  # upwards
    assert ax.get_ylim()[0] < ax.get_ylim()[1]


def test_leaderboard_tells_oracle_popularity_and_random_from_models_by_marker_and_colour(board):
    drawn = markers(plot_leaderboard(board))
    assert drawn[0] == ("X", PALETTE["grey"])
    assert drawn[1] == ("s", PALETTE["orange"])
    assert drawn[2] == ("o", PALETTE["blue"])
    assert drawn[3] == ("D", PALETTE["green"])


def test_leaderboard_draws_each_interval_from_low_to_high(board):
    ax = plot_leaderboard(board)
    thick = [c for c in ax.collections if c.get_linewidth()[0] == 6]
    ends = sorted(tuple(c.get_segments()[0][:, 0]) for c in thick)
    np.testing.assert_allclose(ends, sorted(zip(board["low"], board["high"], strict=True)))


def test_leaderboard_names_metric_data_set_and_users(board):
    ax = plot_leaderboard(board)
    assert ax.get_title(loc="left") == "NDCG@10 on campus, 1,893 users"
    assert ax.get_xlabel() == "NDCG@10 with 95 % interval, more is better"


def test_leaderboard_refuses_rows_that_cannot_be_compared(board):
    mixed = pd.concat([board, board.assign(metric="recall")])
    with pytest.raises(ValueError, match=r"more than one metric .*'ndcg'.*'recall'.*choose one"):
        plot_leaderboard(mixed)
    with pytest.raises(ValueError, match="no rows"):
        plot_leaderboard(board.iloc[:0])
    with pytest.raises(KeyError, match="no column 'low'"):
        plot_leaderboard(board.drop(columns="low"))


def test_leaderboard_of_many_models_grows_instead_of_crowding(board):
    many = pd.concat([board.assign(model=[f"{m} {i}" for m in board["model"]]) for i in range(5)])
    assert plot_leaderboard(many).figure.get_figheight() == pytest.approx(1.1 + 0.32 * 20)
    assert plot_leaderboard(board).figure.get_size_inches().tolist() == [5, 3]


def test_an_axes_that_is_given_is_used_and_its_figure_left_as_it_is(board):
    figure, axes = plt.subplots(1, 2, figsize=(8, 2))
    assert plot_leaderboard(pd.concat([board] * 3), ax=axes[1]) is axes[1]
    assert not axes[0].has_data()
    assert figure.get_size_inches().tolist() == [8, 2]


def test_popularity_title_states_the_head_and_the_inset_the_gini():
    ax = plot_popularity([0, 0, 0, 0, 0, 1, 1, 1, 1, 6], items="films", events="ratings")
    assert ax.get_title(loc="left") == "10 % of the films receive 60 % of the ratings"
    (inset,) = ax.child_axes
    # Sorted: 2·(6+7+8+9)·1 + 2·10·6 - 11·10 = 70, divided by 10·10.
    assert [t.get_text() for t in inset.texts] == ["Gini 0.70"]
    np.testing.assert_allclose(inset.lines[1].get_ydata(), [0, 0, 0, 0, 0, 0, 0.1, 0.2, 0.3, 0.4, 1.0])


def test_popularity_refuses_counts_without_any_event():
    with pytest.raises(ValueError, match="counts are 0"):
        plot_popularity([0, 0])
    assert plt.get_fignums() == []  # no empty figure below the traceback


def test_similarity_writes_every_number_and_a_dash_for_a_missing_one():
    ax = plot_similarity([[1, -0.25], [np.nan, 1]], ["SQL", "Python"])
    assert [t.get_text() for t in ax.texts] == ["1.00", "−0.25", "–", "1.00"]
    assert row_names(ax) == ["SQL", "Python"]
    assert ax.images[0].get_clim() == (-1, 1)  # white stays zero


def test_similarity_of_a_large_table_has_no_numbers():
    assert not plot_similarity(np.eye(16), list(range(16))).texts


def test_similarity_refuses_names_that_do_not_fit():
    with pytest.raises(ValueError, match=r"shape \(2, 3\) cannot have 2 × 2 names"):
        plot_similarity(np.ones((2, 3)), ["a", "b"])


def test_similarity_numbers_stand_out_from_their_cells():
    ax = plot_similarity([[0.0, 1.0]], ["row"], columns=["pale", "dark"])
    assert [t.get_color() for t in ax.texts] == ["black", "white"]


def test_timeline_counts_an_event_at_the_cutoff_as_test():
    day = 86_400
    ax = plot_timeline(np.arange(100) * day, 60 * day)
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["train: 60", "test: 40"]
    assert [t.get_text() for t in ax.texts] == ["cutoff 1970-03-02"]
    assert ax.get_ylabel() == "enrolments a day"
    assert sum(bar.get_height() for bar in ax.patches) == 100


def test_timeline_takes_a_date_for_a_cutoff():
    times = pd.date_range("2026-01-01", "2026-12-31", tz="UTC").as_unit("s").astype("int64")
    for cutoff in ("2026-07-01", pd.Timestamp("2026-07-01", tz="UTC"), 1782864000):
        names = [t.get_text() for t in plot_timeline(times, cutoff).get_legend().get_texts()]
        assert names == ["train: 181", "test: 184"]


def test_timeline_of_one_moment_and_of_none():
    assert sum(bar.get_height() for bar in plot_timeline([1000]).patches) == 1
    with pytest.raises(ValueError, match="no times"):
        plot_timeline([])


def test_history_marks_the_best_epoch_of_the_last_column():
    history = pd.DataFrame({"epoch": [1, 2, 3], "loss": [3.0, 2.0, 1.0], "ndcg": [0.1, 0.3, 0.2]})
    assert [t.get_text() for t in plot_history(history).texts] == ["best: 1"]
    ax = plot_history(history, "ndcg", best="max")
    assert ax.texts[0].xy == (2, 0.3)
    assert ax.get_ylabel() == "NDCG"
    with pytest.raises(ValueError, match="best='largest'"):
        plot_history(history, best="largest")


def test_metric_by_k_draws_a_line_with_a_band_for_each_model():
    table = pd.DataFrame({"model": list("aabb"), "k": [10, 5, 5, 10], "value": [2.0, 1, 3, 4]})
    ax = plot_metric_by(table.assign(low=0.5, high=5, metric="recall"))
    np.testing.assert_array_equal(ax.lines[0].get_xdata(), [5, 10])  # sorted by k
    np.testing.assert_array_equal(ax.lines[0].get_ydata(), [1, 2])
    assert len(ax.collections) == 2
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("cut-off k", "recall")


def test_metric_by_k_does_not_squeeze_the_figure_below_long_names():
    names = [f"a rather long name of model {i}" for i in range(4)]
    table = pd.DataFrame({"model": np.repeat(names, 2), "k": [5, 10] * 4, "value": 0.5})
    ax = plot_metric_by(table)
    ax.figure.canvas.draw()
    assert ax.get_position().width > 0.7


def test_metric_by_group_sets_models_side_by_side():
    table = pd.DataFrame({"model": list("aabb"), "group": ["cold", "warm"] * 2, "value": [1.0, 2, 1, 2]})
    ax = plot_metric_by(table, "group")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["cold", "warm"]
    first, second = (line.get_xdata() for line in ax.lines)
    assert (np.abs(first - second) > 0.2).all()


def test_intervals_keep_the_order_of_the_table():
    table = pd.DataFrame({"metric": ["recall", "ndcg"], "value": [0.1, 0.5], "low": 0.0, "high": 0.6})
    ax = plot_intervals(table, by="metric")
    assert row_names(ax) == ["recall", "NDCG"]
    assert ax.yaxis_inverted()


def test_thresholds_draws_what_each_score_as_a_threshold_gives():
    ax = plot_thresholds([True, False, True, False], [0.9, 0.6, 0.6, 0.1])
    drawn = {line.get_label(): line for line in ax.lines}
    np.testing.assert_array_equal(drawn["precision"].get_xdata(), [0.9, 0.6, 0.1])
    np.testing.assert_allclose(drawn["precision"].get_ydata(), [1, 2 / 3, 2 / 4])
    np.testing.assert_allclose(drawn["recall"].get_ydata(), [1 / 2, 1, 1])
    np.testing.assert_allclose(drawn["F1, highest 0.80 at 0.60"].get_ydata(), [2 / 3, 0.8, 2 / 3])


def test_roc_moves_once_for_equal_scores_and_names_the_area():
    truth = [True, True, False, False]
    ax = plot_roc(truth, [0.9, 0.4, 0.4, 0.2])
    coin, curve = ax.lines
    assert coin.get_label() == "a coin: AUC 0.5"
    np.testing.assert_allclose(curve.get_xydata(), [(0, 0), (0, 0.5), (0.5, 1), (1, 1)])
    assert curve.get_label() == "AUC 0.875"
    several = plot_roc(truth, {"good": [4, 3, 2, 1], "constant": [0, 0, 0, 0]})
    assert [line.get_label() for line in several.lines[1:]] == ["good: AUC 1.000", "constant: AUC 0.500"]


@pytest.mark.parametrize("draw", [plot_roc, plot_thresholds])
def test_decisions_refuse_what_has_no_answer(draw):
    with pytest.raises(ValueError, match="no positive"):
        draw([False, False], [0.1, 0.2])
    with pytest.raises(ValueError, match=r"\(2,\) and scores \(3,\)"):
        draw([True, False], [1, 2, 3])
    with pytest.raises(ValueError, match="score 1 is NaN"):
        draw([True, False], [1, np.nan])
    with pytest.raises(ValueError, match="no negative"):
        plot_roc([True, True], [1, 2])
    assert plt.get_fignums() == []


def test_reliability_draws_what_happened_over_what_was_said_and_names_the_error():
    truth, said = [False, True, True, True, False], [0.1, 0.2, 0.6, 0.7, 0.95]
    ax = plot_reliability(truth, said, bins=4)
    diagonal, curve = ax.lines
    np.testing.assert_allclose(diagonal.get_xydata(), [(0, 0), (1, 1)])
    np.testing.assert_allclose(curve.get_xydata(), [(0.15, 0.5), (0.65, 1.0), (0.95, 0.0)])
    assert curve.get_label() == "error 0.470"
    (dots,) = ax.collections
    sizes = dots.get_sizes()
    assert sizes[0] == sizes[1] > sizes[2]  # a bin of two examples, two, one
    several = plot_reliability(truth, {"LSTM": said, "base rate": [0.6] * 5}, bins=4)
    assert [line.get_label() for line in several.lines[1:]] == ["LSTM: error 0.470", "base rate: error 0.000"]


def test_reliability_refuses_scores_that_are_no_probabilities():
    with pytest.raises(ValueError, match=r"probability 1 is 1\.5, outside"):
        plot_reliability([True, False], [0.5, 1.5])
    assert plt.get_fignums() == []


def test_bootstrap_draws_every_mean_the_interval_and_zero_only_where_it_is_in_sight():
    ax = plot_bootstrap([0.1, 0.2, 0.2, 0.3], (0.1, 0.3), what="difference in NDCG@10")
    assert sum(bar.get_height() for bar in ax.containers[0]) == 4
    assert [line.get_xdata()[0] for line in ax.lines] == [0.1, 0.3, 0]
    assert ax.get_xlabel() == "difference in NDCG@10"
    assert ax.get_title(loc="left") == "interval 0.1000 to 0.3000"
    assert len(plot_bootstrap([9.9, 10], (9.9, 10)).lines) == 2
    with pytest.raises(ValueError, match="no means"):
        plot_bootstrap([], (0, 1))


def test_own_figures_are_5_by_3_inches_and_leave_the_settings_alone():
    before = dict(plt.rcParams)
    assert plot_similarity(np.eye(2), "ab").figure.get_size_inches().tolist() == [5, 3]
    assert dict(plt.rcParams) == before


def test_use_style_sets_size_and_the_first_colours():
    with plt.rc_context():
        use_style()
        assert plt.rcParams["figure.figsize"] == [5, 3]
        colours = plt.rcParams["axes.prop_cycle"].by_key()["color"]
        assert colours[:3] == [PALETTE["blue"], PALETTE["vermillion"], PALETTE["green"]]
        assert set(colours) == set(PALETTE.values()) - {PALETTE["grey"]}


def relative_luminance(colour):
    """WCAG 2.2's definition, for contrast on white."""
    channels = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(colour)
    ]
    return float(np.dot(channels, (0.2126, 0.7152, 0.0722)))


def test_text_has_a_contrast_of_at_least_seven_to_one_on_white():
    with plt.rc_context():
        use_style()
        names = ("text.color", "axes.labelcolor", "xtick.labelcolor", "ytick.labelcolor")
        assert all(1.05 / (relative_luminance(plt.rcParams[name]) + 0.05) >= 7 for name in names)


@pytest.mark.parametrize("alt", ["", "   ", "a plot", " short\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n text "])
def test_show_refuses_an_alt_text_that_tells_nothing(alt):
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=r"too short .*Say what kind of chart"):
        show(ax, alt=alt)


def test_show_refuses_what_is_not_a_figure():
    with pytest.raises(TypeError, match="got list"):
        show([1, 2], alt=ALT)
    with pytest.raises(TypeError, match="alt must be a sentence"):
        show(plt.figure(), alt=None)


@pytest.fixture
def displayed(monkeypatch):
    """What `show` would send to a notebook."""
    pytest.importorskip("IPython.display")
    sent = []
    monkeypatch.setattr("IPython.get_ipython", lambda: object())
    monkeypatch.setattr("IPython.display.display", lambda data, **options: sent.append((data, options)))
    return sent


def test_show_sends_one_png_with_its_alt_text_and_closes_the_figure(displayed):
    _, axes = plt.subplots(1, 2)
    show(axes, alt='Rising "quoted" & <angled>\n  words on two lines.')
    ((data, options),) = displayed
    assert plt.get_fignums() == []
    alt = 'Rising "quoted" & <angled> words on two lines.'
    assert options["metadata"]["image/png"]["alt"] == alt
    assert 'alt="Rising &quot;quoted&quot; &amp; &lt;angled&gt; words on two lines."' in data["text/html"]
    assert data["text/plain"] == f"[figure] {alt}"


def test_show_sends_the_size_at_half_the_dots(displayed):
    show(plot_similarity(np.eye(2), "ab"), alt=ALT)
    ((data, options),) = displayed
    width, height = struct.unpack(">II", base64.b64decode(data["image/png"])[16:24])
    size = options["metadata"]["image/png"]
    assert (size["width"], size["height"]) == (width // 2, height // 2)
    assert 400 < size["width"] <= 520


def test_show_sends_equal_bytes_for_equal_figures(displayed):
    for _ in range(2):
        show(plot_similarity(np.eye(2), "ab"), alt=ALT)
    assert displayed[0] == displayed[1]


def test_evidence_draws_a_dot_a_pair_for_each_measure():
    ax = plot_evidence([1, 2, 8], {"raw": [1.0, -1.0, 0.2], "shrunk": [0.3, -0.5, 0.2]})
    raw, shrunk = ax.collections
    assert raw.get_offsets().tolist() == [[1, 1], [2, -1], [8, 0.2]]
    assert shrunk.get_offsets()[:, 1].tolist() == [0.3, -0.5, 0.2]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["raw", "shrunk"]
    assert ax.get_xscale() == "log"


def test_evidence_draws_the_same_sample_of_many_pairs_for_every_measure():
    pairs = np.arange(1, 101)
    ax = plot_evidence(pairs, {"same": pairs, "minus": -pairs}, most=10)
    same, minus = (dots.get_offsets() for dots in ax.collections)
    assert len(same) == 10
    assert (same[:, 0] == same[:, 1]).all()
    assert (same[:, 1] == -minus[:, 1]).all()


@pytest.mark.parametrize(
    ("n_common", "values"), [([], []), ([0, 1], [0.5, 0.5]), ([1, 2], [0.5])], ids=["none", "zero", "lengths"]
)
def test_evidence_refuses_what_it_cannot_draw(n_common, values):
    with pytest.raises(ValueError, match=r"pair|similarities"):
        plot_evidence(n_common, {"cosine": values})


def test_show_without_a_notebook_prints_the_alt_text(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "IPython", None)  # as if it were not installed
    show(plt.figure(), alt=ALT)
    assert capsys.readouterr().out == f"[figure] {ALT}\n"


def test_importing_plotting_picks_no_backend_and_loads_neither_ipython_nor_torch():
    code = (
        "import sys, matplotlib as m, coursekit.plotting\n"
        "assert m.rcParams._get_backend_or_none() is None, m.rcParams['backend']\n"
        "assert not {'IPython', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=_without_backend())


def _without_backend():
    import os

    return {name: value for name, value in os.environ.items() if name != "MPLBACKEND"}


def test_every_public_name_is_a_documented_function_or_the_palette():
    for name in plotting.__all__:
        assert name == "PALETTE" or getattr(plotting, name).__doc__


def test_a_notebook_shows_each_figure_once_and_nbconvert_keeps_its_alt_text():
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    nbconvert = pytest.importorskip("nbconvert")
    code = [
        "import matplotlib.pyplot as plt\nfrom coursekit.plotting import *",
        f"show(plot_similarity([[1.0]], ['a']), alt={ALT!r})",
        f"fig, ax = plt.subplots()\nax.plot([1, 2])\nshow(ax, alt={ALT!r})",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in code])
    nbclient.NotebookClient(book, timeout=60, kernel_name="python3").execute()
    shown = [[o for o in cell.outputs if "image/png" in o.get("data", {})] for cell in book.cells]
    assert [len(outputs) for outputs in shown] == [0, 1, 1]
    assert shown[2][0].metadata["image/png"]["alt"] == ALT
    book.cells.pop(1)
    page, _ = nbconvert.HTMLExporter().from_notebook_node(book)
    pictures = pytest.importorskip("bs4").BeautifulSoup(page, "html.parser").select("img")
    assert [picture["alt"] for picture in pictures] == [ALT]
    assert pictures[0]["src"].startswith("data:image/png;base64,")
