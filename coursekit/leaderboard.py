"""One table of results that all lessons share, kept in a file between them.

Each lesson adds its models' rows, and a later run of the same model replaces the earlier one. Lessons
may run at the same time: a change is made under a lock and the file is replaced as a whole, so a
reader never meets half a table and no row is lost.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

from coursekit.files import locked, whole_file

COLUMNS = ["dataset", "protocol", "lesson", "model", "metric", "k", "value", "low", "high", "n_users"]
KEY = ["dataset", "protocol", "model", "metric", "k"]
MEASURED = ["metric", "k", "value", "low", "high", "n_users"]


class Leaderboard:
    """Results of models, one row for a data set, protocol, model, metric and cut-off.

    Args:
        path: the CSV file; by default the environment's COURSEKIT_LEADERBOARD, else
            ~/.coursekit/leaderboard.csv. It is made with the first row. Where it cannot be written, the
            rows are kept in memory and one warning says so.

    Example:
        >>> board = Leaderboard("build/leaderboard.csv")  # doctest: +SKIP
        >>> board.add("popularity", table, dataset="campus", protocol=split.description, lesson="01")
        ...  # doctest: +SKIP
        >>> board.table("campus")  # doctest: +SKIP
    """

    def __init__(self, path: str | Path | None = None) -> None:
        chosen = path or os.environ.get("COURSEKIT_LEADERBOARD") or "~/.coursekit/leaderboard.csv"
        self.path = Path(chosen).expanduser()
        self._in_memory: pd.DataFrame | None = None

    def add(self, model: str, table: pd.DataFrame, *, dataset: str, protocol: str, lesson: str) -> None:
        """Add a model's rows; rows of the same data set, protocol, model, metric and k are replaced.

        Args:
            model: the model's name.
            table: what `evaluate` returned.
            dataset, protocol, lesson: where, how and in which lesson it was measured.

        Raises:
            ValueError: when the table lacks a column of `evaluate`'s.
        """
        missing = [column for column in MEASURED if column not in table.columns]
        if missing:
            raise ValueError(f"the table has no column {missing}; give add() what evaluate() returned")
        facts = {"dataset": dataset, "protocol": protocol, "lesson": lesson, "model": model}
        new = table[MEASURED].assign(**{name: str(fact) for name, fact in facts.items()})[COLUMNS]
        if self._in_memory is not None:
            self._in_memory = _merged(self._in_memory, new)
            return
        try:
            with locked(self.path):
                _replace(self.path, _merged(_read(self.path), new))
        except OSError as error:
            self._keep_in_memory(new, error)

    def table(
        self, dataset: str | None = None, metric: str | None = "ndcg", k: int | None = 10
    ) -> pd.DataFrame:
        """Rows of one data set, metric and cut-off, the best model first; None means all."""
        rows = _read_if_possible(self.path) if self._in_memory is None else self._in_memory
        for column, wanted in (("dataset", dataset), ("metric", metric), ("k", k)):
            if wanted is not None:
                rows = rows[rows[column] == wanted]
        in_order = ["dataset", "protocol", "metric", "k", "value"]
        rising = [True, True, True, True, False]
        return rows.sort_values(in_order, ascending=rising, kind="stable", ignore_index=True)

    def clear(self) -> None:
        """Forget all rows, also those in the file."""
        self._in_memory = None
        try:
            with locked(self.path):
                self.path.unlink(missing_ok=True)
        except OSError as error:
            self._keep_in_memory(_empty(), error)

    def _keep_in_memory(self, new: pd.DataFrame, error: OSError) -> None:
        warnings.warn(
            f"the leaderboard {self.path} cannot be written ({error.strerror or error}); this session keeps "
            "it in memory. Set COURSEKIT_LEADERBOARD to a file in a folder of yours",
            stacklevel=3,
        )
        self._in_memory = _merged(_read_if_possible(self.path), new)


def _empty() -> pd.DataFrame:
    numbers = {"k": "int64", "value": "float64", "low": "float64", "high": "float64", "n_users": "int64"}
    return pd.DataFrame({name: pd.Series(dtype=numbers.get(name, "str")) for name in COLUMNS})


def _read(path: Path) -> pd.DataFrame:
    """The rows of the file; no file and an empty file have none."""
    if not path.exists() or path.stat().st_size == 0:
        return _empty()
    try:
        # All as text: a model may be called "None" or "07", and Python reads numbers back to the last bit.
        rows = pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[], encoding="utf-8")
    except ValueError as error:
        raise ValueError(f"{path} is no leaderboard ({error}); move it away and run again") from None
    if list(rows.columns) != COLUMNS:
        raise ValueError(f"{path} is no leaderboard: its columns are {list(rows.columns)}; move it away")
    for name in ("value", "low", "high"):
        rows[name] = np.array([float(text) if text else np.nan for text in rows[name]], dtype=np.float64)
    return rows.astype({"k": np.int64, "n_users": np.int64})


def _read_if_possible(path: Path) -> pd.DataFrame:
    try:
        return _read(path)
    except OSError:
        return _empty()


def _merged(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Old rows without those that the new ones replace, then the new ones."""
    replaced = pd.MultiIndex.from_frame(old[KEY]).isin(pd.MultiIndex.from_frame(new[KEY]))
    kept = old[~replaced]
    return pd.concat([kept, new], ignore_index=True) if len(kept) else new.reset_index(drop=True)


def _replace(path: Path, rows: pd.DataFrame) -> None:
    with whole_file(path) as draft:
        rows.to_csv(draft, index=False, lineterminator="\n", encoding="utf-8")
