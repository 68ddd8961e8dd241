"""Two doors to the campus world: `simulate` makes its data, `Campus` answers what its learners truly want."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from coursekit.simulator.choice import appraise
from coursekit.simulator.engine import Events, elapsed_share, run_weeks
from coursekit.simulator.exposure import TICKETS, Platform
from coursekit.simulator.files import (
    ENROLMENT_COLUMNS,
    EnrolmentText,
    enrolment_table,
    learner_table,
    whole_text,
    write_learners,
)
from coursekit.simulator.population import Learners, apply_events, draw_learners, weeks_since_start
from coursekit.simulator.world import (
    N_WEEKS,
    SHIPPED_SEED,
    WEEK,
    WINDOW_START,
    Behaviour,
    World,
    build_world,
    find_campus_folder,
)

CATALOGUE_FILES = ("courses.csv", "course_topics.csv")


@dataclass(frozen=True)
class Simulated:
    """Learners and enrolments of one simulated world, as the files hold them (dates and times parsed)."""

    learners: pd.DataFrame
    enrolments: pd.DataFrame


def simulate(
    seed: int = SHIPPED_SEED,
    n_learners: int = 3000,
    *,
    folder: str | Path | None = None,
    behaviour: Behaviour | None = None,
    progress: bool = False,
) -> Simulated | Path:
    """Simulate two years of campus.

    Without `folder` returns the tables. With `folder` streams learners.csv and enrolments.csv there week by
    week (memory grows with learners, not with events), copies the catalogue beside them and returns the
    folder; each file appears only when complete. The defaults reproduce the shipped files byte for byte.

    Raises:
        ValueError: n_learners is not positive.
    """
    if n_learners < 1:
        raise ValueError(f"n_learners={n_learners}: a campus needs at least one learner")
    world = build_world(seed, behaviour)
    if folder is None:
        campus = Campus(seed, n_learners, behaviour=behaviour)
        return Simulated(campus.learner_table(), campus.enrolment_table())
    return _stream(world, n_learners, Path(folder), progress)


def _stream(world: World, n_learners: int, folder: Path, progress: bool) -> Path:
    learners = draw_learners(world, n_learners)
    write_learners(folder / "learners.csv", world.catalogue, learners)
    text = EnrolmentText(world.catalogue, n_learners)
    weeks = run_weeks(world, learners, Platform(world, n_learners))
    with whole_text(folder / "enrolments.csv") as stream:
        stream.write(",".join(ENROLMENT_COLUMNS) + "\n")
        for events in _with_bar(weeks, progress):
            for block in text.lines(events):
                stream.write(block)
    for name in CATALOGUE_FILES:
        source = find_campus_folder() / name
        if source.resolve() != (folder / name).resolve():
            shutil.copyfile(source, folder / name)
    return folder


def _with_bar(weeks, progress: bool):
    if not progress:
        return weeks
    from tqdm.auto import tqdm

    return tqdm(weeks, total=N_WEEKS, desc="campus", unit="week")


class Campus:
    """A campus world that can be asked for the truth. `Campus()` is the shipped one.

    The simulation is replayed from the seed on first use (a few seconds) and kept.
    Rows of learners are rows of learners.csv, columns of courses rows of courses.csv.
    """

    def __init__(
        self, seed: int = SHIPPED_SEED, n_learners: int = 3000, *, behaviour: Behaviour | None = None
    ) -> None:
        if n_learners < 1:
            raise ValueError(f"n_learners={n_learners}: a campus needs at least one learner")
        self.world = build_world(seed, behaviour)
        self.n_learners, self.n_courses = n_learners, self.world.catalogue.n

    def __repr__(self) -> str:
        return f"Campus(seed={self.world.seed}, n_learners={self.n_learners}, n_courses={self.n_courses})"

    @cached_property
    def _weeks(self) -> tuple[list[Events], np.ndarray]:
        """Events of every week, and the herd signal (weeks + 1, J) at the beginning of each."""
        learners = draw_learners(self.world, self.n_learners)
        platform = Platform(self.world, self.n_learners)
        weeks, herd = [], [platform.herd]
        for events in run_weeks(self.world, learners, platform):
            weeks.append(events)
            herd.append(platform.herd)
        return weeks, np.stack(herd)

    @cached_property
    def _beginning(self) -> Learners:
        return draw_learners(self.world, self.n_learners)

    def learner_table(self) -> pd.DataFrame:
        """What learners.csv holds."""
        return learner_table(self.world.catalogue, self._beginning)

    def enrolment_table(self) -> pd.DataFrame:
        """What enrolments.csv holds."""
        return enrolment_table(self.world.catalogue, self._beginning, Events.join(self._weeks[0]))

    def oracle(self, learners: np.ndarray, time: int) -> np.ndarray:
        """True expected utility of enrolling, (L, J): what each learner really wants.

        V_ij(t) of DATASHEET.md, given the learner's true state at `time` (Unix seconds): taste as drifted by
        the week's beginning, skills and momentum from every course taken up to `time`, what is popular that
        week. Nothing after `time` has any influence. Courses not launched by `time` are -inf; courses
        already taken are not masked (evaluation does that). The noise of the moment is not part of it, so
        even the oracle is far from perfect; nor is where a course is shown, so a ranking that also weighs
        `exposure` predicts the log a little better (DATASHEET.md has both figures).

        Raises:
            IndexError: a learner outside 0 .. n_learners - 1.
        """
        rows = self._checked(learners)
        state, herd = self._state_at(int(time))
        distinct, back = np.unique(rows, return_inverse=True)
        utility = np.empty((len(distinct), self.n_courses))
        for start in range(0, len(distinct), 512):  # keeps the working set inside the cache
            some = distinct[start : start + 512]
            courses = np.broadcast_to(np.arange(self.n_courses), (len(some), self.n_courses))
            elapsed = elapsed_share(self._week_start(int(time)))
            utility[start : start + 512] = appraise(self.world, state, some, courses, elapsed, herd).utility
        utility[:, self.world.catalogue.launch > time] = -np.inf
        return utility[back]

    def exposure(self, learners: np.ndarray, time: int) -> np.ndarray:
        """Chance (L, J) that one slot of the platform's page shows each course in the week of `time`.

        This is the logging policy: `propensity` in enrolments.csv is this number for the chosen course.
        """
        rows = self._checked(learners)
        week = min(weeks_since_start(int(time)), N_WEEKS - 1)
        platform = Platform(self.world, self.n_learners)
        for events in self._weeks[0][:week]:
            platform.count(events.course)
        number = platform.tickets(self._week_start(int(time)))[1]
        return number[self._beginning.goal[rows].astype(np.int64)] / TICKETS

    def _checked(self, learners: np.ndarray) -> np.ndarray:
        rows = np.asarray(learners, dtype=np.int64).reshape(-1)
        outside = (rows < 0) | (rows >= self.n_learners)
        if outside.any():
            raise IndexError(
                f"learner {rows[outside][0]} at place {int(outside.argmax())}: this campus has learners"
                f" 0 to {self.n_learners - 1}; pass rows of learners.csv"
            )
        return rows

    @staticmethod
    def _week_start(time: int) -> int:
        return WINDOW_START + min(weeks_since_start(time), N_WEEKS - 1) * WEEK

    def _state_at(self, time: int) -> tuple[Learners, np.ndarray]:
        """Learners' state after every event up to and including `time`; the last one asked for is kept."""
        if getattr(self, "_kept", (None,))[0] != time:
            weeks, herd = self._weeks
            learners = draw_learners(self.world, self.n_learners)
            week = weeks_since_start(time)
            for events in weeks[: week + 1]:
                _replay(self.world, learners, events.take(events.time <= time))
            self._kept = (time, learners, herd[min(week, N_WEEKS - 1)])
        return self._kept[1:]


def _replay(world: World, learners: Learners, events: Events) -> None:
    """Apply a week's events; a learner's second and third course of the week come in later rounds."""
    order = np.lexsort((events.time, events.learner))
    person = events.learner[order]
    first = np.r_[True, person[1:] != person[:-1]] if len(person) else np.zeros(0, bool)
    start = np.maximum.accumulate(np.where(first, np.arange(len(person)), 0))
    turn = np.arange(len(person)) - start
    for now in range(3):
        some = order[turn == now]
        apply_events(world, learners, events.learner[some], events.course[some], events.percent[some])
