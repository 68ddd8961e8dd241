"""A raw export with realistic dirt, for the lesson on cleaning data."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

# Share of the enrolments that each kind of dirt falls on; no row has two kinds.
DIRT = {
    "exact duplicate": 0.020,  # the same line exported twice
    "near duplicate": 0.015,  # a second click seconds later, completed a little less
    "missing learner": 0.003,
    "missing time": 0.005,
    "missing completed": 0.020,
    "impossible completed": 0.005,  # 7.3 or -0.4 where 0 to 1 is meant
    "impossible rating": 0.003,  # 55 where 5 was meant, 0, or -1
    "badly written course": 0.010,  # " PROG-07" for "prog-07"
}
DAY_FIRST_SHARE = 0.3
ISO, DAY_FIRST = "%Y-%m-%dT%H:%M:%SZ", "%d/%m/%Y %H:%M:%S"


class Untidy(NamedTuple):
    """A spoiled table and what was done to it, row by row.

    Attributes:
        raw: columns of the enrolments; `time` is text in two formats (ISO and day first), both UTC.
        truth: rows parallel to `raw`: `source` (row of the clean table), `dirt` (one of `DIRT`, or "" for a
            clean row; the original of a duplicate counts as clean), `day_first` (how its time is written).
    """

    raw: pd.DataFrame
    truth: pd.DataFrame


def untidy(enrolments: pd.DataFrame, rng: np.random.Generator | int = 0) -> Untidy:
    """Spoil a copy of the enrolments; the clean table can be had back from `truth.source`.

    Args:
        enrolments: the clean table with parsed times, or anything with such an attribute `enrolments`.
        rng: generator or seed; the same seed spoils the same way.

    Raises:
        ValueError: a column is missing; the message names it.
    """
    rng = np.random.default_rng(rng)
    clean = getattr(enrolments, "enrolments", enrolments).reset_index(drop=True)
    absent = {"learner_id", "course_id", "time", "completed", "rating"} - set(clean.columns)
    if absent:
        raise ValueError(
            f"no column {sorted(absent)[0]!r} among {list(clean.columns)}; pass campus enrolments"
        )
    rows = _rows_per_kind(clean, rng)
    doubled = np.concatenate([rows["exact duplicate"], rows["near duplicate"]])
    source = np.concatenate([np.arange(len(clean)), doubled])
    dirt = np.full(len(source), "", dtype=object)
    raw = clean.iloc[source].reset_index(drop=True)
    raw["learner_id"], raw["course_id"] = raw.learner_id.astype(object), raw.course_id.astype(object)
    for kind, here in rows.items():
        if kind.endswith("duplicate"):
            here = len(clean) + np.flatnonzero(np.isin(doubled, here))
        dirt[here] = kind
        _spoil(raw, kind, here, rng)
    day_first = _write_times(raw, dirt, source, len(clean), rng)
    truth = pd.DataFrame({"source": source, "dirt": dirt, "day_first": day_first})
    order = np.argsort(source + len(clean) * 0.002 * rng.random(len(source)), kind="stable")
    return Untidy(raw.iloc[order].reset_index(drop=True), truth.iloc[order].reset_index(drop=True))


def _rows_per_kind(clean: pd.DataFrame, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Disjoint rows for every kind; only rated rows can hold an impossible rating."""
    mixed = rng.permutation(len(clean))
    rated = clean.rating.notna().to_numpy()[mixed]
    mixed = np.concatenate([mixed[rated], mixed[~rated]])
    rows, free = {}, mixed
    for kind in sorted(DIRT, key=lambda name: name != "impossible rating"):  # it chooses first
        count = int(np.ceil(DIRT[kind] * len(clean)))
        rows[kind], free = np.sort(free[:count]), rng.permutation(free[count:])
    return rows


def _spoil(raw: pd.DataFrame, kind: str, here: np.ndarray, rng: np.random.Generator) -> None:
    n = len(here)
    if kind == "near duplicate":
        raw.loc[here, "time"] += pd.to_timedelta(rng.integers(1, 91, n), unit="s")
        raw.loc[here, "completed"] = (raw.completed[here] * rng.uniform(0.3, 0.95, n)).round(2)
    elif kind == "missing learner":
        raw.loc[here, "learner_id"] = None
    elif kind == "missing time":
        raw.loc[here, "time"] = pd.NaT
    elif kind == "missing completed":
        raw.loc[here, "completed"] = np.nan
    elif kind == "impossible completed":
        raw.loc[here, "completed"] = np.where(
            rng.random(n) < 0.7, rng.uniform(1.5, 10, n), rng.uniform(-1, -0.1, n)
        ).round(1)
    elif kind == "impossible rating":
        slip = rng.random(n)
        raw.loc[here, "rating"] = np.where(slip < 0.6, raw.rating[here] * 11, np.where(slip < 0.8, 0.0, -1.0))
    elif kind == "badly written course":
        raw.loc[here, "course_id"] = [" " + label.upper() for label in raw.course_id[here]]


def _write_times(raw, dirt, source, n_clean, rng) -> np.ndarray:
    """Turn times into text, some day first; an exact duplicate is written as its original was."""
    day_first = rng.random(len(raw)) < DAY_FIRST_SHARE
    exact = dirt == "exact duplicate"
    day_first[exact] = day_first[:n_clean][source[exact]]
    iso, other = raw.time.dt.strftime(ISO), raw.time.dt.strftime(DAY_FIRST)
    raw["time"] = iso.where(~day_first, other)
    return day_first
