"""Marks as files for a spreadsheet, Canvas and Moodle.

All are UTF-8 with a byte order mark, by which Excel knows the encoding; Canvas and Moodle take it too. A
mark that is not complete (see `coursekit.grading.gradebook.marks`) is an empty cell, never 0. Text that a
spreadsheet would take for a formula gets an apostrophe in front, also inside of a field, as some
spreadsheets split at semicolons.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.files import whole_file

if TYPE_CHECKING:
    import pandas as pd

# A formula's first sign, at the beginning or where some spreadsheet begins a new cell.
_FORMULA = re.compile(r'(^|[;,\t\r\n])(?=[\s"]*[=+\-@＝＋－＠])')
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_CANVAS = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
# By which columns a learner is looked up in a Canvas roster: what the instructor wrote down comes first.
_KEYS = [
    ("lms_id", "ID"),
    ("student", "SIS Login ID"),
    ("student", "SIS User ID"),
    ("email", "SIS Login ID"),
    ("student", "ID"),
]


def write_csv(marks: pd.DataFrame, path: str | Path) -> None:
    """Write all columns of `Gradebook.marks`, one row for each learner and lesson."""
    rows = ([_cell(value) for value in row] for row in marks.itertuples(index=False))
    _write(path, marks.columns, rows)


def write_canvas(marks: pd.DataFrame, path: str | Path, roster: str | Path | None = None) -> tuple[str, ...]:
    """Write the file that Canvas takes under Grades > Import.

    The layout is the one of Canvas' own export (`lib/gradebook_exporter.rb` and `gradebook_importer.rb` of
    instructure/canvas-lms): Student, ID, SIS User ID, SIS Login ID, Section, one column for each lesson,
    and a second row "Points Possible". Canvas looks a learner up by ID, then by SIS ids, then by name, and
    an assignment by the number in its heading, then by its name; it asks before it makes new ones. Where
    Canvas holds a mark already, an empty cell takes it away.

    Args:
        marks: as `Gradebook.marks` gives them.
        path: the file to write.
        roster: a file exported from Canvas' gradebook. Its ids, sections and assignment headings are used,
            so that Canvas need not guess. Without it ID is the learner's `lms_id` and SIS Login ID the
            name of the learner's folder.

    Returns:
        Learners who are not in the roster. They are left out: Canvas would match them by name.

    Raises:
        ValueError: when `roster` is no export of Canvas' gradebook.
    """
    known = None if roster is None else _read_roster(Path(roster))
    headings = [_heading(lesson, known) for lesson in _lessons(marks)]
    points = [_cell(marks.loc[marks.lesson == lesson, "max_score"].max()) for lesson in _lessons(marks)]
    people = _people(marks)
    entries = _own_entries(people) if known is None else _roster_entries(people, known)
    rows, scores = [["    Points Possible", "", "", "", "", *points]], _scores(marks)
    for student, entry in entries.items():
        rows.append([*(_text(entry.get(name, "")) for name in _CANVAS), *scores[student]])
    _write(path, [*_CANVAS, *headings], rows)
    return tuple(student for student in people if student not in entries)


def write_moodle(marks: pd.DataFrame, path: str | Path) -> None:
    """Write the file that Moodle takes under Grades > Import > CSV file.

    Columns: First name, Last name, ID number (`lms_id`, else the name of the learner's folder), Email
    address, and one for each lesson. Moodle lets you say what each column is (docs.moodle.org, "Grade
    import"): map from "ID number" to "useridnumber" or from "Email address" to "useremail", and each lesson
    to a grade item that exists already, for which an empty cell means no grade. Moodle refuses the whole
    file when it does not know a learner. A row without an address would go to the learner of the row
    above it (`grade/import/csv/classes/load_data.php`), so the column is left out unless all have one.
    """
    people = _people(marks)
    names = {"First name": "first_name", "Last name": "last_name", "ID number": "lms_id"}
    if all(person["email"] for person in people.values()):
        names["Email address"] = "email"
    rows, scores = [], _scores(marks)
    for student, person in people.items():
        person = {**person, "lms_id": person["lms_id"] or student}
        # PHP reads a backslash before a quotation mark as part of the field, which would then not end.
        texts = [re.sub(r'\\+(?="|$)', "/", _text(person[name])) for name in names.values()]
        rows.append([*texts, *scores[student]])
    _write(path, [*names, *_lessons(marks)], rows)


def _write(path: str | Path, header: Iterable[str], rows: Iterable[Sequence[str]]) -> None:
    text = io.StringIO(newline="")
    # Quoted only where needed: Canvas' reader stumbles over a quotation mark after the byte order mark.
    csv.writer(text).writerows([header, *rows])
    with whole_file(path) as draft:
        draft.write_bytes(text.getvalue().encode("utf-8-sig", "replace"))


def _cell(value: object) -> str:
    """A number, a time, a text or nothing, as it stands in a file."""
    import pandas as pd

    if pd.isna(value):
        return ""
    return _text(value) if isinstance(value, str) else _number(value)


def _number(value: object) -> str:
    return f"{round(value, 6):.12g}" if isinstance(value, int | float) else str(value)


def _text(value: str) -> str:
    """The text without control characters, and not a formula."""
    return _FORMULA.sub(r"\1'", _CONTROL.sub("", value))


def _lessons(marks: pd.DataFrame) -> list[str]:
    return list(dict.fromkeys(marks.lesson))


def _people(marks: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Each learner's names and ids; empty text where nothing is known."""
    columns = ["student", "first_name", "last_name", "email", "lms_id"]
    found = marks[columns].drop_duplicates("student").astype(object).fillna("")
    return {person["student"]: person for person in found.to_dict("records")}


def _scores(marks: pd.DataFrame) -> dict[str, list[str]]:
    """Each learner's scores as texts, in the order of the lessons."""
    columns = zip(marks.student, marks.lesson, marks.score, strict=True)
    scores = {(student, lesson): _cell(score) for student, lesson, score in columns}
    lessons = _lessons(marks)
    return {student: [scores.get((student, one), "") for one in lessons] for student in marks.student}


def _own_entries(people: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
    entries = {}
    for student, person in people.items():
        name = ", ".join(filter(None, [person["last_name"], person["first_name"]])) or student
        entries[student] = {"Student": name, "ID": person["lms_id"], "SIS Login ID": student}
    return entries


def _roster_entries(
    people: dict[str, dict[str, str]], roster: list[dict[str, str]]
) -> dict[str, dict[str, str]]:
    """The roster's row of each learner who is in it. A row that one learner has is nobody else's."""
    free, found = list(roster), {}
    for key, column in _KEYS:
        for student, person in people.items():
            if student in found or not person[key]:
                continue
            rows = [row for row in free if row.get(column, "").strip() == person[key]]
            if len(rows) == 1:
                found[student] = rows[0]
                free.remove(rows[0])
    return {student: found[student] for student in people if student in found}


def _read_roster(path: Path) -> list[dict[str, str]]:
    """The rows for learners of a Canvas export."""
    text = path.read_text("utf-8-sig")
    first = text.partition("\n")[0]
    delimiter = ";" if first.count(";") > first.count(",") else ","
    rows = list(csv.reader(text.splitlines(keepends=True), delimiter=delimiter))
    if not rows or not {"Student", "ID"} <= set(rows[0]):
        raise ValueError(
            f"{path} is no export of Canvas' gradebook (its first line has no Student and ID): "
            "export one under Grades > Export"
        )
    return [dict(zip(rows[0], row, strict=False)) for row in rows[1:]]


def _heading(lesson: str, roster: list[dict[str, str]] | None) -> str:
    """The lesson's heading in the roster, with Canvas' number of the assignment, else its key."""
    names = roster[0] if roster else ()
    return next((name for name in names if re.fullmatch(rf"{re.escape(lesson)} \(\d+\)", name)), lesson)
