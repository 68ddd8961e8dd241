import builtins
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coursekit.datasets import DataError, campus_tables, fetch, load

COURSES = """course_id,subject,title,title_zh,level,hours,language,launch_date,prerequisites,description
b-1,NA,"SQL, gently",温和的SQL,1,10,en,2024-09-01,,Tables and joins.
a-1,Music,Harmony,和声,2,20,zh,2025-01-01,b-1;c-9,Chords.
c-9,Art,Colour,色彩,1,5,en,2024-09-01,,Hues.
"""
LEARNERS = """learner_id,goal,background,join_date,hours_per_week,extra
L2,none,None,2024-09-01,3,x
L1,Music,some,2024-10-01,4,y
"""
ENROLMENTS = """learner_id,course_id,time,position,completed,rating
L1,b-1,2024-10-02T00:00:00Z,1,0.25,
L2,b-1,2024-10-03T12:00:00Z,2,1.0,5
L1,a-1,2025-02-01T00:00:01Z,3,0.5,2
"""


@pytest.fixture
def folder(tmp_path):
    for name, text in {"courses": COURSES, "learners": LEARNERS, "enrolments": ENROLMENTS}.items():
        (tmp_path / f"{name}.csv").write_bytes(text.encode())
    return tmp_path


def test_all_learners_and_courses_have_a_row_in_file_order(folder):
    data = load("campus", folder=folder)
    assert data.name == "campus"
    assert data.user_ids.tolist() == ["L2", "L1"]
    assert data.item_ids.tolist() == ["b-1", "a-1", "c-9"]
    assert data.user.tolist() == [1, 0, 1]
    assert data.item.tolist() == [0, 0, 1]


def test_enrolment_values_every_event_one(folder):
    data = load("campus", folder=folder)
    assert data.value.tolist() == [1, 1, 1]
    assert data.time.tolist() == [1727827200, 1727956800, 1738368001]


def test_completed_values_are_fractions(folder):
    assert load("campus", value="completed", folder=folder).value.tolist() == [0.25, 1.0, 0.5]


def test_rating_keeps_rated_events_only_and_the_same_rows(folder):
    data = load("campus", value="rating", folder=folder)
    assert data.value.tolist() == [5, 2]
    assert data.user.tolist() == [0, 1]
    assert (data.n_users, data.n_items) == (2, 3)


def test_unknown_value_is_quoted(folder):
    with pytest.raises(DataError, match="value='stars': choose one of 'enrolment', 'completed', 'rating'"):
        load("campus", value="stars", folder=folder)


def test_text_and_features_stand_in_item_and_user_order(folder):
    data = load("campus", folder=folder)
    assert data.item_text.tolist() == ["SQL, gently. Tables and joins.", "Harmony. Chords.", "Colour. Hues."]
    assert data.item_features["title_zh"].tolist() == ["温和的SQL", "和声", "色彩"]
    assert data.user_features["extra"].tolist() == ["x", "y"]


def test_words_that_look_like_missing_values_stay_words(folder):
    courses, learners, _ = campus_tables(folder)
    assert courses["subject"].tolist() == ["NA", "Music", "Art"]
    assert learners["background"].tolist() == ["None", "some"]
    assert courses["prerequisites"].tolist() == ["", "b-1;c-9", ""]


def test_catalogue_without_prerequisites_has_empty_strings(folder):
    (folder / "courses.csv").write_text(COURSES.replace("b-1;c-9", ""), encoding="utf-8")
    assert campus_tables(folder).courses["prerequisites"].tolist() == ["", "", ""]


def test_times_are_moments_in_utc(folder):
    tables = campus_tables(folder)
    assert tables.enrolments["time"][0] == pd.Timestamp("2024-10-02", tz="UTC")
    assert tables.courses["launch_date"][1] == pd.Timestamp("2025-01-01", tz="UTC")
    assert tables.learners["join_date"][1] == pd.Timestamp("2024-10-01", tz="UTC")


def test_missing_file_and_missing_column_are_named(folder):
    (folder / "learners.csv").write_text("learner_id,goal\nL1,x\n")
    with pytest.raises(
        DataError, match=r"learners\.csv: has no column background, join_date, hours_per_week"
    ):
        load("campus", folder=folder)
    (folder / "courses.csv").unlink()
    with pytest.raises(DataError, match=r"courses\.csv: is missing"):
        load("campus", folder=folder)


def test_enrolment_in_an_unknown_course_is_named(folder):
    with open(folder / "enrolments.csv", "a") as file:
        file.write("L1,d-7,2025-02-01T00:00:01Z,3,0.5,2\n")
    with pytest.raises(DataError, match=r"do not fit together.*'d-7'"):
        load("campus", folder=folder)


def test_ground_truth_is_never_opened(folder, monkeypatch):
    shutil.copy(folder / "courses.csv", folder / "course_topics.csv")
    opened = []
    real_open = builtins.open
    monkeypatch.setattr(
        builtins,
        "open",
        lambda file, *rest, **more: (opened.append(str(file)), real_open(file, *rest, **more))[1],
    )
    load("campus", folder=folder)
    load("campus", value="rating", folder=folder)
    assert {Path(name).name for name in opened if name.endswith(".csv")} == {
        "courses.csv",
        "learners.csv",
        "enrolments.csv",
    }


def test_shipped_world_loads_whole(home):
    data = load()
    tables = campus_tables()
    assert len(data) == len(tables.enrolments) > 100_000
    assert (data.n_users, data.n_items) == (len(tables.learners), len(tables.courses))
    assert len(set(data.user_ids)) == data.n_users
    assert len(set(data.item_ids)) == data.n_items
    assert not home.exists()


def test_shipped_world_has_plausible_values(home):
    _, _, events = campus_tables()
    window = pd.Timestamp("2024-09-01", tz="UTC"), pd.Timestamp("2026-09-01", tz="UTC")
    assert events["time"].between(*window).all()
    assert events["completed"].between(0, 1).all()
    assert set(events["rating"].dropna()) <= {1, 2, 3, 4, 5}
    assert len(load("campus", value="rating")) == events["rating"].notna().sum() > 1_000


def test_labels_of_the_shipped_world_lead_back_to_the_files(home):
    data = load("campus", value="completed")
    events = campus_tables().enrolments
    rows = np.random.default_rng(0).choice(len(data), 200)
    back = data.where(rows).to_frame()
    assert back["user"].tolist() == events["learner_id"].iloc[rows].tolist()
    assert back["item"].tolist() == events["course_id"].iloc[rows].tolist()
    assert (back["time"].to_numpy() == events["time"].iloc[rows].to_numpy()).all()
    np.testing.assert_array_equal(back["value"], events["completed"].iloc[rows].astype("float32"))


def test_campus_is_never_downloaded(home, folder):
    assert (fetch("campus") / "courses.csv").is_file()
