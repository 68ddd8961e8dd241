"""Examples for "will this learner finish this course?", each with only what was known when it began."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from coursekit.interactions import Interactions
from coursekit.models.sequences import PADDING
from coursekit.splits import unix_seconds

SECONDS_A_DAY = 86_400


@dataclass(frozen=True, eq=False)
class CompletionExamples:
    """N enrolments, each with its learner's history until then.

    Attributes:
        users: (N,) int64 user rows.
        items: (N,) int64 item rows, the courses that may be finished or not.
        finished: (N,) bool, the answers.
        times: (N,) int64 Unix seconds of the enrolments.
        histories: (N, H) int64 tokens of earlier enrolments (item row + 1), oldest first, padded with 0 on
            the right. A first enrolment has a row of padding.
        fractions: (N, H) float32, how much of those was completed; NaN where that was not known yet, 0 beside
            padding.
        n_users, n_items: sizes of the data they come from.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]
    finished: NDArray[np.bool_]
    times: NDArray[np.int64]
    histories: NDArray[np.int64]
    fractions: NDArray[np.float32]
    n_users: int
    n_items: int

    def __len__(self) -> int:
        """Number of examples N."""
        return len(self.items)

    def where(self, rows: ArrayLike) -> CompletionExamples:
        """The chosen examples: a mask or row numbers."""
        values = [getattr(self, field.name) for field in fields(self)]
        return CompletionExamples(*(v[rows] if isinstance(v, np.ndarray) else v for v in values))

    def split(self, moment: str | float | datetime) -> tuple[CompletionExamples, CompletionExamples]:
        """The examples before a moment and those from then on: for training, and for a test in its future.

        Args:
            moment: an ISO date (UTC), a datetime or Unix seconds.

        Raises:
            ValueError: when one side would be empty.
        """
        early = self.times < unix_seconds(moment)
        if early.all() or not early.any():
            raise ValueError(f"split({moment!r}) leaves {early.sum():,} of {len(self):,} examples before it")
        return self.where(early), self.where(~early)


def completion_examples(
    data: Interactions, *, finished: float = 0.9, max_length: int = 50, known_after: float = 0.0
) -> CompletionExamples:
    """One example for each enrolment: was it finished, and what did its learner do before?

    A history holds what the learner began strictly earlier, so nothing that happens later, or in the same
    second, changes an example.

    Args:
        data: enrolments whose value is the completed fraction: `load("campus", value="completed")`.
        finished: from which completed fraction on a course counts as finished.
        max_length: longest history, H; older enrolments are left out.
        known_after: days after which the fraction of an enrolment is known. On campus a course is over
            before its learner chooses the next, hence 0; where courses overlap it takes as long as a course.

    Returns:
        N examples by time, equal times in the order of `data`.

    Raises:
        ValueError: when the data has no times, a value is no fraction, or an option is outside its range.
    """
    _check(data, finished, max_length, known_after)
    by_user = np.lexsort((data.time, data.user))
    users, items, times = data.user[by_user], data.item[by_user], data.time[by_user]
    firsts, earlier = _places(users, times)
    lengths = np.minimum(earlier, max_length)
    step = np.arange(max(1, lengths.max(initial=0)))
    real = step < lengths[:, None]
    places = np.where(real, (firsts + earlier - lengths)[:, None] + step, 0)  # (N, H) among `by_user`
    values = data.value[by_user]
    known = times[:, None] - times[places] >= known_after * SECONDS_A_DAY
    fractions = np.where(real, np.where(known, values[places], np.float32(np.nan)), np.float32(0))
    examples = CompletionExamples(
        users,
        items,
        values >= np.float32(finished),  # a stored 0.9 is a float32, a little less than Python's 0.9
        times,
        np.where(real, items[places] + 1, PADDING),
        fractions,
        data.n_users,
        data.n_items,
    )
    return examples.where(np.lexsort((by_user, times)))


def _places(users: NDArray[np.int64], times: NDArray[np.int64]) -> tuple[NDArray, NDArray]:
    """Of events by user and time: where each one's user begins, and how many of theirs are strictly older."""
    new_user = np.diff(users, prepend=-1) != 0
    new_moment = new_user | (np.diff(times, prepend=0) != 0)
    place = np.arange(len(users))
    firsts = np.maximum.accumulate(np.where(new_user, place, 0))
    moments = np.maximum.accumulate(np.where(new_moment, place, 0))
    return firsts, moments - firsts


def _check(data: Interactions, finished: float, max_length: int, known_after: float) -> None:
    if data.time is None:
        raise ValueError(f"{data.name} has no times, and without them nobody knows what came before")
    wrong = (data.value < 0) | (data.value > 1)
    if wrong.any():
        raise ValueError(
            f"value {data.value[wrong][0]:g} is no completed fraction: "
            'they lie between 0 and 1, as in load("campus", value="completed")'
        )
    if not 0 < finished <= 1:
        raise ValueError(f"finished={finished} must lie above 0 and not above 1")
    if max_length < 1 or not known_after >= 0:
        raise ValueError(f"max_length={max_length} must be at least 1, known_after={known_after} at least 0")
