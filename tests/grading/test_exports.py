"""Files for spreadsheets, Canvas and Moodle: read back by a CSV reader, and safe in a spreadsheet."""

from __future__ import annotations

import csv

import pandas as pd
import pytest

from coursekit.grading.exports import write_canvas, write_csv, write_moodle

ONE, TWO = "00_welcome", "02_similarity"
NASTY = 'Ann, "the\nfirst" 陈'
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", " =1", "\r=1", "＝1", "\n=1"]
SPLIT = ["Ann;=1+1", 'Ann;"=1+1"', "Ann\n=1", "Ann; \t@x", 'Ann";"=1', "Ann\t+1", "Ann,-1"]
ROSTER = (
    "Student,ID,SIS User ID,SIS Login ID,Section,02_similarity (4711),Final Score\n"
    "    Points Possible,,,,,25,(read only)\n"
    '"Able, Ann",101,u1,ann,"Group 1, Monday",,\n'
    '"Bo, Bob",102,u2,bob@x.org,Group 2,,\n'
    '"Cole, Cy",103,cy,c3,Group 2,,\n'
)


def marks(*rows: dict) -> pd.DataFrame:
    """A table as the gradebook gives it."""
    table = pd.DataFrame(rows, columns=["student", "first_name", "last_name", "email", "lms_id", "lesson"])
    for name, default in {"status": "graded", "score": 12.5, "max_score": 25.0}.items():
        table[name] = [row.get(name, default) for row in rows]
    text = dict.fromkeys(
        ["student", "first_name", "last_name", "email", "lms_id", "lesson", "status"], "string"
    )
    return table.astype(text | {"score": "Float64", "max_score": "Float64"})


def read(path, delimiter=",") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


class TestCsv:
    def test_a_comma_a_quote_and_a_newline_in_a_name_stay_one_field(self, tmp_path):
        table = marks({"student": "ann", "first_name": NASTY, "lesson": ONE})
        write_csv(table, tmp_path / "marks.csv")
        header, row = read(tmp_path / "marks.csv")
        assert header == list(table.columns)
        assert row == ["ann", NASTY, "", "", "", ONE, "graded", "12.5", "25"]

    def test_pandas_reads_it_back(self, tmp_path):
        table = marks({"student": "ann", "lesson": ONE}, {"student": "bob", "lesson": ONE, "score": None})
        write_csv(table, tmp_path / "marks.csv")
        found = pd.read_csv(tmp_path / "marks.csv")
        assert found["score"].tolist()[0] == 12.5
        assert found["score"].isna().tolist() == [False, True]

    def test_excel_can_tell_the_encoding(self, tmp_path):
        write_csv(marks({"student": "陈", "lesson": ONE}), tmp_path / "marks.csv")
        data = (tmp_path / "marks.csv").read_bytes()
        assert data.startswith(b"\xef\xbb\xbfstudent,")
        assert "陈".encode() in data

    @pytest.mark.parametrize("text", FORMULAS, ids=range(len(FORMULAS)))
    @pytest.mark.parametrize("column", ["student", "first_name", "last_name", "email", "lms_id"])
    def test_no_text_is_a_formula(self, tmp_path, column, text):
        write_csv(marks({"student": "ann", "lesson": ONE} | {column: text}), tmp_path / "marks.csv")
        assert all(not cell.strip().startswith(tuple("=+-@＝")) for cell in read(tmp_path / "marks.csv")[1])

    @pytest.mark.parametrize("name", SPLIT, ids=range(len(SPLIT)))
    @pytest.mark.parametrize("separator", [";", ",", "\t"], ids=["semicolon", "comma", "tab"])
    def test_no_part_of_a_name_is_a_formula_wherever_a_spreadsheet_splits(self, tmp_path, name, separator):
        write_csv(marks({"student": "ann", "first_name": name, "lesson": ONE}), tmp_path / "marks.csv")
        for row in read(tmp_path / "marks.csv", separator):
            assert not any(cell.strip(' "\r\n').startswith(tuple("=+-@")) for cell in row)

    def test_control_characters_and_half_characters_do_not_break_it(self, tmp_path):
        write_csv(
            marks({"student": "ann", "first_name": "A\0n\x1bn\ud800", "lesson": ONE}), tmp_path / "marks.csv"
        )
        assert read(tmp_path / "marks.csv")[1][1] == "Ann?"

    def test_an_empty_table_has_a_header(self, tmp_path):
        write_csv(marks(), tmp_path / "marks.csv")
        assert len(read(tmp_path / "marks.csv")) == 1


