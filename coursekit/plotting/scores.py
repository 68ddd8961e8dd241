"""Figures of results: intervals, the leaderboard, a metric over k, a training history."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from coursekit.plotting.style import PALETTE, in_course_style

#: Rows that stand for a limit or a habit rather than for a model: how to recognise and draw them.
REFERENCES = {"oracle": ("green", "D"), "popular": ("orange", "s"), "random": ("grey", "X")}

METRIC_NAMES = {
    "ndcg": "NDCG",
    "hit_rate": "hit rate",
    "map": "MAP",
    "mrr": "MRR",
    "f1": "F1",
    "auc": "AUC",
}


@in_course_style
def plot_leaderboard(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """The leaderboard: one row a model, the best on top, each value with its 95 % interval.

    The oracle (the best ranking there is), popularity and random have their own colour and marker, and
    the oracle a line all the way down: the rest of the course lives between that line and popularity.

    Args:
        table: rows with `model`, `value`, `low`, `high`; `metric`, `k`, `dataset`, `n_users` are
            named in the title and below the axis where they exist. A figure of its own grows with the rows.

    Raises:
        KeyError: when one of the four columns is missing.
        ValueError: when there is no row, or the rows are not comparable: more than one metric, k, data set
            or protocol.
    """
    _check_table(table, ["model", "value", "low", "high"])
    facts = _common_facts(table, ["dataset", "protocol", "metric", "k"])
    rows = table.sort_values("value", ascending=True, kind="stable").reset_index(drop=True)
    if len(ax.figure.axes) == 1 and len(rows) > 6:
        ax.figure.set_figheight(1.1 + 0.32 * len(rows))
    for place, row in enumerate(rows.itertuples()):
        colour, marker = _look(row.model)
        ax.hlines(place, 0, row.value, color=PALETTE[colour], linewidth=1, alpha=0.5)
        _draw_interval(ax, place, row, PALETTE[colour], marker)
    _oracle_line(ax, rows)
    ax.set_yticks(range(len(rows)), rows["model"])
    for label, model in zip(ax.get_yticklabels(), rows["model"], strict=True):
        label.set_fontweight("normal" if _reference(model) else "bold")
    ax.set(xlim=(0, (rows["high"].max() or 1) * 1.16), ylim=(-0.6, len(rows) - 0.4))
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    _name_leaderboard(ax, rows, facts)
    return ax


def _name_leaderboard(ax: Axes, rows: pd.DataFrame, facts: dict[str, object]) -> None:
    metric = _metric_name(facts)
    title = f"{metric} on {facts['dataset']}" if "dataset" in facts else metric
    users = f", {int(rows['n_users'].max()):,} users" if "n_users" in rows else ""
    ax.set_title(title + users)
    ax.set_xlabel(f"{metric} with 95 % interval, more is better")


def _reference(model: str) -> str | None:
    return next((key for key in REFERENCES if key in str(model).lower()), None)


def _look(model: str) -> tuple[str, str]:
    return REFERENCES.get(_reference(model), ("blue", "o"))


def _draw_interval(ax: Axes, place: float, row, colour: str, marker: str) -> None:
    ax.hlines(place, row.low, row.high, color=colour, linewidth=6, alpha=0.3)
    ax.plot(
        row.value, place, marker, color=colour, markersize=6.5, markeredgecolor="white", markeredgewidth=0.7
    )
    ax.annotate(
        f"{row.value:.3f}", (row.high, place), xytext=(5, 0), textcoords="offset points", va="center",
        fontsize="small", weight="bold",
    )  # fmt: skip


def _oracle_line(ax: Axes, rows: pd.DataFrame) -> None:
    for place, (model, value) in enumerate(zip(rows["model"], rows["value"], strict=True)):
        if _reference(model) == "oracle":
            ax.vlines(value, -0.6, place, color=PALETTE["green"], linewidth=1.2, linestyle=":", zorder=0)
            beside = {"xytext": (-4, 3), "textcoords": "offset points", "ha": "right", "fontsize": "small"}
            if place:
                ax.annotate("true wishes", (value, -0.6), color="#00694D", **beside)


@in_course_style
def plot_intervals(
    table: pd.DataFrame,
    *,
    by: str = "model",
    what: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Values with their intervals, one row each in the table's order (the first on top).

    Args:
        table: rows with the column `by`, `value`, `low`, `high`, such as `evaluate` returns (`by="metric"`).
        by: the column that names the rows.
        what: what the values are, below the axis.

    Raises:
        KeyError: when a column is missing.
        ValueError: when there is no row.
    """
    _check_table(table, [by, "value", "low", "high"])
    for place, row in enumerate(table.itertuples()):
        _draw_interval(ax, place, row, PALETTE["blue"], "o")
    names = [METRIC_NAMES.get(str(name), str(name)) for name in table[by]]
    ax.set_yticks(range(len(table)), names)
    ax.set_ylim(len(table) - 0.4, -0.6)
    ax.margins(x=0.15)
    ax.spines["left"].set_visible(False)
    ax.tick_params(axis="y", length=0)
    ax.grid(False, axis="y")
    ax.set_xlabel(what or "value and 95 % interval")
    return ax


