"""Results in the gradebook: nothing of a person's work overwritten, nothing of another learner's touched."""

from __future__ import annotations

import dataclasses
import sqlite3
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

pytest.importorskip("nbgrader")

from nbgrader.api import Gradebook as StockGradebook

from coursekit.grading.gradebook import Gradebook, ManualGrade
from coursekit.grading.results import Flag
from tests.grading.gradebooks import LESSON, PROSE, dump, grade_by_hand, make_result, table


class TestRecord:
    def test_stock_nbgrader_reads_the_marks(self, gradebook, file, template):
        when = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=8)))
        gradebook.record(make_result(template, share=0.5, prose="Because."), template, timestamp=when)
        with StockGradebook(f"sqlite:///{file}") as stock:
            submission = stock.find_submission(LESSON, "ann")
            assert (submission.score, submission.max_score) == (7, 18)
            assert submission.needs_manual_grade
            assert submission.timestamp == datetime(2026, 3, 1, 4)
            assert stock.find_grade("overlap-test", LESSON, LESSON, "ann").auto_score == 1
            assert "Not yet." in stock.find_comment("overlap", LESSON, LESSON, "ann").comment
            shown = stock.notebook_submission_dicts(LESSON, LESSON)[0]
            assert (shown["code_score"], shown["failed_tests"]) == (7, True)

    @pytest.mark.filterwarnings("ignore:Object of type:sqlalchemy.exc.SAWarning")
    def test_makes_the_rows_that_stock_nbgrader_makes_for_a_submission(self, gradebook, file, template):
        gradebook.record(make_result(template), template)
        with StockGradebook(f"sqlite:///{file}") as stock:
            stock.add_student("stock")
            stock.add_submission(LESSON, "stock")
            rows = {
                name: [
                    {
                        row.cell.id
                        for row in getattr(stock.find_submission(LESSON, student).notebooks[0], name)
                    }
                    for student in ("ann", "stock")
                ]
                for name in ("grades", "comments")
            }
        assert rows["grades"][0] == rows["grades"][1]
        assert rows["comments"][0] == rows["comments"][1]

    def test_full_marks_leave_no_comment(self, gradebook, file, template):
        gradebook.record(make_result(template, share=0), template)
        gradebook.record(make_result(template), template)
        with StockGradebook(f"sqlite:///{file}") as stock:
            assert stock.find_comment("overlap", LESSON, LESSON, "ann").comment is None

    def test_keeps_scores_extra_credit_and_comments_given_by_hand(self, gradebook, file, template):
        gradebook.record(make_result(template, prose="Because."), template)
        grade_by_hand(file, "ann", PROSE, 3.5, comment="Good.", extra_credit=1)
        grade_by_hand(file, "ann", "overlap-test", 0.25, comment="By luck.")
        gradebook.record(make_result(template, share=0, prose="Another text."), template)
        with StockGradebook(f"sqlite:///{file}") as stock:
            found = stock.find_grade(PROSE, LESSON, LESSON, "ann")
            assert (found.manual_score, found.extra_credit) == (3.5, 1)
            assert stock.find_grade("overlap-test", LESSON, LESSON, "ann").manual_score == 0.25
            assert stock.find_comment(PROSE, LESSON, LESSON, "ann").comment == "Good."
            assert stock.find_comment("overlap", LESSON, LESSON, "ann").comment == "By luck."

    @pytest.mark.parametrize("answer", [None, "", "  \n", "stub"], ids=["missing", "empty", "blank", "stub"])
    def test_no_answer_in_prose_is_zero_and_done(self, gradebook, file, template, answer):
        stub = next(slot.stub for slot in template.slots if slot.id == PROSE)
        gradebook.record(make_result(template, prose=stub if answer == "stub" else answer), template)
        assert gradebook.manual("ann", LESSON) == {PROSE: ManualGrade(0.0, 4.0, "No response.", False)}

    def test_prose_waits_for_a_person_until_graded(self, gradebook, file, template):
        gradebook.record(make_result(template, prose="Because."), template)
        assert gradebook.manual("ann", LESSON) == {PROSE: ManualGrade(None, 4.0, "", True)}
        grade_by_hand(file, "ann", PROSE, 3, comment="Good.", extra_credit=0.5)
        assert gradebook.manual("ann", LESSON) == {PROSE: ManualGrade(3.5, 4.0, "Good.", False)}

    @pytest.mark.parametrize(
        ("second", "waits"), [("Because.", False), ("Because. \n", False), ("Why?", True), ("", True)]
    )
    def test_graded_prose_waits_again_only_when_its_text_changed(
        self, gradebook, file, template, second, waits
    ):
        gradebook.record(make_result(template, prose="Because."), template)
        grade_by_hand(file, "ann", PROSE, 3)
        gradebook.record(make_result(template, share=0.5, prose=second), template)
        assert gradebook.manual("ann", LESSON)[PROSE].pending is waits

    def test_changed_prose_goes_on_waiting_when_it_is_graded_anew_unchanged(self, gradebook, file, template):
        gradebook.record(make_result(template, prose="Because."), template)
        grade_by_hand(file, "ann", PROSE, 3)
        for _ in range(2):
            gradebook.record(make_result(template, prose="Why?"), template)
        assert gradebook.manual("ann", LESSON)[PROSE].pending

    def test_a_test_that_a_person_overruled_waits_again_when_its_points_change(
        self, gradebook, file, template
    ):
        gradebook.record(make_result(template, share=0), template)
        grade_by_hand(file, "ann", "overlap-test", 2, comment="A typing error.")
        gradebook.record(make_result(template, share=0), template)
        kept = ManualGrade(2.0, 2.0, "A typing error.", False)
        assert gradebook.manual("ann", LESSON)["overlap-test"] == kept
        gradebook.record(make_result(template, share=0.5), template)
        assert gradebook.manual("ann", LESSON)["overlap-test"].pending

    def test_touches_no_row_of_another_learner(self, gradebook, file, template):
        for student in ("ann", "bob", "eve"):
            gradebook.record(make_result(template, student, prose="Because."), template)
        grade_by_hand(file, "bob", PROSE, 3, comment="Good.")
        before = dump(file)
        gradebook.record(make_result(template, "eve", share=0, prose="x"), template)
        changed = set(before) ^ set(dump(file))
        eve = submitted_ids(file, "eve")
        assert changed
        assert all(any(key in line for key in eve) for line in changed)

    def test_keeps_the_time_when_none_is_given(self, gradebook, template):
        gradebook.record(make_result(template), template, timestamp=datetime(2026, 3, 1))
        gradebook.record(make_result(template), template)
        assert gradebook.marks([LESSON])["timestamp"].tolist() == [datetime(2026, 3, 1)]

    @pytest.mark.parametrize("moment", [datetime.min, datetime.max], ids=["first", "last"])
    @pytest.mark.parametrize("hours", [-14, 14])
    def test_takes_any_time_that_a_submission_may_claim(self, gradebook, template, moment, hours):
        claimed = moment.replace(tzinfo=timezone(timedelta(hours=hours)))
        gradebook.record(make_result(template), template, timestamp=claimed)
        assert gradebook.marks([LESSON])["status"].tolist() == ["graded"]

    def test_flags_the_notebook_once(self, gradebook, file, template):
        suspicious = make_result(template, flags=(Flag("overlap", 1, "It looks at the caller."),))
        gradebook.record(suspicious, template)
        assert table(file, "submitted_notebook")[0]["flagged"] == 1
        with StockGradebook(f"sqlite:///{file}") as stock:
            stock.find_submission_notebook(LESSON, LESSON, "ann").flagged = False
            stock.db.commit()
        gradebook.record(suspicious, template)
        assert table(file, "submitted_notebook")[0]["flagged"] == 0

    def test_gives_back_the_result_it_wrote(self, gradebook, template):
        result = make_result(
            template, prose="Zäh 中文 \ud800", notes=("A note.",), flags=(Flag("a", None, "b"),)
        )
        gradebook.record(result, template)
        assert gradebook.results(LESSON) == {"ann": result}

    def test_needs_a_registered_lesson(self, file, template):
        with Gradebook(file) as empty, pytest.raises(LookupError, match="call register"):
            empty.record(make_result(template), template)
        assert table(file, "student") == []

    def test_an_error_on_the_way_undoes_everything(self, gradebook, file, template):
        gradebook.record(make_result(template, share=0.5), template)
        before = dump(file)
        result = make_result(template)
        last = dataclasses.replace(result.marks[-1], test="unknown")
        with pytest.raises(LookupError, match="no grade cell 'unknown'"):
            gradebook.record(dataclasses.replace(result, marks=(*result.marks[:-1], last)), template)
        assert dump(file) == before

    def test_a_result_of_another_version_is_as_good_as_none(self, gradebook, file, template):
        gradebook.record(make_result(template, prose="x"), template)
        with sqlite3.connect(file) as connection:
            connection.execute("UPDATE coursekit_grading SET result_json = '{\"other\": 1}'")
        connection.close()
        assert gradebook.results(LESSON) == {}
        gradebook.record(make_result(template, prose="x"), template)
        assert set(gradebook.results(LESSON)) == {"ann"}

    def test_gives_back_one_learners_result(self, gradebook, template):
        for student in ("ann", "bob"):
            gradebook.record(make_result(template, student), template)
        assert gradebook.results(LESSON, "bob") == {"bob": make_result(template, "bob")}
        assert gradebook.results(LESSON, "eve") == {}