class TestCanvas:
    def test_has_canvas_columns_and_the_row_of_points(self, tmp_path):
        person = {"student": "ann", "first_name": "Ann", "last_name": "Able", "lms_id": "101"}
        table = marks(person | {"lesson": ONE, "max_score": 18.0}, person | {"lesson": TWO})
        assert write_canvas(table, tmp_path / "canvas.csv") == ()
        assert read(tmp_path / "canvas.csv") == [
            ["Student", "ID", "SIS User ID", "SIS Login ID", "Section", ONE, TWO],
            ["    Points Possible", "", "", "", "", "18", "25"],
            ["Able, Ann", "101", "", "ann", "", "12.5", "12.5"],
        ]

    def test_the_first_heading_is_not_quoted_after_the_byte_order_mark(self, tmp_path):
        write_canvas(marks({"student": "ann", "lesson": ONE}), tmp_path / "canvas.csv")
        assert (tmp_path / "canvas.csv").read_bytes().startswith(b"\xef\xbb\xbfStudent,ID,")

    def test_a_pending_mark_is_empty(self, tmp_path):
        write_canvas(marks({"student": "ann", "lesson": ONE, "score": None}), tmp_path / "canvas.csv")
        assert read(tmp_path / "canvas.csv")[2][5] == ""

    def test_a_zero_is_a_zero(self, tmp_path):
        write_canvas(marks({"student": "ann", "lesson": ONE, "score": 0.0}), tmp_path / "canvas.csv")
        assert read(tmp_path / "canvas.csv")[2][5] == "0"

    def test_takes_ids_sections_and_headings_from_the_roster(self, tmp_path, roster):
        people = [{"student": "ann"}, {"student": "bob", "email": "bob@x.org"}, {"student": "cy"}]
        table = marks(*({**person, "lesson": TWO} for person in people))
        assert write_canvas(table, tmp_path / "canvas.csv", roster) == ()
        header, _, *rows = read(tmp_path / "canvas.csv")
        assert header[-1] == "02_similarity (4711)"
        assert rows == [
            ["Able, Ann", "101", "u1", "ann", "Group 1, Monday", "12.5"],
            ["Bo, Bob", "102", "u2", "bob@x.org", "Group 2", "12.5"],
            ["Cole, Cy", "103", "cy", "c3", "Group 2", "12.5"],
        ]

    def test_tells_who_is_not_in_the_roster_and_leaves_them_out(self, tmp_path, roster):
        table = marks({"student": "ann", "lesson": TWO}, {"student": "zoe", "lesson": TWO})
        assert write_canvas(table, tmp_path / "canvas.csv", roster) == ("zoe",)
        assert [row[3] for row in read(tmp_path / "canvas.csv")[2:]] == ["ann"]

    def test_a_folder_named_like_anothers_canvas_id_does_not_take_their_place(self, tmp_path, roster):
        table = marks({"student": "101", "lesson": TWO, "score": 1.0}, {"student": "ann", "lesson": TWO})
        assert write_canvas(table, tmp_path / "canvas.csv", roster) == ("101",)
        assert [row[5] for row in read(tmp_path / "canvas.csv")[2:]] == ["12.5"]

    def test_reads_a_roster_with_semicolons(self, tmp_path, roster):
        roster.write_text(
            ROSTER.replace("Group 1, Monday", "Group 1").replace("Able, Ann", "Ann").replace(",", ";")
        )
        assert write_canvas(marks({"student": "ann", "lesson": TWO}), tmp_path / "canvas.csv", roster) == ()

    def test_refuses_a_roster_that_is_none_by_name(self, tmp_path, roster):
        roster.write_text("name,mark\nann,1\n")
        with pytest.raises(ValueError, match=r"roster\.csv.*Grades > Export"):
            write_canvas(marks({"student": "ann", "lesson": TWO}), tmp_path / "canvas.csv", roster)
        assert not (tmp_path / "canvas.csv").exists()


@pytest.fixture
def roster(tmp_path):
    path = tmp_path / "roster.csv"
    path.write_text(ROSTER, encoding="utf-8-sig")
    return path


class TestMoodle:
    def test_has_id_numbers_addresses_and_a_column_for_each_lesson(self, tmp_path):
        person = {"student": "ann", "first_name": "Ann", "last_name": "Able", "email": "a@x.org"}
        table = marks(person | {"lesson": ONE}, person | {"lesson": TWO, "score": None})
        write_moodle(table, tmp_path / "moodle.csv")
        assert read(tmp_path / "moodle.csv") == [
            ["First name", "Last name", "ID number", "Email address", ONE, TWO],
            ["Ann", "Able", "ann", "a@x.org", "12.5", ""],
        ]

    def test_the_id_in_the_learning_system_comes_before_the_folders_name(self, tmp_path):
        write_moodle(marks({"student": "ann", "lms_id": "0042", "lesson": ONE}), tmp_path / "moodle.csv")
        assert read(tmp_path / "moodle.csv")[1][2] == "0042"

    def test_has_no_column_of_addresses_when_one_is_missing(self, tmp_path):
        table = marks(
            {"student": "ann", "email": "a@x.org", "lesson": ONE}, {"student": "bob", "lesson": ONE}
        )
        write_moodle(table, tmp_path / "moodle.csv")
        assert read(tmp_path / "moodle.csv")[0] == ["First name", "Last name", "ID number", ONE]

    @pytest.mark.parametrize("name", ["Ann\\", 'Ann\\"', "Ann\\\\"], ids=["end", "quote", "double"])
    def test_a_backslash_does_not_swallow_the_end_of_a_field(self, tmp_path, name):
        table = marks({"student": "ann", "last_name": name, "lesson": ONE}, {"student": "bob", "lesson": ONE})
        write_moodle(table, tmp_path / "moodle.csv")
        with (tmp_path / "moodle.csv").open(encoding="utf-8-sig", newline="") as file:
            as_php_reads = list(csv.reader(file, escapechar="\\"))
        assert [row[2] for row in as_php_reads[1:]] == ["ann", "bob"]

    def test_a_table_with_unknown_possible_points_is_written(self, tmp_path):
        table = marks({"student": "ann", "lesson": ONE, "score": None, "max_score": None})
        write_moodle(table, tmp_path / "moodle.csv")
        write_canvas(table, tmp_path / "canvas.csv")
        assert read(tmp_path / "canvas.csv")[1][5] == ""
