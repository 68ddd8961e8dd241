"""The course's own data: an online-learning platform, made by `coursekit.simulator`.

Only what a platform would see is read: the catalogue, the learners and their enrolments.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from coursekit.datasets.errors import DataError, in_file
from coursekit.datasets.store import fetch
from coursekit.interactions import Interactions

VALUES = ("enrolment", "completed", "rating")
MOMENTS = {"courses.csv": "launch_date", "learners.csv": "join_date", "enrolments.csv": "time"}
COLUMNS = {
    "courses.csv": (
        "course_id", "subject", "title", "title_zh", "level", "hours", "language", "launch_date",
        "prerequisites", "description",
    ),
    "learners.csv": ("learner_id", "goal", "background", "join_date", "hours_per_week"),
    "enrolments.csv": ("learner_id", "course_id", "time", "position", "completed", "rating"),
}  # fmt: skip


class CampusTables(NamedTuple):
    """The three tables of campus, as files hold them, with times parsed.

    Attributes:
        courses: one row a course: course_id, subject, title, title_zh, level, hours, language,
            launch_date, prerequisites (course ids joined by ";", "" for none), description.
        learners: one row a learner: learner_id, goal, background, join_date, hours_per_week, ...
        enrolments: one row an event: learner_id, course_id, time, position (where the course
            stood when shown), completed (fraction), rating (NaN when none was given).
    """

    courses: pd.DataFrame
    learners: pd.DataFrame
    enrolments: pd.DataFrame


def campus_tables(folder: Path | str | None = None) -> CampusTables:
    """Read the campus files as three DataFrames.

    Args:
        folder: where courses.csv, learners.csv and enrolments.csv lie (for a world of your own
            from `simulate`); by default the world that was shipped.

    Raises:
        DataError: when a file or one of its columns is missing.
    """
    place = fetch("campus") if folder is None else Path(folder)
    return CampusTables(*(_read(place / file) for file in COLUMNS))


def load_campus(value: str = "enrolment", folder: Path | str | None = None) -> Interactions:
    """Campus as interactions; all learners and courses have a row, in file order.

    Args:
        value: what an interaction is worth. "enrolment": every event, 1.0. "completed": every
            event, the completed fraction. "rating": rated events only, the rating.
        folder: see `campus_tables`.

    Raises:
        DataError: for another `value`, or when files are missing or do not fit together.
    """
    if value not in VALUES:
        raise DataError(f"value={value!r}: choose one of {', '.join(map(repr, VALUES))}")
    courses, learners, events = campus_tables(folder)
    if value == "rating":
        events = events[events["rating"].notna()]
    try:
        return Interactions.from_frame(
            events,
            user="learner_id",
            item="course_id",
            value=None if value == "enrolment" else value,
            user_ids=learners["learner_id"],
            item_ids=courses["course_id"],
            name="campus",
            item_text=np.array([f"{c.title}. {c.description}" for c in courses.itertuples()], dtype=object),
            item_features=courses,
            user_features=learners,
        )
    except (KeyError, ValueError) as error:
        raise DataError(f"the campus files do not fit together: {error.args[0]}") from error


def _read(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise in_file(path, "is missing", "install coursekit again, or name the folder that holds it")
    # Only an empty field is missing: "NA" and "None" may be what somebody wrote.
    table = pd.read_csv(path, keep_default_na=False, na_values=[""], encoding="utf-8")
    missing = [column for column in COLUMNS[path.name] if column not in table.columns]
    if missing:
        raise in_file(path, f"has no column {', '.join(missing)}", "make it again with simulate")
    if "prerequisites" in table:
        # A catalogue without any prerequisite is read as a column of NaN floats.
        table["prerequisites"] = table["prerequisites"].astype(object).fillna("").astype(str)
    moment = MOMENTS[path.name]
    table[moment] = pd.to_datetime(table[moment], utc=True, format="ISO8601")
    return table
