"""From arrays to the campus files: fixed-format text, \\n on every system, whole files or none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd

from coursekit.files import whole_file
from coursekit.simulator.engine import Events
from coursekit.simulator.exposure import TICKETS
from coursekit.simulator.population import BACKGROUNDS, Learners
from coursekit.simulator.world import DAY, LANGUAGES, Catalogue

LEARNER_COLUMNS = ("learner_id", "goal", "background", "join_date", "hours_per_week", "languages")
ENROLMENT_COLUMNS = ("learner_id", "course_id", "time", "position", "propensity", "completed", "rating")
BLOCK = 200_000  # rows turned into text at a time


@contextmanager
def whole_text(path: Path) -> Iterator[TextIO]:
    """A text file that appears whole or not at all, its lines ended by \\n on every system."""
    with whole_file(path) as draft, draft.open("w", encoding="utf-8", newline="\n") as stream:
        yield stream


def learner_labels(n: int) -> np.ndarray:
    """L0001, L0002, ...: at least four digits, all of one width, so that text order is row order."""
    width = max(4, len(str(n)))
    return np.array([f"L{number:0{width}d}" for number in range(1, n + 1)], object)


def learner_table(catalogue: Catalogue, learners: Learners) -> pd.DataFrame:
    """What the platform knows of its learners; nothing hidden."""
    spoken = [";".join(np.array(LANGUAGES)[row]) for row in learners.speaks]
    columns = (
        learner_labels(learners.n),
        np.array(catalogue.subjects, object)[learners.goal],
        np.array(BACKGROUNDS, object)[learners.background],
        pd.to_datetime(learners.join, unit="s"),
        learners.hours.astype(np.int64),
        spoken,
    )
    return pd.DataFrame(dict(zip(LEARNER_COLUMNS, columns, strict=True)))


def write_learners(path: Path, catalogue: Catalogue, learners: Learners) -> None:
    """Write learners.csv, a block of rows at a time."""
    with whole_text(path) as stream:
        stream.write(",".join(LEARNER_COLUMNS) + "\n")
        spoken_of = _spoken_names()
        labels, spoken = learner_labels(learners.n), learners.speaks @ (1 << np.arange(len(LANGUAGES)))
        date_of = np.datetime_as_string(learners.join.astype("datetime64[s]"), unit="D")
        for row in range(learners.n):
            goal, background = catalogue.subjects[learners.goal[row]], BACKGROUNDS[learners.background[row]]
            stream.write(
                f"{labels[row]},{goal},{background},{date_of[row]},{learners.hours[row]},{spoken_of[spoken[row]]}\n"
            )


def _spoken_names() -> list[str]:
    sets = range(1 << len(LANGUAGES))
    return [";".join(name for bit, name in enumerate(LANGUAGES) if spoken >> bit & 1) for spoken in sets]


class EnrolmentText:
    """Turns events into lines of enrolments.csv by looking up prepared text (fast enough for 40 M)."""

    def __init__(self, catalogue: Catalogue, n_learners: int):
        self.learner = learner_labels(n_learners)
        self.course = catalogue.ids
        self.second = np.array(
            [f"T{s // 3600:02d}:{s // 60 % 60:02d}:{s % 60:02d}Z" for s in range(DAY)], object
        )
        self.position = np.array([str(slot) for slot in range(1000)], object)
        self.propensity = np.array([f"{number / TICKETS:.6f}" for number in range(TICKETS + 1)], object)
        self.completed = np.array([f"{percent / 100:.2f}" for percent in range(101)], object)
        self.rating = np.array(["", "1", "2", "3", "4", "5"], object)

    def lines(self, events: Events) -> Iterator[str]:
        """Blocks of lines, each ending in a newline."""
        for start in range(0, len(events), BLOCK):
            part = events.take(slice(start, start + BLOCK))
            columns = (
                self.learner[part.learner],
                self.course[part.course],
                self._dates(part.time) + self.second[part.time % DAY],
                self.position[part.position],
                self.propensity[part.tickets],
                self.completed[part.percent],
                self.rating[part.rating],
            )
            yield "\n".join(map(",".join, zip(*(c.tolist() for c in columns), strict=True))) + "\n"

    @staticmethod
    def _dates(time: np.ndarray) -> np.ndarray:
        day, which = np.unique(time // DAY, return_inverse=True)
        return np.datetime_as_string(day.astype("datetime64[D]")).astype(object)[which]


def enrolment_table(catalogue: Catalogue, learners: Learners, events: Events) -> pd.DataFrame:
    """The same facts as enrolments.csv as a frame: times in UTC, rating NaN when there is none."""
    columns = (
        learner_labels(learners.n)[events.learner],
        catalogue.ids[events.course],
        pd.to_datetime(events.time, unit="s", utc=True),
        events.position,
        np.round(events.tickets / TICKETS, 6),
        events.percent / 100.0,
        np.where(events.rating > 0, events.rating, np.nan),
    )
    return pd.DataFrame(dict(zip(ENROLMENT_COLUMNS, columns, strict=True)))
