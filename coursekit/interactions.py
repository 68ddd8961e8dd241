"""The one data type of the course: who met what, how much it was worth, and when.

Every loader returns an `Interactions`, every split takes one apart, every model is fitted on one.
Rows of arrays are positions (0, 1, 2, …); the labels people know ("L0042", "Python from Zero")
stand once in `user_ids` and `item_ids`.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse


@dataclass(frozen=True, eq=False)
class Interactions:
    """N interactions between `n_users` users and `n_items` items.

    Attributes:
        user: (N,) int64, the row of each interaction's user in `user_ids`.
        item: (N,) int64, the row of its item in `item_ids`.
        value: (N,) float32, a rating or a completed fraction; 1.0 where only the event counts.
        time: (N,) int64 Unix seconds (UTC), or None when the data has no times.
        user_ids: (n_users,) labels. A label may have no interaction (a cold-start user).
        item_ids: (n_items,) labels. Likewise.
        name: what the data is called in tables and figures.
        item_text: (n_items,) strings describing the items, or None.
        item_features: DataFrame of n_items rows in item order, or None.
        user_features: DataFrame of n_users rows in user order, or None.

    Raises:
        ValueError: when lengths differ, a row lies outside the id maps, or a value is not finite.

    Example:
        >>> frame = pd.DataFrame({"user": ["ann", "bob"], "item": ["sql", "sql"]})
        >>> Interactions.from_frame(frame, value=None, time=None)
        Interactions(data: 2 interactions, 2 users, 1 item, density 100.00 %)
    """

    user: NDArray[np.int64]
    item: NDArray[np.int64]
    value: NDArray[np.float32]
    time: NDArray[np.int64] | None
    user_ids: NDArray
    item_ids: NDArray
    name: str = "data"
    item_text: NDArray | None = None
    item_features: pd.DataFrame | None = None
    user_features: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        for field, dtype in (("user", np.int64), ("item", np.int64), ("value", np.float32)):
            object.__setattr__(self, field, np.asarray(getattr(self, field), dtype=dtype))
        if self.time is not None:
            object.__setattr__(self, "time", np.asarray(self.time, dtype=np.int64))
        self._check_lengths()
        _check_rows("user", self.user, len(self.user_ids))
        _check_rows("item", self.item, len(self.item_ids))
        if not np.isfinite(self.value).all():
            row = int(np.flatnonzero(~np.isfinite(self.value))[0])
            raise ValueError(f"value of interaction {row} is {self.value[row]}; drop or fill it first")

    @classmethod
    def from_frame(
        cls,
        frame: pd.DataFrame,
        *,
        user: str = "user",
        item: str = "item",
        value: str | None = "value",
        time: str | None = "time",
        user_ids: ArrayLike | None = None,
        item_ids: ArrayLike | None = None,
        **described: object,
    ) -> Interactions:
        """Number the labels of a table.

        Args:
            frame: one row an interaction.
            user, item: names of the label columns.
            value: name of the value column, or None: every interaction is worth 1.
            time: name of the time column (datetimes or Unix seconds), or None.
            user_ids, item_ids: all labels in the order wanted, so that labels without an
                interaction have a row too. By default the labels found, sorted.
            **described: `name`, `item_text`, `item_features`, `user_features`.

        Raises:
            KeyError: when a column is missing, or a label of the table is not among the given ids.
            ValueError: when a label or value is missing.
        """
        for column in filter(None, (user, item, value, time)):
            if column not in frame.columns:
                raise KeyError(f"the table has no column {column!r}; it has {list(frame.columns)}")
        users, user_ids = _number(frame[user], user_ids)
        items, item_ids = _number(frame[item], item_ids)
        values = np.ones(len(frame), np.float32) if value is None else frame[value].to_numpy(np.float32)
        times = None if time is None else _unix_seconds(frame[time])
        return cls(users, items, values, times, user_ids, item_ids, **described)

    @property
    def n_users(self) -> int:
        """Number of users, those without an interaction included."""
        return len(self.user_ids)

    @property
    def n_items(self) -> int:
        """Number of items, those without an interaction included."""
        return len(self.item_ids)

    @property
    def density(self) -> float:
        """Share of all user-item pairs that occur at least once, between 0 and 1."""
        cells = self.n_users * self.n_items
        return len(np.unique(self._pair_numbers())) / cells if cells else 0.0

    def __len__(self) -> int:
        """Number of interactions N."""
        return len(self.user)

    def __repr__(self) -> str:
        """One line of facts."""
        counts = [(len(self), "interaction"), (self.n_users, "user"), (self.n_items, "item")]
        facts = ", ".join(f"{n:,} {word}{'' if n == 1 else 's'}" for n, word in counts)
        return f"Interactions({self.name}: {facts}, density {self.density:.2%})".replace("%", " %")

    def to_frame(self) -> pd.DataFrame:
        """A table with columns user, item, value and (where there are times) time, labels written out."""
        columns = {"user": self.user_ids[self.user], "item": self.item_ids[self.item], "value": self.value}
        if self.time is not None:
            columns["time"] = pd.to_datetime(self.time, unit="s", utc=True)
        return pd.DataFrame(columns)

    def matrix(self, binary: bool = False) -> sparse.csr_array:
        """The (n_users, n_items) float32 matrix R.

        A pair that occurs more than once keeps its latest value (the last row's, without times).
        With `binary` every pair that occurs is 1. A stored value of zero stays a stored entry.
        """
        order = np.arange(len(self)) if self.time is None else np.argsort(self.time, kind="stable")
        # np.unique keeps the first of equal pairs, so the newest must come first.
        newest_first = order[::-1]
        _, first = np.unique(self._pair_numbers()[newest_first], return_index=True)
        rows = newest_first[first]
        values = np.ones(len(rows), np.float32) if binary else self.value[rows]
        shape = (self.n_users, self.n_items)
        return sparse.csr_array((values, (self.user[rows], self.item[rows])), shape=shape)

    def where(self, rows: ArrayLike) -> Interactions:
        """The chosen interactions (a mask or row numbers), with the same users, items and features."""
        rows = np.asarray(rows)
        if rows.dtype == bool and len(rows) != len(self):
            raise ValueError(f"the mask has {len(rows)} entries for {len(self)} interactions")
        time = None if self.time is None else self.time[rows]
        return replace(self, user=self.user[rows], item=self.item[rows], value=self.value[rows], time=time)

    def user_index(self, labels: ArrayLike, unknown: str = "raise") -> NDArray[np.int64]:
        """Rows of these users: (n,) int64, or () for a single label.

        Args:
            labels: one label or many.
            unknown: "raise" a KeyError that names the label, or "mark" it with -1.
        """
        return _find(labels, self.user_ids, "user", unknown)

    def item_index(self, labels: ArrayLike, unknown: str = "raise") -> NDArray[np.int64]:
        """Rows of these items; see `user_index`."""
        return _find(labels, self.item_ids, "item", unknown)

    def _pair_numbers(self) -> NDArray[np.int64]:
        return self.user * self.n_items + self.item

    def _check_lengths(self) -> None:
        expected = {"item": len(self.user), "value": len(self.user), "time": len(self.user)}
        expected |= {"item_text": self.n_items, "item_features": self.n_items, "user_features": self.n_users}
        for field, length in expected.items():
            found = getattr(self, field)
            if found is not None and len(found) != length:
                raise ValueError(f"{field} has {len(found)} rows where {length} are needed")


def _number(labels: pd.Series, ids: ArrayLike | None) -> tuple[NDArray[np.int64], NDArray]:
    if labels.isna().any():
        row = int(np.flatnonzero(labels.isna())[0])
        raise ValueError(f"row {row} of the table has no {labels.name}; drop it or name it first")
    # Plain object arrays of str: pandas 2.2 and 3 spell their string columns differently.
    plain = labels.to_numpy() if pd.api.types.is_integer_dtype(labels) else labels.to_numpy(object)
    ids = np.unique(plain) if ids is None else _as_labels(ids)
    return _find(plain, ids, str(labels.name), "raise"), ids


def _as_labels(labels: ArrayLike) -> NDArray:
    array = np.asarray(labels)
    return array if np.issubdtype(array.dtype, np.integer) else array.astype(object)


def _find(labels: ArrayLike, ids: NDArray, what: str, unknown: str) -> NDArray[np.int64]:
    if unknown not in ("raise", "mark"):
        raise ValueError(f"unknown={unknown!r}: choose 'raise' or 'mark'")
    wanted = _as_labels(labels)
    rows = pd.Index(ids).get_indexer(np.atleast_1d(wanted)).astype(np.int64)
    if unknown == "raise" and (rows < 0).any():
        label = np.atleast_1d(wanted)[rows < 0][0]
        near = difflib.get_close_matches(str(label), [str(known) for known in ids], n=3)
        hint = f"; near it are {near}" if near else ""
        raise KeyError(f"no {what} is called {label!r} among {len(ids):,}{hint}")
    return rows.reshape(wanted.shape)


def _check_rows(what: str, rows: NDArray[np.int64], n: int) -> None:
    outside = (rows < 0) | (rows >= n)
    if outside.any():
        place = int(np.flatnonzero(outside)[0])
        raise ValueError(f"{what} of interaction {place} is {rows[place]}; rows go from 0 to {n - 1}")


def _unix_seconds(column: pd.Series) -> NDArray[np.int64]:
    if pd.api.types.is_numeric_dtype(column):
        return column.to_numpy(np.int64)
    moments = pd.to_datetime(column, utc=True)
    if moments.isna().any():
        row = int(np.flatnonzero(moments.isna())[0])
        raise ValueError(f"row {row} of the table has no time; drop it first")
    return moments.dt.tz_localize(None).to_numpy("datetime64[s]").astype(np.int64)
