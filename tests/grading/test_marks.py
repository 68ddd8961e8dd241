"""The class's marks as a table: what is not complete is not a number."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

pytest.importorskip("nbgrader")

from nbgrader.api import Gradebook as StockGradebook

from coursekit.grading.gradebook import Gradebook
from tests.grading.gradebooks import LESSON, PROSE, grade_by_hand, make_result


class TestMarks:
    def test_pending_prose_is_no_score(self, gradebook, file, template):
        gradebook.record(make_result(template, prose="x"), template)
        row = gradebook.marks([LESSON]).iloc[0]
        assert row["status"] == "needs manual grading"
        assert row[["score", "manual"]].isna().all()
        assert (row["auto"], row["max_score"]) == (14, 18)

    def test_a_finished_row_adds_up(self, gradebook, file, template):
        gradebook.record(make_result(template, share=0.5, prose="x"), template)
        grade_by_hand(file, "ann", PROSE, 3, extra_credit=0.5)
        grade_by_hand(file, "ann", "overlap-test", 2)
        row = gradebook.marks([LESSON]).iloc[0]
        assert row["status"] == "graded"
        assert (row["auto"], row["manual"], row["score"]) == (7, 4.5, 11.5)
        with StockGradebook(f"sqlite:///{file}") as stock:
            assert stock.find_submission(LESSON, "ann").score == row["score"]

    def test_late_penalty_and_seconds_late_are_nbgraders(self, gradebook, file, template):
        gradebook.record(make_result(template), template, timestamp=datetime(2026, 3, 2, tzinfo=UTC))
        with StockGradebook(f"sqlite:///{file}") as stock:
            stock.update_or_create_assignment(LESSON, duedate="2026-03-01 12:00:00 UTC")
            stock.grant_extension(LESSON, "ann", hours=11)
            stock.find_submission_notebook(LESSON, LESSON, "ann").late_submission_penalty = 4
            stock.db.commit()
        row = gradebook.marks([LESSON]).iloc[0]
        assert (row["seconds_late"], row["penalty"], row["score"]) == (3600, 4, 10)

    def test_learners_without_a_submission_are_missing(self, gradebook, file, template):
        with StockGradebook(f"sqlite:///{file}") as stock:
            stock.add_student("bob", first_name="Bob", last_name="Bo", email="b@x.org", lms_user_id="7")
        gradebook.record(make_result(template), template)
        found = gradebook.marks([LESSON, "02_similarity"])
        assert list(zip(found["student"], found["lesson"], found["status"], strict=True)) == [
            ("ann", LESSON, "graded"),
            ("ann", "02_similarity", "missing"),
            ("bob", LESSON, "missing"),
            ("bob", "02_similarity", "missing"),
        ]
        assert found.iloc[2][["first_name", "last_name", "email", "lms_id"]].tolist() == [
            "Bob",
            "Bo",
            "b@x.org",
            "7",
        ]
        assert found["score"].isna().tolist() == [False, True, True, True]

    def test_what_was_handed_in_and_not_graded_is_not_missing(self, gradebook, template):
        gradebook.record(make_result(template), template)
        found = gradebook.marks([LESSON], handed_in={("ann", LESSON), ("new", LESSON), ("other", "01")})
        assert dict(zip(found["student"], found["status"], strict=True)) == {
            "ann": "graded",
            "new": "not graded",
        }

    @pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")
    def test_a_submission_that_stock_nbgrader_only_began_is_not_graded(self, gradebook, file):
        with StockGradebook(f"sqlite:///{file}") as stock:
            stock.add_student("ann")
            stock.add_submission(LESSON, "ann")
        row = gradebook.marks([LESSON]).iloc[0]
        assert row["status"] == "not graded"
        assert row[["auto", "score"]].isna().all()

    def test_an_empty_gradebook_gives_an_empty_table(self, gradebook):
        found = gradebook.marks([LESSON])
        assert found.empty
        assert "score" in found


class TestLatePenalty:
    LATE = datetime(2026, 3, 2, tzinfo=UTC)

    @pytest.fixture
    def root(self, tmp_path, template):
        """A course whose settings take everything from who is late."""
        (tmp_path / "nbgrader_config.py").write_text(
            "c = get_config()\nc.LateSubmissionPlugin.penalty_method = 'zero'\n"
        )
        with Gradebook.of(tmp_path) as made:
            made.register(template)
        with StockGradebook(f"sqlite:///{tmp_path / 'gradebook.db'}") as stock:
            stock.update_or_create_assignment(LESSON, duedate="2026-03-01 12:00:00 UTC")
        return tmp_path

    def test_is_what_the_courses_settings_say(self, root, template):
        with Gradebook.of(root) as gradebook:
            gradebook.record(make_result(template), template, timestamp=self.LATE)
            row = gradebook.marks([LESSON]).iloc[0]
        assert (row["auto"], row["penalty"], row["score"]) == (14, 14, 0)

    def test_goes_when_the_submission_is_no_longer_late(self, root, template):
        with Gradebook.of(root) as gradebook:
            gradebook.record(make_result(template), template, timestamp=self.LATE)
            gradebook.record(make_result(template), template, timestamp=datetime(2026, 3, 1))
            row = gradebook.marks([LESSON]).iloc[0]
        assert (row["penalty"], row["score"]) == (0, 14)

    def test_is_none_by_default(self, root, template):
        (root / "nbgrader_config.py").write_text("c = get_config()\n")
        with Gradebook.of(root) as gradebook:
            gradebook.record(make_result(template), template, timestamp=self.LATE)
            assert gradebook.marks([LESSON])["score"].tolist() == [14]