def submitted_ids(file: Path, student: str) -> set[str]:
    """Keys of all rows that belong to one learner."""
    with sqlite3.connect(file) as connection:
        query = (
            "SELECT n.id, a.id FROM submitted_notebook n "
            "JOIN submitted_assignment a ON a.id = n.assignment_id WHERE a.student_id = ?"
        )
        rows = connection.execute(query, [student]).fetchall()
    return {f"'{student}'", *(f"'{key}'" for row in rows for key in row)}


class TestHostileText:
    NAMES = ("x'; DROP TABLE grade; --", "../../etc", 'a,b\n"c"', "=1+1", "陈", "%s{}", "a" * 300)

    @pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
    def test_a_learners_name_is_only_a_name(self, gradebook, template, name):
        gradebook.record(make_result(template, "ann"), template)
        gradebook.record(make_result(template, name), template)
        assert set(gradebook.fingerprints(LESSON)) == {"ann", name}

    def test_a_name_that_is_no_text_is_refused_by_name(self, gradebook, file, template):
        before = dump(file)
        with pytest.raises(ValueError, match=r"caf\\udce9.*rename"):
            gradebook.record(make_result(template, "caf\udce9"), template)
        assert dump(file) == before

    MESSAGES = (
        "<script>alert(1)</script>",
        "```\n<img src=x onerror=alert(1)>\n```",
        "~~~\n<b>",
        "[x](javascript:alert(1)) ![y](http://example.org/y.png)",
        "\0\ud800<svg onload=alert(1)>",
        "$\\href{javascript:alert(1)}{x}$",
    )

    @pytest.mark.parametrize("text", MESSAGES, ids=range(len(MESSAGES)))
    def test_a_message_is_shown_letter_by_letter_in_stock_feedback(self, gradebook, file, template, text):
        from nbconvert.filters import markdown2html

        marks = tuple(dataclasses.replace(mark, message=text) for mark in make_result(template).marks)
        gradebook.record(make_result(template, marks=marks), template)
        with StockGradebook(f"sqlite:///{file}") as stock:
            comment = stock.find_comment("overlap", LESSON, LESSON, "ann").comment
        page = markdown2html(comment)
        assert not [tag for tag in ("<script", "<img", "<svg", "<b>", "<a ") if tag in page]


