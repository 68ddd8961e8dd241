"""How the simulator behaves, whatever the seed. The shipped world is examined in test_campus_world.py."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields

import numpy as np
import pandas as pd
import pytest

from coursekit.simulator import WINDOW_START, Behaviour, Campus, simulate, untidy
from coursekit.simulator.choice import appraise
from coursekit.simulator.engine import run_weeks
from coursekit.simulator.exposure import TICKETS, Platform
from coursekit.simulator.files import whole_text
from coursekit.simulator.population import draw_learners
from coursekit.simulator.world import WEEK, bell

MIDDLE = WINDOW_START + 52 * WEEK + 3 * 86_400 + 12_345  # a Wednesday a year in


@pytest.fixture(scope="module")
def small() -> Campus:
    return Campus(seed=7, n_learners=400)


def test_the_same_seed_gives_the_same_tables_and_another_seed_others():
    first, again, other = simulate(5, 120), simulate(5, 120), simulate(6, 120)
    pd.testing.assert_frame_equal(first.enrolments, again.enrolments)
    pd.testing.assert_frame_equal(first.learners, again.learners)
    assert not first.learners.hours_per_week.equals(other.learners.hours_per_week)


def test_streamed_files_hold_the_same_facts_as_the_tables(tmp_path):
    folder, tables = simulate(5, 120, folder=tmp_path), simulate(5, 120)
    read = pd.read_csv(folder / "enrolments.csv", parse_dates=["time"])
    pd.testing.assert_frame_equal(read, tables.enrolments, check_dtype=False)
    learners = pd.read_csv(folder / "learners.csv", parse_dates=["join_date"])
    pd.testing.assert_frame_equal(learners, tables.learners, check_dtype=False)
    assert b"\r" not in (folder / "enrolments.csv").read_bytes()
    assert sorted(path.name for path in folder.iterdir()) == [
        "course_topics.csv",
        "courses.csv",
        "enrolments.csv",
        "learners.csv",
    ]


def test_events_obey_the_rules_of_the_campus(small):
    events = small.enrolment_table().merge(small.learner_table(), on="learner_id")
    launch = dict(zip(small.world.catalogue.ids, small.world.catalogue.launch, strict=True))
    launched = pd.to_datetime(events.course_id.map(launch), unit="s", utc=True)
    assert not events.duplicated(["learner_id", "course_id"]).any()
    assert events.time.is_monotonic_increasing
    assert (events.time >= launched).all()
    assert (events.time >= events.join_date.dt.tz_localize("UTC")).all()
    assert events.time.max() < pd.Timestamp("2026-09-01", tz="UTC")
    assert events.position.between(1, 50).all()
    assert events.completed.between(0.01, 1.0).all()
    assert set(events.rating.dropna()) <= {1.0, 2.0, 3.0, 4.0, 5.0}
    gap = events.groupby("learner_id").time.diff().dropna()
    assert gap.min() >= pd.Timedelta(seconds=120)


def test_replayed_state_is_the_state_the_learners_decided_in(small):
    learners = draw_learners(small.world, small.n_learners)
    platform = Platform(small.world, small.n_learners)
    for week, _ in enumerate(run_weeks(small.world, learners, platform), start=1):
        if week == 52:
            break
    replayed, _ = small._state_at(WINDOW_START + 52 * WEEK - 1)
    for field in fields(learners):
        np.testing.assert_array_equal(
            getattr(replayed, field.name), getattr(learners, field.name), err_msg=field.name
        )
    np.testing.assert_array_equal(small._state_at(WINDOW_START + 52 * WEEK)[1], platform.herd)


def test_oracle_does_not_see_what_happens_later(small):
    blind = Campus(seed=7, n_learners=400)
    weeks, herd = small._weeks
    past = [events.take(events.time <= MIDDLE) for events in weeks]
    later = np.arange(len(herd))[:, None] > 52
    blind.__dict__["_weeks"] = (past, np.where(later, 99.0, herd))
    np.testing.assert_array_equal(blind.oracle(np.arange(400), MIDDLE), small.oracle(np.arange(400), MIDDLE))


def test_oracle_changes_when_the_learner_takes_a_course(small):
    events = small.enrolment_table()
    row = np.flatnonzero(events.time >= "2025-09-03")[0]
    time = int(events.time[row].timestamp())
    learner = int(events.learner_id[row][1:]) - 1
    before, after = small.oracle([learner], time - 1)[0], small.oracle([learner], time)[0]
    launched = np.isfinite(before)
    assert np.abs(after[launched] - before[launched]).max() > 0.5
    other = (learner + 1) % 400
    np.testing.assert_array_equal(small.oracle([other], time - 1), small.oracle([other], time))


def test_oracle_is_minus_infinity_exactly_for_courses_not_launched(small):
    utility = small.oracle([3, 3, 0], MIDDLE)
    assert utility.shape == (3, 480)
    np.testing.assert_array_equal(
        np.isneginf(utility), np.tile(small.world.catalogue.launch > MIDDLE, (3, 1))
    )
    assert np.isfinite(utility[:, small.world.catalogue.launch <= MIDDLE]).all()
    np.testing.assert_array_equal(utility[0], utility[1])


def test_learners_choose_what_the_oracle_ranks_high(small):
    events = small.enrolment_table()
    late = events[(events.time >= "2025-09-03") & (events.time < "2025-09-24")]
    course = {name: row for row, name in enumerate(small.world.catalogue.ids)}
    better = []
    for event in late.itertuples():
        utility = small.oracle([int(event.learner_id[1:]) - 1], int(event.time.timestamp()) - 1)[0]
        better.append((utility < utility[course[event.course_id]]).sum() / np.isfinite(utility).sum())
        if len(better) == 40:
            break
    assert np.mean(better) > 0.8  # 0.5 is chance


def test_learner_outside_the_campus_is_named(small):
    with pytest.raises(IndexError, match=r"learner 400 at place 1.*0 to 399"):
        small.oracle([0, 400], MIDDLE)
    with pytest.raises(IndexError, match="learner -1"):
        small.oracle([-1], MIDDLE)
    with pytest.raises(ValueError, match="n_learners=0"):
        simulate(1, 0)


def test_logged_propensity_is_the_chance_the_platform_gave_the_course(small):
    events = small.enrolment_table()
    course = {name: row for row, name in enumerate(small.world.catalogue.ids)}
    for row in (0, 2_000, 6_000, len(events) - 1):
        event = events.iloc[row]
        chance = small.exposure([int(event.learner_id[1:]) - 1], int(event.time.timestamp()))[0]
        assert chance.sum() == pytest.approx(1.0, abs=1e-12)
        assert event.propensity == round(chance[course[event.course_id]], 6)


def test_every_launched_course_can_be_shown_and_no_other(small):
    now = WINDOW_START + 60 * WEEK
    course, number = Platform(small.world, 400).tickets(now)
    launched = small.world.catalogue.launch <= now
    assert course.shape == (12, TICKETS)
    assert (number.sum(axis=1) == TICKETS).all()
    assert (number[:, launched] >= 0.09 * TICKETS / launched.sum()).all()
    assert (number[:, ~launched] == 0).all()
    np.testing.assert_array_equal(np.bincount(course[4], minlength=480), number[4])


def test_pages_favour_the_top_and_attention_can_be_switched_off():
    attentive = simulate(3, 300, behaviour=Behaviour(position=0.0)).enrolments
    usual = simulate(3, 300).enrolments
    assert abs(attentive.position.mean() - 25.5) < 0.5
    assert usual.position.mean() < 23.0


def test_without_unequal_appeal_and_herd_popularity_is_more_even():
    def top_share(behaviour):
        counts = simulate(3, 300, behaviour=behaviour).enrolments.course_id.value_counts()
        return counts.iloc[:48].sum() / counts.sum()

    assert top_share(Behaviour(appeal=0.0, herd=0.0, crowding=0.0)) < 0.8 * top_share(Behaviour())


def test_momentum_depends_on_the_order_of_the_last_three(small):
    learners = draw_learners(small.world, 2)
    learners.recent[0], learners.recent[1] = [10, 200, 300], [300, 200, 10]
    for field in fields(learners):
        if field.name != "recent":
            getattr(learners, field.name)[1] = getattr(learners, field.name)[0]
    courses = np.tile(np.arange(480), (2, 1))
    view = appraise(small.world, learners, np.arange(2), courses, 0.5, np.zeros(480))
    leads = small.world.leads_to
    expected = small.world.behaviour.momentum * 0.8 * (leads[10] - leads[300])
    np.testing.assert_allclose(view.utility[0] - view.utility[1], expected, atol=1e-12)


def test_appraisal_adds_up_as_the_datasheet_says(small):
    """One learner, one course, by hand."""
    world, b = small.world, small.world.behaviour
    learners, who, j = draw_learners(world, 50), 17, 123
    herd = np.linspace(0, 1, 480)
    cat = world.catalogue
    theta = (learners.taste[who] + 0.25 * learners.change[who].astype(float)) / 32
    skill = learners.skill[who].astype(float)
    gap = cat.level[j] - 1 - sum(cat.weight[j, p] * skill[cat.topic[j, p]] for p in range(3))
    expected = b.taste * sum(cat.weight[j, p] * theta[cat.topic[j, p]] for p in range(3))
    expected += (
        b.style * float((learners.style[who] * world.style[j]).sum()) + world.appeal[j] + b.herd * herd[j]
    )
    expected -= (b.too_hard if gap > 0 else b.too_easy) * gap**2
    expected -= b.unready * sum(learners.status[who, c] != 2 for c in cat.prerequisite[j])
    expected -= b.foreign * (not learners.speaks[who, cat.language[j]])
    view = appraise(world, learners, np.array([who]), np.array([[j]]), 0.25, herd)
    assert view.utility[0, 0] == pytest.approx(expected, abs=1e-6)


def test_bell_has_mean_zero_and_variance_one():
    x = bell(np.random.default_rng(0), 200_000)
    assert abs(x.mean()) < 0.01
    assert abs(x.var() - 1.0) < 0.01
    assert np.abs(x).max() <= 3.4642


def test_a_failed_write_leaves_the_old_file_and_no_rubbish(tmp_path):
    path = tmp_path / "learners.csv"
    path.write_text("old\n")

    def fail():
        with whole_text(path) as stream:
            stream.write("half a li")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="needs the resource module")
def test_a_million_learners_would_fit_into_three_gigabytes(tmp_path):
    """Peak memory of 20,000 and 60,000 learners over six weeks, carried on in a straight line."""
    code = (
        "import sys, resource; from coursekit.simulator import engine, simulate\n"
        "engine.N_WEEKS = 6; simulate(n_learners=int(sys.argv[1]), folder=sys.argv[2])\n"
        "unit = 1 if sys.platform == 'darwin' else 1024\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)"
    )
    few, many = (
        int(subprocess.check_output([sys.executable, "-c", code, str(n), str(tmp_path)], text=True))
        for n in (20_000, 60_000)
    )
    assert few + (many - few) / 40_000 * 980_000 < 3e9


@pytest.fixture(scope="module")
def clean():
    return simulate(4, 200).enrolments


class TestUntidy:
    def test_the_same_seed_spoils_the_same_way_and_the_clean_table_is_untouched(self, clean):
        copy = clean.copy()
        first, again, other = untidy(clean, rng=1), untidy(clean, rng=1), untidy(clean, rng=2)
        pd.testing.assert_frame_equal(first.raw, again.raw)
        pd.testing.assert_frame_equal(first.truth, again.truth)
        assert not first.raw.equals(other.raw)
        pd.testing.assert_frame_equal(clean, copy)

    def test_every_kind_of_dirt_is_there_in_the_stated_amount(self, clean):
        counts = untidy(clean, rng=1).truth.dirt.value_counts()
        assert counts["exact duplicate"] == np.ceil(0.02 * len(clean))
        assert counts["near duplicate"] == np.ceil(0.015 * len(clean))
        assert counts["impossible rating"] == np.ceil(0.003 * len(clean))
        assert len(counts) == 9

    def test_exact_duplicates_are_equal_in_every_cell(self, clean):
        raw, truth = untidy(clean, rng=1)
        source = truth.source[truth.dirt == "exact duplicate"]
        assert raw.duplicated().sum() == len(source)
        assert raw[truth.source.isin(source)].duplicated(keep=False).all()

    def test_impossible_values_are_impossible_and_only_where_the_truth_says(self, clean):
        raw, truth = untidy(clean, rng=1)
        bad = raw.completed.notna() & ~raw.completed.between(0, 1)
        np.testing.assert_array_equal(bad, truth.dirt == "impossible completed")
        bad = raw.rating.notna() & ~raw.rating.between(1, 5)
        np.testing.assert_array_equal(bad, truth.dirt == "impossible rating")
        np.testing.assert_array_equal(raw.completed.isna(), truth.dirt == "missing completed")
        np.testing.assert_array_equal(raw.learner_id.isna(), truth.dirt == "missing learner")
        np.testing.assert_array_equal(raw.time.isna(), truth.dirt == "missing time")

    def test_a_careful_cleaner_gets_every_time_back(self, clean):
        raw, truth = untidy(clean, rng=1)
        iso = pd.to_datetime(raw.time, format="%Y-%m-%dT%H:%M:%SZ", errors="coerce", utc=True)
        other = pd.to_datetime(raw.time, format="%d/%m/%Y %H:%M:%S", errors="coerce", utc=True)
        np.testing.assert_array_equal(other.notna(), truth.day_first & raw.time.notna())
        assert 0.25 < truth.day_first.mean() < 0.35
        kept = ~truth.dirt.isin(["near duplicate", "missing time"])
        parsed, wanted = iso.fillna(other)[kept], clean.time.to_numpy()[truth.source[kept]]
        assert (parsed.to_numpy() == wanted).all()

    def test_a_missing_column_is_named(self, clean):
        with pytest.raises(ValueError, match="no column 'rating'"):
            untidy(clean.drop(columns="rating"))