@in_course_style
def plot_metric_by(
    table: pd.DataFrame,
    by: str = "k",
    *,
    lines: str = "model",
    ax: Axes | None = None,
) -> Axes:
    """A metric over k (lines with their intervals as bands) or over groups (points with bars).

    Args:
        table: rows with the column `by` and `value`; `low` and `high` where there are intervals; the column
            `lines` where more than one model (or metric) is drawn.
        by: numbers (k, number of neighbours, epoch …) or names (subject, cold or warm …).
        lines: the column that tells the lines apart.

    Raises:
        KeyError: when a column is missing.
        ValueError: when there is no row.
    """
    _check_table(table, [by, "value"])
    groups = list(table.groupby(lines, sort=False)) if lines in table else [(None, table)]
    numeric = pd.api.types.is_numeric_dtype(table[by])
    names = list(pd.unique(table[by]))
    for number, ((name, rows), colour) in enumerate(zip(groups, _line_colours(), strict=False)):
        if numeric:
            _line_with_band(ax, rows.sort_values(by), by, colour, name)
        else:
            # Side by side within a group, so that equal values do not hide one another.
            aside = (number - (len(groups) - 1) / 2) * 0.7 / len(groups)
            _points_with_bars(
                ax, np.array([names.index(group) for group in rows[by]]) + aside, rows, colour, name
            )
    if numeric:
        _ticks_at_values(ax, np.unique(table[by]))
        ax.set_xlabel("cut-off k" if by == "k" else by.replace("_", " "))
    else:
        ax.set_xticks(range(len(names)), [str(name) for name in names])
        ax.set_xlim(-0.5, len(names) - 0.5)
        ax.grid(False, axis="x")
    ax.set_ylim(0, None)
    ax.set_ylabel(_metric_name(_shared_facts(table, ["metric", "k"])))
    if lines in table:
        _legend_outside(ax, len(groups))
    return ax


def _ticks_at_values(ax: Axes, values: np.ndarray) -> None:
    roomy = len(values) == 1 or np.diff(values).min() > 0.05 * np.ptp(values)
    if roomy:
        ax.set_xticks(values)
    elif np.issubdtype(values.dtype, np.integer):
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def _line_colours() -> cycle[str]:
    return cycle(["blue", "vermillion", "green", "purple", "orange", "sky", "black"])


def _line_with_band(ax: Axes, rows: pd.DataFrame, by: str, colour: str, name: object) -> None:
    ax.plot(rows[by], rows["value"], "o-", color=PALETTE[colour], label=name)
    if {"low", "high"} <= set(rows):
        ax.fill_between(rows[by], rows["low"], rows["high"], color=PALETTE[colour], alpha=0.18, linewidth=0)


