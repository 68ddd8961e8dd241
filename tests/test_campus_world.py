"""The shipped world: what is in the files, that nothing hidden leaks, that it tells the course's story."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coursekit.simulator import Campus, simulate
from coursekit.simulator.population import draw_learners
from coursekit.simulator.world import find_campus_folder

sys.path.insert(0, str(Path(__file__).parent))
import campus_report

ROOT = Path(__file__).parents[1]
FILES = ("courses.csv", "course_topics.csv", "learners.csv", "enrolments.csv")


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(find_campus_folder() / name, keep_default_na=name == "enrolments.csv")


@pytest.fixture(scope="module")
def courses():
    return read("courses.csv")


@pytest.fixture(scope="module")
def learners():
    return read("learners.csv")


@pytest.fixture(scope="module")
def enrolments():
    return read("enrolments.csv")


@pytest.fixture(scope="module", params=[2026, 1])
def trial(request):
    return campus_report.make_trial(request.param)


def test_simulate_makes_the_shipped_files_byte_for_byte(tmp_path):
    simulate(folder=tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (find_campus_folder() / name).read_bytes(), name


def test_the_catalogue_has_480_courses_in_12_subjects_of_40(courses):
    assert len(courses) == 480
    assert set(courses.subject.value_counts()) == {40}
    assert courses.subject.nunique() == 12
    assert courses.course_id.is_unique
    assert courses.course_id.is_monotonic_increasing


def test_titles_and_descriptions_are_written_one_by_one(courses):
    assert courses.title.str.lower().is_unique
    assert courses.title_zh.is_unique
    words = courses.description.str.split().str.len()
    assert words.between(30, 75).all()
    sentences = courses.description.str.count(r"[.!?](?:\s|$)")
    assert sentences.between(2, 5).mean() > 0.99
    runs = {}
    for row, text in enumerate(courses.description):
        tokens = re.findall(r"\w+", text.lower())
        for run in {tuple(tokens[i : i + 6]) for i in range(len(tokens) - 5)}:
            assert runs.setdefault(run, row) == row, f"two descriptions share {' '.join(run)!r}"


def test_prerequisites_exist_come_first_and_are_never_harder(courses):
    level = dict(zip(courses.course_id, courses.level, strict=True))
    launch = dict(zip(courses.course_id, courses.launch_date, strict=True))
    needs = {row.course_id: [p for p in row.prerequisites.split(";") if p] for row in courses.itertuples()}
    for course, listed in needs.items():
        for needed in listed:
            assert level[needed] <= level[course], (course, needed)
            assert launch[needed] <= launch[course], (course, needed)
    depth: dict[str, int] = {}
    while len(depth) < len(needs):  # an acyclic graph is used up from its roots
        ready = [c for c, listed in needs.items() if c not in depth and all(p in depth for p in listed)]
        assert ready, "prerequisites run in a circle"
        depth |= {c: 1 + max((depth[p] for p in needs[c]), default=-1) for c in ready}
    assert max(depth.values()) >= 3


def test_five_percent_of_courses_and_learners_are_new_in_the_last_month(courses, learners):
    assert 28 <= (courses.launch_date >= "2026-08-02").sum() <= 32
    assert (learners.join_date >= "2026-08-02").mean() >= 0.05
    assert (courses.launch_date < "2024-09-01").mean() > 0.6
    assert courses.launch_date.max() <= "2026-08-31"


def test_size_density_and_popularity_are_as_promised(learners, enrolments):
    assert len(learners) == 3000
    assert 110_000 <= len(enrolments) <= 130_000
    assert 0.03 <= len(enrolments) / (3000 * 480) <= 0.10
    counts = np.zeros(480)
    counts[:] = np.sort(
        enrolments.course_id.value_counts().to_numpy().tolist() + [0] * (480 - enrolments.course_id.nunique())
    )
    gini = (2 * np.arange(1, 481) - 481) @ counts / (480 * counts.sum())
    assert 0.55 <= gini <= 0.75
    assert not enrolments.duplicated(["learner_id", "course_id"]).any()


def test_ratings_are_missing_not_at_random(enrolments):
    rated, finished = enrolments.rating.notna(), enrolments.completed >= 0.95
    assert 0.2 < rated.mean() < 0.4
    assert rated[finished].mean() > 2 * rated[~finished].mean()
    stars = enrolments.rating.value_counts(normalize=True)
    assert stars[5] + stars[1] + stars[2] > 0.4  # strong opinions are over-represented


def test_public_files_have_public_columns_only(courses, learners, enrolments):
    assert " ".join(courses) == (
        "course_id subject title title_zh level hours language launch_date prerequisites description"
    )
    assert " ".join(learners) == "learner_id goal background join_date hours_per_week languages"
    assert " ".join(enrolments) == "learner_id course_id time position propensity completed rating"


def test_no_room_but_the_simulator_opens_the_truth():
    for path in (ROOT / "coursekit").rglob("*.py"):
        if "simulator" not in path.parts:
            text = path.read_text(encoding="utf-8")
            assert "course_topics" not in text, path
            assert not re.search(r"simulator\.(population|world|choice|engine)", text), path


def test_propensity_knows_only_goal_week_and_course(learners, enrolments):
    """The same number for all learners of a goal: nothing personal in it."""
    table = enrolments.merge(learners, on="learner_id")
    start = pd.Timestamp("2024-09-01", tz="UTC")
    table["week"] = (pd.to_datetime(table.time) - start).dt.days // 7
    groups = table.groupby(["goal", "week", "course_id"]).propensity
    assert (groups.nunique() == 1).all()
    assert (groups.size() > 1).sum() > 10_000


def test_learner_ids_tell_nothing_about_taste():
    world = Campus().world
    truth = draw_learners(world, 3000)
    hidden = np.hstack(
        [truth.taste, truth.change, truth.style, truth.pace[:, None], truth.persistence[:, None]]
    )
    row = np.arange(3000.0)
    r = np.array([np.corrcoef(row, column)[0, 1] for column in hidden.T.astype(float)])
    assert np.abs(r).max() < 4.5 / np.sqrt(3000)  # 128 correlations of pure chance stay below this
    assert (r**2).mean() < 1.5 / 3000


def test_course_numbers_tell_nothing_beyond_the_subject():
    """Within a subject, neighbours in the file share their main topic no more often than any two courses."""
    catalogue = Campus().world.catalogue
    main, subject = catalogue.topic[:, 0], catalogue.subject
    same = subject[1:] == subject[:-1]
    neighbours = (main[1:] == main[:-1])[same].mean()
    pairs = [
        (main[subject == s][:, None] == main[subject == s])[~np.eye(40, dtype=bool)].mean() for s in range(12)
    ]
    assert abs(neighbours - np.mean(pairs)) < 3.5 * np.sqrt(0.2 * 0.8 / same.sum())
    appeal = Campus().world.appeal
    assert abs(np.corrcoef(np.arange(480) % 40, appeal)[0, 1]) < 4 / np.sqrt(480)


def test_models_beat_one_another_in_the_promised_order(trial):
    score = campus_report.ranking_table(trial)
    assert score["random"] < 0.03
    assert score["popularity"] > 3 * score["random"]
    assert score["item-kNN"] > 1.3 * score["popularity"]
    assert score["user-kNN"] > 1.3 * score["popularity"]
    assert 1.5 * max(score["item-kNN"], score["user-kNN"]) < score["oracle"] < 0.5


def test_the_datasheet_states_the_figures_of_the_shipped_world():
    sheet = (ROOT / "datasets" / "campus" / "DATASHEET.md").read_text(encoding="utf-8")
    trial = campus_report.make_trial(2026)
    figures = campus_report.ranking_table(trial) | campus_report.text_table(trial)
    figures |= {"density": campus_report.shape_table(trial)["density"]}
    figures.pop("random")  # stands in two tables
    for name, value in figures.items():
        stated = float(re.search(rf"^\| {re.escape(name)} \| ([\d.]+) \|", sheet, re.MULTILINE)[1])
        assert stated == pytest.approx(value, abs=0.002), name


def test_the_order_of_the_last_three_courses_adds_to_a_static_profile(trial):
    score = campus_report.sequence_table(trial)
    assert score["profile + last three, in order"] > 1.1 * score["profile + last three, shuffled"]
    assert score["profile + last three, in order"] > 1.15 * score["profile"]


def test_text_carries_signal_for_courses_without_a_past(trial):
    score = campus_report.text_table(trial)
    assert score["TF-IDF of title + description"] > 1.2 * score["random"]
    assert score["TF-IDF of title + description"] > 1.1 * score["popularity of the subject"]
    assert score["TF-IDF of subject + title + description"] > 1.3 * score["TF-IDF of title + description"]
