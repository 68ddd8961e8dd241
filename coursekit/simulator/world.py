"""The fixed side of the campus: courses, what is true of them, and the numbers that drive behaviour.

Everything here is known before the first learner signs up. `Behaviour` holds the coefficients of the model
(DATASHEET.md gives the equations with the same symbols), `World` the catalogue and the hidden course truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from coursekit.files import campus_folders

SHIPPED_SEED = 2026
WINDOW_START = int(pd.Timestamp("2024-09-01", tz="UTC").timestamp())
WINDOW_END = int(pd.Timestamp("2026-09-01", tz="UTC").timestamp())  # exclusive
DAY = 86_400
WEEK = 7 * DAY
N_WEEKS = -(-(WINDOW_END - WINDOW_START) // WEEK)  # 105: the last one has two days
STYLE_DIMENSIONS = 6
LANGUAGES = ("en", "zh", "es", "fr", "de")


@dataclass(frozen=True)
class Behaviour:
    """Coefficients of the behavioural model. The defaults made the shipped world.

    Change one to ask "what if": `Behaviour(herd=0.0)` is a campus where nobody follows the crowd.
    """

    taste: float = 2.0  # alpha: weight of topic taste
    style: float = 2.0  # kappa: weight of the course-specific part, p_i . q_j
    appeal: float = 0.95  # sigma_a: spread of the courses' general appeal
    too_hard: float = 0.9  # lambda+: cost of a course above one's level, per squared level
    too_easy: float = 0.25  # lambda-: cost of a course below one's level, per squared level
    unready: float = 1.1  # rho: cost of each prerequisite not completed
    momentum: float = 1.6  # mu: weight of what the last three courses lead to
    recency: tuple[float, float, float] = (1.0, 0.45, 0.2)  # omega: latest, second, third course back
    herd: float = 0.4  # eta: pull of what others took in recent weeks
    foreign: float = 4.0  # cost of a language the learner does not speak
    position: float = 0.45  # gamma: attention lost per unit of log(position)
    drift: float = 1.0  # delta: how much of the learner's change of taste takes place over the window
    learning: float = 0.35  # skill gained per completed course and level
    slots: int = 50  # K: courses shown in one session
    crowding: float = 0.5  # exponent of popularity in the platform's display policy
    exploration: float = 0.1  # epsilon: share of slots filled uniformly at random
    goal_boost: float = 1.5  # extra display weight of courses of the learner's stated goal
    new_boost: float = 3.0  # extra display weight of courses launched in the last 30 days


def find_campus_folder() -> Path:
    """Folder of the shipped campus files: inside the installed package, or in the checkout.

    Raises:
        FileNotFoundError: neither place holds courses.csv; the message names both.
    """
    places = campus_folders()
    for place in places:
        if (place / "courses.csv").is_file():
            return place
    raise FileNotFoundError(
        f"courses.csv is in neither {places[0]} nor {places[1]}; reinstall coursekit or restore the folder"
    )


@dataclass(frozen=True)
class Catalogue:
    """The hand-written catalogue as arrays; row j is line j of courses.csv. Tuples of three are padded.

    `topic` (J, 3) with `weight` (J, 3) summing to 1; `prerequisite` (J, 3) padded with J.
    """

    ids: np.ndarray
    subjects: tuple[str, ...]
    topics: tuple[str, ...]
    subject: np.ndarray  # (J,)
    topic: np.ndarray  # (J, 3)
    weight: np.ndarray  # (J, 3)
    topic_subject: np.ndarray  # (60,) the subject most of a topic's courses belong to
    level: np.ndarray  # (J,) 1, 2, 3
    hours: np.ndarray  # (J,)
    language: np.ndarray  # (J,) index into LANGUAGES
    launch: np.ndarray  # (J,) Unix seconds
    prerequisite: np.ndarray  # (J, 3)

    @property
    def n(self) -> int:
        """Number of courses J."""
        return len(self.ids)


@cache
def read_catalogue(folder: Path | None = None) -> Catalogue:
    """Read courses.csv and the ground truth course_topics.csv (which no loader of training data opens)."""
    folder = folder or find_campus_folder()
    options = {"dtype": str, "keep_default_na": False, "encoding": "utf-8"}
    courses = pd.read_csv(folder / "courses.csv", **options)
    truth = pd.read_csv(folder / "course_topics.csv", **options).set_index("course_id")
    topic_names = [names.split(";") for names in truth.topics.loc[courses.course_id]]
    topics = tuple(sorted({name for names in topic_names for name in names}))
    subjects = tuple(sorted(set(courses.subject)))
    topic, weight = _topic_table(topic_names, topics)
    subject = courses.subject.map(subjects.index).to_numpy(np.int64)
    return Catalogue(
        ids=courses.course_id.to_numpy(object),
        subjects=subjects,
        topics=topics,
        subject=subject,
        topic=topic,
        weight=weight,
        topic_subject=_topic_subject(topic[:, 0], subject, len(topics), len(subjects)),
        level=courses.level.astype(np.int64).to_numpy(),
        hours=courses.hours.astype(np.float64).to_numpy(),
        language=courses.language.map(LANGUAGES.index).to_numpy(np.int64),
        launch=_seconds(courses.launch_date),
        prerequisite=_prerequisite_table(courses),
    )


def _seconds(dates: pd.Series) -> np.ndarray:
    days = dates.to_numpy(dtype=str).astype("datetime64[D]").astype(np.int64)
    return days * DAY


def _topic_table(names: list[list[str]], topics: tuple[str, ...]) -> tuple[np.ndarray, np.ndarray]:
    shares = {1: (1.0, 0.0, 0.0), 2: (0.65, 0.35, 0.0), 3: (0.5, 0.3, 0.2)}
    topic = np.zeros((len(names), 3), np.int64)
    weight = np.zeros((len(names), 3))
    for row, listed in enumerate(names):
        topic[row, : len(listed)] = [topics.index(name) for name in listed]
        weight[row] = shares[len(listed)]
    return topic, weight


def _topic_subject(main: np.ndarray, subject: np.ndarray, n_topics: int, n_subjects: int) -> np.ndarray:
    counts = np.zeros((n_topics, n_subjects), np.int64)
    np.add.at(counts, (main, subject), 1)
    return counts.argmax(axis=1)


def _prerequisite_table(courses: pd.DataFrame) -> np.ndarray:
    row_of = {course: row for row, course in enumerate(courses.course_id)}
    table = np.full((len(courses), 3), len(courses), np.int64)
    for row, listed in enumerate(courses.prerequisites):
        needed = [row_of[course] for course in listed.split(";") if course]
        table[row, : len(needed)] = needed
    return table


@dataclass(frozen=True)
class World:
    """Catalogue, behaviour and the hidden truth of the courses, drawn from the seed."""

    catalogue: Catalogue
    behaviour: Behaviour
    seed: int
    appeal: np.ndarray  # (J,) a_j
    style: np.ndarray  # (J, 6) q_j
    leads_to: np.ndarray  # (J + 1, J) M: what a course makes one want next; the last row (no course) is 0

    def generator(self, *purpose: int) -> np.random.Generator:
        """Independent stream for one purpose, e.g. (week, chunk); PCG64 is stable over numpy versions."""
        return np.random.Generator(np.random.PCG64(np.random.SeedSequence([self.seed, *purpose])))


def bell(rng: np.random.Generator, shape: int | tuple[int, ...]) -> np.ndarray:
    """Bell-shaped noise of mean 0 and variance 1: the scaled sum of four uniforms (Irwin-Hall).

    Only additions and one product, so that every machine gets the same bits; |x| <= 3.47.
    """
    total = rng.random(shape)
    for _ in range(3):
        total += rng.random(shape)
    return (total - 2.0) * 1.7320508075688772


def build_world(seed: int = SHIPPED_SEED, behaviour: Behaviour | None = None) -> World:
    """Draw the courses' hidden truth: appeal, style and what leads to what."""
    catalogue, behaviour = read_catalogue(), behaviour or Behaviour()
    blank = World(catalogue, behaviour, seed, *(np.zeros(0) for _ in range(3)))
    rng = blank.generator(0)
    appeal = behaviour.appeal * bell(rng, catalogue.n) - 0.25 * (catalogue.level - 1)
    style = bell(rng, (catalogue.n, STYLE_DIMENSIONS)) / STYLE_DIMENSIONS**0.5
    return World(catalogue, behaviour, seed, appeal, style, _leads_to(catalogue, rng))


