"""How a learner judges a course, and what comes of it. Random only where an rng is passed.

Floating point. Text must come out byte for byte on every machine, while log, exp and sums may differ in the
last bit between maths libraries. Every decision is therefore the largest of a few dozen float64 sums that
contain continuous noise: two of them lie within 1e-14 of each other about once in 1e13 decisions, so a last
bit practically never changes a choice. No BLAS product takes part (its order of summation varies), what is
kept between steps is integer or float32, and what is written is whole percents, stars, seconds and 1/65536.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from coursekit.simulator.population import DONE, TASTE_UNIT, Learners
from coursekit.simulator.world import World, bell


@dataclass(frozen=True)
class Appraisal:
    """What a learner makes of a set of candidate courses; every array is (S, K)."""

    liking: np.ndarray  # alpha * taste + kappa * style: how much the learner will enjoy it
    misfit: np.ndarray  # cost of a level too high or too low
    missing: np.ndarray  # prerequisites not completed
    utility: np.ndarray  # V: everything that decides about enrolling, except where it is shown


def appraise(
    world: World, learners: Learners, rows: np.ndarray, courses: np.ndarray, elapsed: float, herd: np.ndarray
) -> Appraisal:
    """Judge candidates: `rows` (S,) learners, `courses` (S, K) rows of the catalogue.

    V = liking + a_j - misfit - rho * missing + mu * momentum + eta * herd_j - foreign language.
    `elapsed` is the share of the window that has passed (taste drifts linearly with it), `herd` (J,).
    """
    b, catalogue = world.behaviour, world.catalogue
    taste = learners.taste[rows] + (b.drift * elapsed) * learners.change[rows]  # (S, 60)
    skill = learners.skill[rows].astype(np.float64)
    interest, ability = np.zeros(courses.shape), np.zeros(courses.shape)
    missing = np.zeros(courses.shape)
    person = rows[:, None]
    line = np.arange(len(rows))[:, None]
    for part in range(3):
        topic, weight = catalogue.topic[courses, part], catalogue.weight[courses, part]
        interest += weight * taste[line, topic]
        ability += weight * skill[line, topic]
        missing += learners.status[person, catalogue.prerequisite[courses, part]] != DONE
    liking = (b.taste / TASTE_UNIT) * interest
    for axis in range(world.style.shape[1]):
        liking += b.style * learners.style[rows, axis, None] * world.style[courses, axis]
    misfit = _misfit(catalogue.level[courses] - 1.0 - ability, b.too_hard, b.too_easy)
    fixed = world.appeal + b.herd * herd
    utility = liking + fixed[courses] - misfit - b.unready * missing
    utility += b.momentum * _momentum(world, learners.recent[rows], courses)
    utility -= b.foreign * ~learners.speaks[person, catalogue.language[courses]]
    return Appraisal(liking, misfit, missing, utility)


def _misfit(gap: np.ndarray, too_hard: float, too_easy: float) -> np.ndarray:
    return np.where(gap > 0, too_hard, too_easy) * gap * gap


def _momentum(world: World, recent: np.ndarray, courses: np.ndarray) -> np.ndarray:
    pull = np.zeros(courses.shape)
    for back, omega in enumerate(world.behaviour.recency):
        pull += omega * world.leads_to[recent[:, back, None].astype(np.int64), courses]
    return pull


def complete_and_rate(
    world: World,
    learners: Learners,
    rows: np.ndarray,
    course: np.ndarray,
    view: tuple[np.ndarray, np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Completed percent (0..100) and stars (1..5, or 0 for none) of one chosen course per learner.

    `view` is (liking, misfit, missing) of the chosen courses. Ratings are missing NOT at random: those who
    finish and those who loved or hated a course speak up; lukewarm drop-outs stay silent.
    """
    liking, misfit, missing = view
    load = np.log(world.catalogue.hours[course] / (4.0 * learners.hours[rows]))
    x = 0.2 + 0.3 * liking - 0.7 * misfit - 0.4 * missing - 0.4 * load
    x += 0.6 * learners.persistence[rows] + 0.9 * bell(rng, len(rows))
    percent = np.clip(np.floor(118.0 * _logistic(x) + 0.5), 1, 100).astype(np.int64)
    joy = 3.0 + 0.25 * liking + 0.35 * world.appeal[course] - 0.5 * misfit + 0.7 * bell(rng, len(rows))
    joy += 0.4 * (percent / 100.0 - 0.5)
    speaks_up = _logistic(-2.0 + 0.7 * (joy - 3.2) ** 2 + 1.5 * (percent >= 95))
    stars = np.clip(np.floor(joy + 0.5), 1, 5).astype(np.int64)
    return percent, np.where(rng.random(len(rows)) < speaks_up, stars, 0)


def _logistic(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))
