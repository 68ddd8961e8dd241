"""From strings to labels, values and times; the first cell that cannot be understood is named."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from coursekit.datasets.csvtext import TextTable
from coursekit.datasets.errors import DataError

# How spreadsheets, databases, R and pandas write "nothing".
MISSING = ("", "nan", "NaN", "NAN", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None", "<NA>", "\\N")
INTEGER = re.compile(r"(0|[1-9]\d{0,17})(\.0+)?")
NEGATIVE = re.compile(r"-\d+(\.\d*)?")
# Unix seconds beyond this lie after the year 5138; milliseconds of today lie beyond it.
LAST_SECOND = 1e11
FIRST_SECOND = -1e11


def to_labels(table: TextTable, column: str, kind: str) -> NDArray:
    """Ids: int64 when every one is a whole number of at most 18 digits, otherwise strings.

    Raises:
        DataError: for a missing or negative id.
    """
    cells = table.columns[column]
    codes, labels = pd.factorize(cells)  # each distinct label is looked at once
    _refuse_missing(table, column, kind, "drop these lines: without it they say nothing")
    negative = np.array([NEGATIVE.fullmatch(label) is not None for label in labels])[codes]
    if negative.any():
        row = int(np.argmax(negative))
        problem = f"{kind} id {cells[row]!r} (column {column!r}) is negative"
        raise table.error(
            row, problem, "-1 usually stands for 'unknown': drop these lines or number them anew"
        )
    if all(INTEGER.fullmatch(label) for label in labels):
        return np.array([int(label.partition(".")[0]) for label in labels], dtype=np.int64)[codes]
    return labels.astype(object)[codes]


def to_values(table: TextTable, column: str) -> NDArray[np.float32]:
    """Ratings or other numbers.

    Raises:
        DataError: for a missing value, text, or infinity.
    """
    _refuse_missing(
        table, column, "value", "drop or fill these lines, or pass value=False to use events only"
    )
    cells = table.columns[column]
    numbers = _numbers(cells)
    bad = ~np.isfinite(numbers)
    if bad.any():
        row = int(np.argmax(bad))
        comma = re.fullmatch(r"-?\d+,\d+", cells[row])
        remedy = (
            "write decimals with a point, 3.5" if comma else "write a finite number, or name another value="
        )
        raise table.error(row, f"value {cells[row]!r} (column {column!r}) is not a number", remedy)
    return numbers.astype(np.float32)


def to_seconds(table: TextTable, column: str, time_format: str | None, unit: str) -> NDArray[np.int64]:
    """Unix seconds from Unix times or from dates (ISO 8601 or `time_format`; UTC where no zone is given).

    Raises:
        DataError: for a missing time, one that is not a time, or milliseconds taken for seconds.
    """
    _refuse_missing(table, column, "time", "drop or fill these lines, or pass time=False to do without times")
    cells = table.columns[column]
    numbers = _numbers(cells) if time_format is None else np.full(len(cells), np.nan)
    # "2024" or "20240131" among dates are dates: only a column whose first cell is a number holds Unix times.
    if np.isfinite(numbers[0]):
        return _unix_seconds(table, column, numbers, unit)
    moments = pd.to_datetime(pd.Series(cells), format=time_format or "ISO8601", errors="coerce", utc=True)
    if moments.isna().any():
        row = int(np.argmax(moments.isna()))
        raise _no_time(table, column, row, time_format or "ISO 8601, such as 2026-08-31T17:45:00")
    return moments.dt.tz_localize(None).to_numpy().astype("datetime64[s]").astype(np.int64)


def refuse_duplicates(table: TextTable, frame: pd.DataFrame, *, drop: bool) -> pd.DataFrame:
    """The frame without rows that repeat an earlier row's user, item and time, or an error on the first.

    Raises:
        DataError: naming the lines of the first repeated pair, when `drop` is False.
    """
    keys = [column for column in ("user", "item", "time") if column in frame]
    repeated = frame.duplicated(keys).to_numpy()
    if not repeated.any() or drop:
        return frame[~repeated]
    second = int(np.argmax(repeated))
    first = int(np.argmax((frame[keys] == frame.loc[second, keys]).all(axis=1)))
    which = ", ".join(f"{key} {_label(frame, second, key)}" for key in keys)
    problem = f"repeats line {table.lines[first]} ({which}); {repeated.sum():,} such lines in all"
    remedy = (
        "pass duplicates='drop' to keep the first of each, or 'keep' if every line is an event of its own"
    )
    raise table.error(second, problem, remedy)


def _refuse_missing(table: TextTable, column: str, kind: str, remedy: str) -> None:
    cells = table.columns[column]
    missing = pd.Series(cells).isin(MISSING).to_numpy()
    if missing.any():
        row = int(np.argmax(missing))
        problem = (
            f"{kind} is missing ({cells[row]!r} in column {column!r}); {missing.sum():,} such lines in all"
        )
        raise table.error(row, problem, remedy)


def _numbers(cells: NDArray) -> NDArray[np.float64]:
    """Numbers where the text is one, NaN elsewhere."""
    return pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce").to_numpy(np.float64)


def _unix_seconds(
    table: TextTable, column: str, numbers: NDArray[np.float64], unit: str
) -> NDArray[np.int64]:
    bad = ~np.isfinite(numbers)
    if bad.any():
        raise _no_time(table, column, int(np.argmax(bad)), "a number like the first line's, Unix time")
    seconds = np.floor(numbers / 1000 if unit == "ms" else numbers)
    far = (seconds > LAST_SECOND) | (seconds < FIRST_SECOND)
    if far.any():
        row = int(np.argmax(far))
        problem = f"time {table.columns[column][row]!r} (column {column!r}) is beyond the year 5138 in {unit}"
        remedy = (
            "pass time_unit='ms' if these are milliseconds" if unit == "s" else "write Unix seconds or dates"
        )
        raise table.error(row, problem, remedy)
    return seconds.astype(np.int64)


def _no_time(table: TextTable, column: str, row: int, expected: str) -> DataError:
    cell = table.columns[column][row]
    remedy = f"write it as {expected}, or pass time_format= with the pattern used (such as '%d/%m/%Y %H:%M')"
    return table.error(row, f"time {cell!r} (column {column!r}) cannot be understood", remedy)


def _label(frame: pd.DataFrame, row: int, key: str) -> str:
    label = frame.loc[row, key]
    return repr(label) if isinstance(label, str) else str(label)