def _points_with_bars(ax: Axes, places, rows: pd.DataFrame, colour: str, name: object) -> None:
    if {"low", "high"} <= set(rows):
        ax.vlines(places, rows["low"], rows["high"], color=PALETTE[colour], linewidth=5, alpha=0.3)
    ax.plot(places, rows["value"], "o", color=PALETTE[colour], label=name)


def _legend_outside(ax: Axes, n: int) -> None:
    longest = max(len(str(name)) for name in ax.get_legend_handles_labels()[1])
    columns = min(n, 4, max(1, 62 // (longest + 5)))  # more would make the figure narrower than its legend
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=columns, borderaxespad=0.2, columnspacing=1.2)


@in_course_style
def plot_history(
    history: pd.DataFrame,
    columns: Sequence[str] = ("loss",),
    *,
    best: str | None = "min",
    ax: Axes | None = None,
) -> Axes:
    """What `Trainer.fit` returned: a line a column over the epochs, the last column's best epoch marked.

    Columns on different scales (a loss and an NDCG) belong in two figures.

    Args:
        history: one row an epoch, with `epoch` and the columns to draw.
        columns: which columns.
        best: "min" or "max" says what is best in the last column; None marks nothing.

    Raises:
        KeyError: when a column is missing.
        ValueError: when no epoch is finished, or `best` is neither.
    """
    columns = [columns] if isinstance(columns, str) else list(columns)
    _check_table(history, ["epoch", *columns])
    if best not in ("min", "max", None):
        raise ValueError(f"best={best!r}: choose 'min', 'max' or None")
    for column, colour in zip(columns, _line_colours(), strict=False):
        name = _metric_name({"metric": column})
        ax.plot(history["epoch"], history[column], "o-", color=PALETTE[colour], label=name, markersize=4)
    if best:
        _mark_best(ax, history, columns[-1], best)
    ax.set_xlabel("epoch")
    if len(columns) == 1:
        ax.set_ylabel(_metric_name({"metric": columns[0]}))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    if len(columns) > 1:
        _legend_outside(ax, len(columns))
    return ax


def _mark_best(ax: Axes, history: pd.DataFrame, column: str, best: str) -> None:
    values = history[column]
    row = values.idxmin() if best == "min" else values.idxmax()
    epoch, value = history.loc[row, "epoch"], values[row]
    ax.plot(epoch, value, "o", markersize=10, markerfacecolor="none", markeredgecolor=PALETTE["black"])
    above = best == "max"
    ax.annotate(
        f"best: {value:.4g}", (epoch, value), xytext=(0, -11 if above else 9), textcoords="offset points",
        ha="right" if row == history.index[-1] else "center", va="top" if above else "bottom",
    )  # fmt: skip
    ax.margins(y=0.15)


def _check_table(table: pd.DataFrame, needed: list[str]) -> None:
    missing = [column for column in needed if column not in table]
    if missing:
        raise KeyError(f"the table has no column {missing[0]!r}; it has {list(table.columns)}")
    if not len(table):
        raise ValueError("the table has no rows to draw")


def _shared_facts(table: pd.DataFrame, columns: list[str]) -> dict[str, object]:
    return {c: table[c].iloc[0] for c in columns if c in table and table[c].nunique(dropna=False) == 1}


def _common_facts(table: pd.DataFrame, columns: list[str]) -> dict[str, object]:
    for column in columns:
        if column in table and table[column].nunique(dropna=False) > 1:
            found = list(pd.unique(table[column]))
            raise ValueError(
                f"the rows have more than one {column} ({found}) and cannot be compared; "
                f"choose one: table[table[{column!r}] == {found[0]!r}]"
            )
    return _shared_facts(table, columns)


def _metric_name(facts: dict[str, object]) -> str:
    if "metric" not in facts:
        return "value"
    name = METRIC_NAMES.get(str(facts["metric"]), str(facts["metric"]).replace("_", " "))
    return f"{name}@{facts['k']}" if pd.notna(facts.get("k")) else name
