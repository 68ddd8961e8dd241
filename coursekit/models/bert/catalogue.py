"""Texts that say what the campus catalogue says, for a BERT to read. Nothing of any learner is in them."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from coursekit.models.bert.batches import Text

_LANGUAGES = {"en": "English", "de": "German", "es": "Spanish", "fr": "French", "zh": "Chinese"}
_LEVELS = {1: "beginners", 2: "intermediate learners", 3: "advanced learners"}


def catalogue_texts(
    courses: pd.DataFrame, *, held_out: Collection[str] = (), list_length: int = 8, rng: int = 0
) -> list[Text]:
    """What there is to read about the courses: single texts, and pairs (first text, second text).

    For each course
        its item text, "title. description", as models see it later;
        (subject and both titles, description);
        (title, a sentence with subject, level, hours and language);
        (titles of the courses it presupposes, title), where there are any;
        (titles of other courses of its subject, title): as long as a learner's history, and just as short of
        grammar. Who took what is not in it.

    Args:
        courses: as `campus_tables().courses`.
        held_out: ids of courses of which no text may tell, by title or otherwise.
        list_length: titles in a list.
        rng: seed of the lists.
    """
    generator = np.random.default_rng(rng)
    shown = courses[~courses["course_id"].isin(list(held_out))]
    title_of = dict(zip(shown["course_id"], shown["title"], strict=True))
    titles_in = {subject: group["title"].to_numpy() for subject, group in shown.groupby("subject")}
    texts: list[Text] = []
    for course in shown.itertuples():
        before = [title_of[id] for id in course.prerequisites.split(";") if id in title_of]
        others = titles_in[course.subject][titles_in[course.subject] != course.title]
        listed = generator.permutation(others)[:list_length]
        texts += [
            f"{course.title}. {course.description}",
            (f"{course.subject}: {course.title}, {course.title_zh}", course.description),
            (course.title, _facts(course)),
            *([("; ".join(before), course.title)] if before else []),
            ("; ".join(listed), course.title),
        ]
    return texts


def item_texts(courses: pd.DataFrame) -> list[str]:
    """Each course as "title. description", as `load("campus").item_text` has it."""
    return [f"{course.title}. {course.description}" for course in courses.itertuples()]


def held_out_courses(courses: pd.DataFrame, every: int = 10) -> list[str]:
    """The ids of every tenth course, by which a catalogue BERT is judged; of all subjects some."""
    return courses["course_id"].iloc[every // 2 :: every].tolist()


def _facts(course) -> str:
    level, language = _LEVELS[course.level], _LANGUAGES[course.language]
    return f"{course.subject} for {level}, {course.hours} hours, taught in {language}."