class TestFingerprints:
    def test_one_for_each_learner_that_was_graded(self, gradebook, template):
        for student in ("ann", "bob"):
            gradebook.record(make_result(template, student, fingerprint=student), template)
        assert gradebook.fingerprints(LESSON) == {"ann": "ann", "bob": "bob"}
        assert gradebook.fingerprints("02_similarity") == {}

    def test_not_of_a_learner_whom_stock_nbgrader_removed(self, gradebook, file, template):
        gradebook.record(make_result(template), template)
        with StockGradebook(f"sqlite:///{file}") as stock:
            stock.remove_student("ann")
        assert gradebook.fingerprints(LESSON) == {}
        assert gradebook.results(LESSON) == {}

    def test_not_of_a_learner_whom_another_tool_graded_since(self, gradebook, file, template):
        gradebook.record(make_result(template), template)
        with StockGradebook(f"sqlite:///{file}") as stock:
            stock.find_grade("overlap-test", LESSON, LESSON, "ann").auto_score = 0
            stock.db.commit()
        assert gradebook.fingerprints(LESSON) == {}

    def test_still_of_a_learner_whose_prose_was_graded(self, gradebook, file, template):
        gradebook.record(make_result(template, prose="x"), template)
        grade_by_hand(file, "ann", PROSE, 2)
        assert gradebook.fingerprints(LESSON) == {"ann": "one"}
