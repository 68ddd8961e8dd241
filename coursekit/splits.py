"""Hold-outs and negative samples: what a model may learn from and what it is judged by.

Every split returns a `Split` whose two halves share the users, items and features of the data it came
from, so that a row means the same user in both. Everything random takes an `rng` (a generator or a seed).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from coursekit.interactions import Interactions

CAMPUS_CUTOFF = "2026-07-01"


@dataclass(frozen=True)
class Split:
    """Two parts of one data set.

    Attributes:
        train: what a model may be fitted on.
        test: what was held out.
        description: one sentence that says how they were parted, for tables and reports.
    """

    train: Interactions
    test: Interactions
    description: str


def random_split(
    data: Interactions,
    test_fraction: float = 0.25,
    by: str | None = "item",
    *,
    rng: np.random.Generator | int = 0,
) -> Split:
    """Hold out a random share of the interactions.

    Args:
        data: what to split.
        test_fraction: share held out, between 0 and 1.
        by: "item" (or "user") splits each item's (user's) rows in that proportion: of n rows,
            round((1 - test_fraction) · n) stay in train, halves to the even number. With "item" this
            is the protocol of Microsoft Recommenders' `python_stratified_split(filter_by="item")`.
            None draws from all rows alike.
        rng: generator or seed.

    Note:
        It lets a model learn from the future of the interactions it is judged by. Prefer `time_split`
        where there are times, except to compare with published numbers.
    """
    _check_fraction(test_fraction)
    if by not in ("item", "user", None):
        raise ValueError(f"by={by!r}: choose 'item', 'user' or None")
    group = np.zeros(len(data), dtype=np.int64) if by is None else getattr(data, by)
    place, size = _shuffled_place(group, np.random.default_rng(rng))
    in_train = place < np.round((1 - test_fraction) * size)
    within = f", drawn {by} by {by}" if by else ""
    description = f"A random {test_fraction:.0%} of the interactions{within}, is held out."
    return _part(data, in_train, ~in_train, description)


def time_split(
    data: Interactions,
    cutoff: str | float | datetime | None = None,
    test_fraction: float = 0.1,
    *,
    new_pairs_only: bool = False,
) -> Split:
    """Hold out everything from one global moment on, as if the model were put to work then.

    Args:
        data: interactions with times.
        cutoff: the first moment of the test period: an ISO date (UTC), a datetime or Unix seconds. By
            default the moment from which on about `test_fraction` of the interactions happen.
        test_fraction: share held out when there is no cutoff; interactions of the same second stay
            together, so the share is met only nearly.
        new_pairs_only: leave out of test what the user has already met in train (a repeat is no
            discovery).

    Raises:
        ValueError: when the data has no times, or one side would be empty.
    """
    time = _times_of(data)
    if cutoff is None:
        _check_fraction(test_fraction)
        moment = int(np.sort(time)[min(int(np.ceil((1 - test_fraction) * len(time))), len(time) - 1)])
    else:
        moment = unix_seconds(cutoff)
    in_test = time >= moment
    if in_test.all() or not in_test.any():
        raise ValueError(
            f"nothing lies on one side of {_written(moment)}: the data runs from "
            f"{_written(time.min())} to {_written(time.max())}"
        )
    in_train, limits = ~in_test, ""
    if new_pairs_only:
        in_test, limits = in_test & _never_in(data, in_train), ", pairs already met left out"
    return _part(data, in_train, in_test, f"Train: before {_written(moment)}; test: from then on{limits}.")


def leave_last_out(data: Interactions, n: int = 1) -> Split:
    """Hold out each user's last n interactions (leave-one-out for n = 1).

    A user with n interactions or fewer stays in train whole and is not tested. Equal times keep the
    order of the rows.

    Note:
        Users stop at different moments, so a model may learn from what happened after a tested
        interaction; `time_split` does not have this leak.
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n!r}")
    order = np.lexsort((_times_of(data), data.user))
    place, size = _place_in_group(data.user, order)
    in_test = (place >= size - n) & (size > n)
    last = "interaction" if n == 1 else f"{n} interactions"
    return _part(data, ~in_test, in_test, f"Each user's last {last}, of more than {n}, is held out.")


def standard_split(data: Interactions, *, rng: np.random.Generator | int = 0) -> Split:
    """The course's one protocol for each data set, so that rows of the leaderboard can be compared.

    | data | protocol |
    |---|---|
    | campus | the last two months (from 2026-07-01), pairs not met before |
    | ml-100k | random 75/25, item by item, as in Microsoft Recommenders' published table |
    | others with times | the last tenth of the time line, pairs not met before |
    | others | random 75/25, item by item |
    """
    if data.name == "campus":
        return time_split(data, CAMPUS_CUTOFF, new_pairs_only=True)
    if data.name == "ml-100k" or data.time is None:
        return random_split(data, 0.25, by="item", rng=rng)
    return time_split(data, test_fraction=0.1, new_pairs_only=True)


