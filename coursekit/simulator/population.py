"""The moving side of the campus: learners, what is true of them, and how that changes as they learn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coursekit.simulator.world import DAY, LANGUAGES, N_WEEKS, STYLE_DIMENSIONS, WINDOW_START, World, bell

CHUNK = 20_000  # learners drawn and stepped together; part of the design, since each chunk has its own stream
BACKGROUNDS = ("none", "school", "bachelor", "professional")
STARTING_SKILL = np.array([0.0, 0.25, 0.8, 1.5])  # in the topics of one's own field
TASTE_UNIT = 32.0  # tastes are kept as whole 1/32 in int8: exact, and a million learners fit into memory
NONE, TAKEN, DONE = 0, 1, 2
KINSHIP = {  # fields that tend to interest the same people
    "Programming": ("Data Science", "Artificial Intelligence", "Engineering"),
    "Data Science": ("Artificial Intelligence", "Programming", "Economics and Finance"),
    "Artificial Intelligence": ("Programming", "Data Science", "Mathematics"),
    "Mathematics": ("Natural Sciences", "Data Science", "Humanities"),
    "Natural Sciences": ("Mathematics", "Engineering", "Health and Psychology"),
    "Engineering": ("Natural Sciences", "Programming", "Design and Arts"),
    "Business": ("Economics and Finance", "Design and Arts", "Languages"),
    "Economics and Finance": ("Business", "Data Science", "Humanities"),
    "Design and Arts": ("Humanities", "Languages", "Business"),
    "Languages": ("Humanities", "Design and Arts", "Business"),
    "Health and Psychology": ("Natural Sciences", "Humanities", "Languages"),
    "Humanities": ("Languages", "Design and Arts", "Health and Psychology"),
}


@dataclass
class Learners:
    """State of all learners (n rows). The upper fields never change, the lower ones do."""

    goal: np.ndarray  # (n,) subject stated at sign-up; true for most, not for all
    background: np.ndarray  # (n,)
    join: np.ndarray  # (n,) Unix seconds, midnight
    leave: np.ndarray  # (n,) Unix seconds; hidden
    hours: np.ndarray  # (n,) hours per week
    speaks: np.ndarray  # (n, 5) bool
    pace: np.ndarray  # (n,) chance of a session in a week; hidden
    persistence: np.ndarray  # (n,) hidden
    taste: np.ndarray  # (n, 60) int8, theta at the start; hidden
    change: np.ndarray  # (n, 60) int8, delta theta until the end; hidden
    style: np.ndarray  # (n, 6) float32, p_i; hidden
    skill: np.ndarray  # (n, 60) float32, z; hidden, grows
    status: np.ndarray  # (n, J + 1) uint8: NONE, TAKEN, DONE; the last column pads prerequisites and is DONE
    recent: np.ndarray  # (n, 3) int16: latest course first, J where there is none

    @property
    def n(self) -> int:
        """Number of learners."""
        return len(self.goal)


def draw_learners(world: World, n: int) -> Learners:
    """Draw n learners, chunk by chunk. Rows are exchangeable: an id tells nothing about its learner."""
    courses, topics = world.catalogue.n, len(world.catalogue.topics)
    learners = Learners(
        goal=np.zeros(n, np.int8),
        background=np.zeros(n, np.int8),
        join=np.zeros(n, np.int64),
        leave=np.zeros(n, np.int64),
        hours=np.zeros(n, np.int8),
        speaks=np.zeros((n, len(LANGUAGES)), bool),
        pace=np.zeros(n, np.float32),
        persistence=np.zeros(n, np.float32),
        taste=np.zeros((n, topics), np.int8),
        change=np.zeros((n, topics), np.int8),
        style=np.zeros((n, STYLE_DIMENSIONS), np.float32),
        skill=np.zeros((n, topics), np.float32),
        status=np.zeros((n, courses + 1), np.uint8),
        recent=np.full((n, 3), courses, np.int16),
    )
    learners.status[:, -1] = DONE
    for chunk, start in enumerate(range(0, n, CHUNK)):
        _draw_chunk(world, learners, slice(start, min(start + CHUNK, n)), world.generator(1, chunk))
    return learners


def _draw_chunk(world: World, learners: Learners, rows: slice, rng: np.random.Generator) -> None:
    n = rows.stop - rows.start
    field, second, third = _fields(world, rng, n)
    _draw_tastes(world, learners, rows, rng, (field, second, third))
    learners.goal[rows] = np.where(rng.random(n) < 0.7, field, second)
    learners.background[rows] = np.searchsorted([0.3, 0.55, 0.85], rng.random(n))
    own = world.catalogue.topic_subject[None, :] == field[:, None]
    learners.skill[rows] = own * STARTING_SKILL[learners.background[rows]][:, None]
    learners.join[rows] = _join_dates(rng, n)
    # Four in a thousand leave for good each week: the waiting time is geometric.
    stay = np.floor(np.log(1.0 - rng.random(n)) / np.log(1.0 - 0.004)).astype(np.int64)
    learners.leave[rows] = learners.join[rows] + (stay + 1) * 7 * DAY
    learners.hours[rows] = 1 + np.floor(14 * rng.random(n) * rng.random(n))
    learners.pace[rows] = np.clip(0.1 + 0.9 * rng.random(n) ** 1.5, 0.0, 0.95)
    learners.persistence[rows] = bell(rng, n)
    speaks = rng.random((n, len(LANGUAGES))) < [1.0, 0.22, 0.18, 0.12, 0.12]
    learners.speaks[rows] = speaks


def _fields(world: World, rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Main, second and third field of interest; the second is often akin to the main one."""
    subjects = world.catalogue.subjects
    kin = np.array([[subjects.index(name) for name in KINSHIP[subject]] for subject in subjects])
    share = np.array([3, 2, 3, 1.2, 1.2, 1.2, 2, 1.5, 1.5, 1.5, 1.5, 1.2])
    order = [list(KINSHIP).index(name) for name in subjects]
    edges = np.cumsum(share[order] / share.sum())[:-1]
    field = np.searchsorted(edges, rng.random(n))
    akin = kin[field, (3 * rng.random(n)).astype(np.int64)]
    second = np.where(rng.random(n) < 0.7, akin, (len(subjects) * rng.random(n)).astype(np.int64))
    third = (len(subjects) * rng.random(n)).astype(np.int64)
    return field, second, third


