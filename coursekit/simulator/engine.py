"""The clock: one weekly step after another, all learners in chunks. Serves 3,000 and 1,000,000 alike.

In a week some learners open one session. The platform fills a page of K slots; the learner takes one to three
courses of it, one after the other (each choice changes what the next one is worth).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from coursekit.simulator.choice import appraise, complete_and_rate
from coursekit.simulator.exposure import TICKETS, Platform
from coursekit.simulator.population import CHUNK, NONE, Learners, apply_events
from coursekit.simulator.world import DAY, N_WEEKS, WEEK, WINDOW_END, WINDOW_START, World

# Share of the usual activity by calendar month: quiet August and December, busy January and September.
SEASON = np.array([1.15, 1.0, 1.0, 0.95, 0.95, 0.85, 0.8, 0.75, 1.2, 1.1, 1.0, 0.7])


@dataclass(frozen=True)
class Events:
    """Enrolments as parallel arrays (N,), in order of time."""

    learner: np.ndarray
    course: np.ndarray
    time: np.ndarray  # Unix seconds
    position: np.ndarray  # 1..K, place on the page
    tickets: np.ndarray  # propensity * 65536
    percent: np.ndarray  # completed, 1..100
    rating: np.ndarray  # 1..5, 0 for none

    def __len__(self) -> int:
        return len(self.learner)

    def take(self, rows: np.ndarray | slice) -> Events:
        """The events at `rows`."""
        return Events(*(getattr(self, field.name)[rows] for field in fields(self)))

    @staticmethod
    def join(parts: list[Events]) -> Events:
        """One after the other."""
        columns = [np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(Events)]
        return Events(*columns)


def run_weeks(world: World, learners: Learners, platform: Platform) -> Iterator[Events]:
    """Yield each week's events in order of time; `learners` and `platform` move along."""
    for week in range(N_WEEKS):
        now = WINDOW_START + week * WEEK
        policy = platform.tickets(now)
        parts = []
        for chunk, start in enumerate(range(0, learners.n, CHUNK)):
            rows = np.arange(start, min(start + CHUNK, learners.n))
            parts += _step_chunk(
                world, learners, platform.herd, policy, rows, week, world.generator(2, week, chunk)
            )
        events = Events.join(parts)
        events = events.take(np.lexsort((events.learner, events.time)))
        platform.count(events.course)
        yield events


def elapsed_share(time: int) -> float:
    """Share of the window that has passed, 0 to 1; drift is linear in it."""
    return min(max((time - WINDOW_START) / (WINDOW_END - WINDOW_START), 0.0), 1.0)


def _step_chunk(
    world: World,
    learners: Learners,
    herd: np.ndarray,
    policy: tuple[np.ndarray, np.ndarray],
    rows: np.ndarray,
    week: int,
    rng: np.random.Generator,
) -> list[Events]:
    """One week of one chunk: who comes, what is shown (S, K), and up to three choices each."""
    now = WINDOW_START + week * WEEK
    end = min(now + WEEK, WINDOW_END)
    rows, clock, wanted = _open_sessions(learners, rows, now, end, rng)
    ticket, number = policy
    goal = learners.goal[rows].astype(np.int64)
    drawn = (rng.random((len(rows), world.behaviour.slots)) * TICKETS).astype(np.int64)
    page = ticket[goal[:, None], drawn].astype(np.int64)  # (S, K)
    shown = number[goal[:, None], page]
    noise = -np.log(-np.log(np.maximum(rng.random(page.shape), 1e-300)))  # Gumbel: the choice is a softmax
    noise -= world.behaviour.position * np.log(np.arange(1.0, page.shape[1] + 1.0))
    parts = []
    for pick in range(1, 4):
        active = np.flatnonzero((wanted >= pick) & (clock < end))
        session = (rows[active], page[active], shown[active], noise[active], clock[active])
        events = _pick(world, learners, herd, session, elapsed_share(now), rng)
        parts.append(events)
        clock = clock + 120 + np.floor(3480 * rng.random(len(rows))).astype(np.int64)
    return parts


def _open_sessions(learners: Learners, rows: np.ndarray, now: int, end: int, rng: np.random.Generator):
    """Who comes this week, when (seconds), and for how many courses."""
    month = int(np.datetime64(now, "s").astype("datetime64[M]").astype(np.int64) % 12)
    from_time = np.maximum(learners.join[rows], now)
    keen = np.where(now - learners.join[rows] < 28 * DAY, 1.6, 1.0)
    chance = np.minimum(keen * SEASON[month] * learners.pace[rows].astype(np.float64), 1.0)
    chance *= np.maximum(end - from_time, 0) / WEEK
    u = rng.random((3, len(rows)))
    here = (u[0] < chance) & (learners.leave[rows] > now)
    clock = from_time + np.floor((end - from_time) * u[1]).astype(np.int64)
    wanted = 1 + (u[2] < 0.4) + (u[2] < 0.15)
    return rows[here], clock[here], wanted[here]


def _pick(
    world: World,
    learners: Learners,
    herd: np.ndarray,
    session: tuple[np.ndarray, ...],
    elapsed: float,
    rng: np.random.Generator,
) -> Events:
    """One choice per session: the best of the page that the learner has not taken yet, if any."""
    rows, page, shown, noise, clock = session
    view = appraise(world, learners, rows, page, elapsed, herd)
    score = np.where(learners.status[rows[:, None], page] == NONE, view.utility + noise, -np.inf)
    best = score.argmax(axis=1)
    found = np.isfinite(score[np.arange(len(rows)), best])
    line, best, rows = np.flatnonzero(found), best[found], rows[found]
    course = page[line, best]
    chosen = tuple(part[line, best] for part in (view.liking, view.misfit, view.missing))
    percent, rating = complete_and_rate(world, learners, rows, course, chosen, rng)
    apply_events(world, learners, rows, course, percent)
    return Events(rows, course, clock[line], best + 1, shown[line, best], percent, rating)