def _leads_to(catalogue: Catalogue, rng: np.random.Generator) -> np.ndarray:
    """M[c, j]: a directed table, so that the order of courses matters.

    +1.0 when j's main topic is one of the topics that c's topic opens (two drawn per topic, plus those that
    prerequisites connect); +1.0 for the next level and +0.3 for the same level of the same topic;
    +1.2 when c is a prerequisite of j; +1.6 for three courses per c that friends pass on by word of mouth.
    """
    n, n_topics = catalogue.n, len(catalogue.topics)
    main, level = catalogue.topic[:, 0], catalogue.level
    opens = np.zeros((n_topics, n_topics))
    drawn = (rng.random((n_topics, 2)) * n_topics).astype(np.int64)
    opens[np.arange(n_topics)[:, None], drawn] = 1.0
    needs = [(c, j) for j in range(n) for c in catalogue.prerequisite[j] if c < n]
    for before, after in needs:
        opens[main[before], main[after]] = 1.0
    np.fill_diagonal(opens, 0.0)
    table = np.zeros((n + 1, n))
    same = main[:, None] == main[None, :]
    step = level[None, :] - level[:, None]
    table[:n] = opens[main[:, None], main[None, :]] + same * (1.0 * (step == 1) + 0.3 * (step == 0))
    for before, after in needs:
        table[before, after] += 1.2
    tips = (rng.random((n, 3)) * n).astype(np.int64)
    table[np.arange(n)[:, None], tips] += 1.6
    np.fill_diagonal(table[:n], 0.0)
    return table