def _draw_tastes(
    world: World, learners: Learners, rows: slice, rng: np.random.Generator, fields: tuple[np.ndarray, ...]
) -> None:
    n, n_topics = rows.stop - rows.start, len(world.catalogue.topics)
    of = world.catalogue.topic_subject[None, :]
    taste = -1.1 + 0.6 * bell(rng, (n, n_topics))
    for field, pull in zip(fields, (2.0, 1.3, 0.7), strict=True):
        taste += pull * (of == field[:, None])
    learners.taste[rows] = _whole(taste)
    later = (len(world.catalogue.subjects) * rng.random(n)).astype(np.int64)
    change = 0.4 * bell(rng, (n, n_topics))
    change += 1.2 * (of == later[:, None]) - 0.6 * (of == fields[0][:, None])
    learners.change[rows] = _whole(change)
    learners.style[rows] = bell(rng, (n, STYLE_DIMENSIONS))


def _whole(taste: np.ndarray) -> np.ndarray:
    return np.clip(np.floor(taste * TASTE_UNIT + 0.5), -127, 127).astype(np.int8)


def _join_dates(rng: np.random.Generator, n: int) -> np.ndarray:
    """40 % in the opening eight weeks, 7.5 % in a campaign in the last 30 days, the rest spread between."""
    kind, u = rng.random(n), rng.random(n)
    last = 730 - 30
    day = np.where(kind < 0.4, 56 * u, np.where(kind < 0.925, last * u, last + 30 * u))
    return WINDOW_START + np.floor(day).astype(np.int64) * DAY


def apply_events(
    world: World, learners: Learners, rows: np.ndarray, course: np.ndarray, percent: np.ndarray
) -> None:
    """Let each learner in `rows` (all different) take one course and learn from it, in place.

    Skill of each topic k of the course: z += beta * level * w_jk * completed * (1 - z / 3).
    """
    catalogue = world.catalogue
    learners.recent[rows, 2] = learners.recent[rows, 1]
    learners.recent[rows, 1] = learners.recent[rows, 0]
    learners.recent[rows, 0] = course
    learners.status[rows, course] = np.where(percent >= 60, DONE, TAKEN)
    gain = world.behaviour.learning * catalogue.level[course] * (percent / 100.0)
    for part in range(3):
        topic, weight = catalogue.topic[course, part], catalogue.weight[course, part]
        skill = learners.skill[rows, topic].astype(np.float64)
        learners.skill[rows, topic] = skill + gain * weight * (1.0 - skill / 3.0)


def weeks_since_start(time: int) -> int:
    """Index of the weekly step that `time` (Unix seconds) falls into, kept inside the window."""
    return int(min(max((time - WINDOW_START) // (7 * DAY), 0), N_WEEKS))
