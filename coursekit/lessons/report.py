"""The report of a run: one page for each executed lesson, and an index with the leaderboard."""

import base64
import html
from pathlib import Path

from coursekit.files import whole_file
from coursekit.lessons.page import notebook_page, page
from coursekit.lessons.run import LessonResult


def write_report(results: list[LessonResult], folder: Path) -> Path:
    """Write `index.html` and a page for each executed lesson into `folder`; return the index's path.

    The leaderboard's rows are read from `folder/leaderboard.csv`, where `run_lessons` had them written.
    """
    rows = _leaderboard(folder / "leaderboard.csv")
    for result in results:
        if result.notebook is not None:
            before = '<p><a href="index.html">All lessons</a></p>' + _failure(result)
            _write(folder / f"{result.key}.html", notebook_page(result.notebook, result.key, before))
    parts = ["<h1>The lessons, executed</h1>", _summary(results), _table(results), _pictures(rows, folder)]
    parts += [_failure(result) for result in results] + [_lesson_rows(result.key, rows) for result in results]
    index = folder / "index.html"
    _write(index, page("The lessons, executed", "\n".join(parts)))
    return index


def _write(path: Path, text: str) -> None:
    with whole_file(path) as draft:
        draft.write_text(text, encoding="utf-8", newline="\n")


def _summary(results: list[LessonResult]) -> str:
    counts = {
        name: sum(result.status == name for result in results) for name in ("passed", "failed", "stopped")
    }
    words = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    minutes = sum(result.seconds for result in results) / 60
    return f"<p>{words or 'no lessons'}; {minutes:.1f} minutes of work.</p>"


def _table(results: list[LessonResult]) -> str:
    lines = []
    for result in results:
        name = f'<a href="{result.key}.html">{result.key}</a>' if result.notebook else result.key
        time = f"{result.seconds / 60:.1f}"
        lines.append(
            f'<tr><td>{name}</td><td class="{result.status}">{result.status}</td>'
            f'<td class="number">{time}</td></tr>'
        )
    head = "<tr><th>Lesson</th><th>Result</th><th>Minutes</th></tr>"
    return f"<table>\n{head}\n" + "\n".join(lines) + "\n</table>"


def _failure(result: LessonResult) -> str:
    """The failing cell and its traceback; nothing for a lesson that did not fail."""
    if result.failure is None:
        return ""
    failure = result.failure
    where = html.escape(f"{result.key}, cell {failure.cell} ({failure.cell_id}): {failure.error}")
    trace = html.escape(failure.traceback)
    return f'<h2 class="failed">Failed</h2>\n<p>{where}</p>\n<pre class="traceback">{trace}</pre>'


def _leaderboard(path: Path):
    """The run's rows as a DataFrame; empty when no lesson wrote any."""
    from coursekit.leaderboard import Leaderboard

    return Leaderboard(path).table(dataset=None, metric=None, k=None)


def _lesson_rows(key: str, rows) -> str:
    """The rows that a lesson added; it may have signed with its key or with its number alone."""
    own = rows[rows["lesson"].isin([key, key[:2], key[3:]])]
    if own.empty:
        return ""
    parts = [f"<h2>Leaderboard rows of {html.escape(key)}</h2>"]
    for (dataset, protocol), part in own.groupby(["dataset", "protocol"], sort=True):
        parts.append(f"<p>{html.escape(f'{dataset}, {part.n_users.max():,} users. {protocol}')}</p>")
        parts.append(_wide(part).to_html(border=0, escape=False))
    return "\n".join(parts)


def _wide(rows):
    """One line a model, one column a metric: the value and its interval."""
    columns = rows["metric"] + "@" + rows["k"].astype(str)
    cells = [f"{row.value:.3f}<br>[{row.low:.3f}, {row.high:.3f}]" for row in rows.itertuples()]
    named = rows.assign(model=rows["model"].map(html.escape))
    wide = named.assign(column=columns, cell=cells).pivot(index="model", columns="column", values="cell")
    first = "ndcg@10" if "ndcg@10" in wide else wide.columns[0]
    order = wide[first].sort_values(ascending=False).index  # equal widths, so text sorts as numbers do
    wide = wide.loc[order, [first, *wide.columns.drop(first)]]
    return wide.rename_axis(index=None, columns=None).fillna("")


def _pictures(rows, folder: Path) -> str:
    """The whole leaderboard, a picture for each data set and protocol, also kept as a PNG file."""
    if rows.empty:
        return "<p>No lesson of this run put a row on the leaderboard.</p>"
    pictures = []
    for (dataset, _), part in rows.groupby(["dataset", "protocol"], sort=True):
        pictures.append(
            _picture(_comparable(part), folder / f"leaderboard-{len(pictures) + 1}-{dataset}.png")
        )
    return "<h2>Leaderboard</h2>\n" + "\n".join(pictures)


def _comparable(rows):
    """Rows of one metric and cut-off: NDCG@10 where it is there, else what most models have."""
    pairs = rows.groupby(["metric", "k"]).size()
    metric, k = ("ndcg", 10) if ("ndcg", 10) in pairs.index else pairs.idxmax()
    return rows[(rows["metric"] == metric) & (rows["k"] == k)]


def _picture(rows, file: Path) -> str:
    import matplotlib

    from coursekit.plotting import plot_leaderboard, use_style

    best = rows.loc[rows["value"].idxmax()]
    alt = (
        f"Leaderboard on {best['dataset']}: {len(rows)} models; "
        f"the highest {best['metric']}@{best['k']} is {best['value']:.3f}, of {best['model']}."
    )
    with matplotlib.rc_context():
        use_style()
        figure = matplotlib.figure.Figure(figsize=(7, 3))
        plot_leaderboard(rows, ax=figure.subplots())
        figure.savefig(file, format="png", dpi=150, bbox_inches="tight")
    data = base64.b64encode(file.read_bytes()).decode()
    return f'<p><img alt="{html.escape(alt, quote=True)}" src="data:image/png;base64,{data}"></p>'
