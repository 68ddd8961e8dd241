"""Interactions from anybody's CSV file, with errors a person can act on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from coursekit.datasets.csvcells import refuse_duplicates, to_labels, to_seconds, to_values
from coursekit.datasets.csvcolumns import Choice, choose_columns
from coursekit.datasets.csvtext import TextTable
from coursekit.interactions import Interactions


def from_csv(
    path: Path | str,
    *,
    user: str | None = None,
    item: str | None = None,
    value: Choice = None,
    time: Choice = None,
    sep: str = ",",
    encoding: str = "utf-8",
    columns: Sequence[str] | None = None,
    duplicates: Literal["error", "drop", "keep"] = "error",
    time_format: str | None = None,
    time_unit: Literal["s", "ms"] = "s",
    name: str | None = None,
) -> Interactions:
    """Read interactions, one per line, from a text file with columns.

    Args:
        path: the file.
        user, item: names of the columns that say who and what. By default `user` and `item` or a
            usual name for them (userId, learner_id, movieId, course_id, ...).
        value: column of ratings or other numbers; by default `value`, `rating`, `score` ... if
            there is one. False: do not use any, every interaction is worth 1.
        time: column of times; by default `time`, `timestamp`, `date` ... if there is one. False:
            do not use any.
        sep: the character between columns.
        encoding: of the text. A byte-order mark is recognised and skipped.
        columns: names of the columns, for a file without a header line.
        duplicates: what to do when a line repeats the user, item and time (where there are
            times) of an earlier line: "error", "drop" (keep the first), or "keep" all.
        time_format: how times are written ("%d/%m/%Y %H:%M"); by default ISO 8601 or Unix time.
            Times without a zone are taken as UTC.
        time_unit: unit of Unix times, "s" or "ms".
        name: what the data is called; by default the file's name.

    Returns:
        Interactions. Ids made of digits become integers ("12.0" too, which is how spreadsheets
        with gaps write 12); other ids stay text. Labels are sorted.

    Raises:
        DataError: naming file, line, value and remedy, for: a missing or repeated column, a wrong
            separator, lines of different length, an empty file, text in another encoding, a
            missing user, item, value or time, a negative id, a value or time that cannot be
            understood, duplicates.
        FileNotFoundError: when there is no such file.
    """
    if duplicates not in ("error", "drop", "keep"):
        raise ValueError(f"duplicates={duplicates!r}: choose 'error', 'drop' or 'keep'")
    if time_unit not in ("s", "ms"):
        raise ValueError(f"time_unit={time_unit!r}: choose 's' or 'ms'")
    table = TextTable.read(Path(path), sep=sep, encoding=encoding, columns=columns)
    chosen = choose_columns(table, {"user": user, "item": item, "value": value, "time": time})
    # How each kind of column is understood.
    frame = pd.DataFrame({kind: to_labels(table, chosen[kind], kind) for kind in ("user", "item")})
    if "value" in chosen:
        frame["value"] = to_values(table, chosen["value"])
    if "time" in chosen:
        frame["time"] = to_seconds(table, chosen["time"], time_format, time_unit)
    if duplicates != "keep":
        frame = refuse_duplicates(table, frame, drop=duplicates == "drop")
    kinds = {kind: kind if kind in chosen else None for kind in ("value", "time")}
    return Interactions.from_frame(frame, **kinds, name=name or Path(path).stem)