def sample_negatives(
    seen: sparse.sparray, users: ArrayLike, n: int = 99, *, rng: np.random.Generator | int = 0
) -> NDArray[np.int64]:
    """Draw n different items that each user has never seen, every such set with the same probability.

    Args:
        seen: (n_users, n_items) sparse matrix; every stored entry is seen (train and held out together,
            or a positive may turn up as a negative).
        users: (U,) user rows; a user may come several times and then gets independent draws.
        n: number of items a row.
        rng: generator or seed.

    Returns:
        (U, n) item indices, in random order.

    Raises:
        ValueError: when a user has fewer than n unseen items (the user is named).
    """
    if n < 1:
        raise ValueError(f"n must be at least 1, not {n!r}")
    rng, rows = np.random.default_rng(rng), _rows_of(seen, users)
    n_items, n_seen = rows.shape[1], np.diff(rows.indptr)
    n_unseen = n_items - n_seen
    if (n_unseen < n).any():
        row = int(np.argmax(n_unseen < n))
        raise ValueError(
            f"user {np.asarray(users)[row]} has {n_unseen[row]} unseen items, too few for {n} negatives: "
            "ask for fewer, or leave the user out"
        )
    drawn = _distinct_below(n_unseen, n, rng)
    # The p-th unseen item is p plus the number of seen items before it. The j-th seen item s_j has
    # s_j - j unseen ones before it, so it lies before the p-th unseen item when s_j - j <= p.
    owner = np.repeat(np.arange(len(n_seen)), n_seen)
    unseen_before = rows.indices - (np.arange(len(owner)) - rows.indptr[owner])
    keys = owner * (n_items + 1) + unseen_before
    wanted = np.arange(len(n_seen))[:, None] * (n_items + 1) + drawn
    return drawn + np.searchsorted(keys, wanted, side="right") - rows.indptr[:-1, None]


def _distinct_below(bounds: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """(U, n) different whole numbers below each bound, uniformly drawn, in random order."""
    drawn = np.empty((len(bounds), n), dtype=np.int64)
    tight = bounds < 2 * n  # few to choose from: shuffle them all; otherwise draw again what repeats
    drawn[tight] = _shuffled_heads(bounds[tight], n, rng)
    pending = np.flatnonzero(~tight)
    drawn[pending] = rng.integers(0, bounds[pending, None], size=(len(pending), n))
    while len(pending):
        part = np.sort(drawn[pending], axis=1)
        twice = np.zeros(part.shape, dtype=bool)
        twice[:, 1:] = part[:, 1:] == part[:, :-1]
        rows, columns = np.nonzero(twice)
        part[rows, columns] = rng.integers(0, bounds[pending[rows]])
        drawn[pending] = part
        pending = pending[twice.any(axis=1)]
    return rng.permuted(drawn, axis=1)


def _shuffled_heads(bounds: NDArray[np.int64], n: int, rng: np.random.Generator) -> NDArray[np.int64]:
    width = max(int(bounds.max(initial=0)), n)
    keys = rng.random((len(bounds), width))
    keys[np.arange(width) >= bounds[:, None]] = np.inf
    return np.argsort(keys, axis=1)[:, :n]


def _rows_of(seen: sparse.sparray, users: ArrayLike) -> sparse.csr_array:
    if not sparse.issparse(seen):
        raise TypeError(f"seen must be a sparse matrix, not {type(seen).__name__}")
    users = np.asarray(users)
    if users.ndim != 1 or (users.size and not np.issubdtype(users.dtype, np.integer)):
        raise ValueError(f"users must be one row of user rows, not {users.dtype} of shape {users.shape}")
    outside = (users < 0) | (users >= seen.shape[0])
    if outside.any():
        raise IndexError(f"user {users[outside][0]} is outside the data's {seen.shape[0]} users")
    rows = sparse.csr_array(seen)[users.astype(np.int64)]
    rows.sum_duplicates()
    return rows


def _shuffled_place(
    group: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Each row's place in a random order of its group, and the group's size."""
    return _place_in_group(group, np.lexsort((rng.random(len(group)), group)))


def _place_in_group(
    group: NDArray[np.int64], order: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Place within the group, counted along `order` (which has the groups one after the other)."""
    size = np.bincount(group)
    start = np.concatenate([[0], np.cumsum(size)])
    place = np.empty(len(group), dtype=np.int64)
    place[order] = np.arange(len(group)) - start[group[order]]
    return place, size[group]


def _never_in(data: Interactions, in_train: NDArray[np.bool_]) -> NDArray[np.bool_]:
    pairs = data.user * data.n_items + data.item
    return ~np.isin(pairs, pairs[in_train])


def _part(data: Interactions, in_train: NDArray, in_test: NDArray, description: str) -> Split:
    return Split(data.where(in_train), data.where(in_test), description)


def _check_fraction(test_fraction: float) -> None:
    if not 0 < test_fraction < 1:
        raise ValueError(f"test_fraction must lie between 0 and 1, not {test_fraction!r}")


def _times_of(data: Interactions) -> NDArray[np.int64]:
    if data.time is None:
        raise ValueError(f"{data.name} has no times: use random_split, or load it with its time column")
    if not len(data):
        raise ValueError(f"{data.name} has no interactions to split")
    return data.time


def unix_seconds(moment: str | float | datetime) -> int:
    """A moment, an ISO date (UTC), a datetime or Unix seconds, as Unix seconds."""
    if isinstance(moment, int | float | np.number):
        return int(moment)
    stamp = pd.Timestamp(moment)
    stamp = stamp.tz_localize(UTC) if stamp.tzinfo is None else stamp
    return int(stamp.timestamp())


def _written(moment: int) -> str:
    stamp = pd.Timestamp(int(moment), unit="s")
    return f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else f"{stamp:%Y-%m-%d %H:%M:%S}"
