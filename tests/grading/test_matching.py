"""Answers are found among a submission's cells by mark, id, definitions or place; nothing else counts."""

import time
from dataclasses import replace
from pathlib import Path

import pytest

from coursekit.grading.submission.cells import Cell
from coursekit.grading.submission.choosing import LONGEST_ANSWER
from coursekit.grading.submission.matching import match
from coursekit.grading.template import Slot, Template
from coursekit.lessons.course import Course

TEMPLATE = Template.of(Course(Path(__file__).parents[2]).lesson("00"))
STUBS = {slot.id: slot.stub for slot in TEMPLATE.slots}
ANSWER = "def overlap(a, b):\n    return len(set(a) & set(b))"
ESSAY = "Two learners who took nothing are alike for no reason."


def released(cell):
    grade_id = cell["metadata"].get("nbgrader", {}).get("grade_id", "")
    return Cell(cell["cell_type"], cell["source"], grade_id, cell["id"])


CELLS = [released(cell) for cell in TEMPLATE.released["cells"]]


def submission(**changes):
    """The released cells, an answer's cell replaced by the given ones; `_` in a name stands for a hyphen."""
    found = []
    for cell in CELLS:
        new = changes.get(cell.grade_id.replace("-", "_") or "none", [cell])
        found += new if isinstance(new, list) else [replace(cell, text=new)]
    return found


def marked(text, grade_id="overlap", kind="code"):
    return Cell(kind, text, grade_id, "")


def plain(text, kind="code"):
    return Cell(kind, text)


def test_the_release_gives_every_stub_and_no_note():
    assert match(CELLS, TEMPLATE) == (STUBS, [])


def test_a_filled_answer_is_taken_as_it_is():
    answers, notes = match(submission(overlap=ANSWER), TEMPLATE)
    assert answers == {**STUBS, "overlap": ANSWER}
    assert notes == []


def test_an_emptied_answer_cell_is_an_empty_answer():
    assert match(submission(overlap=""), TEMPLATE)[0]["overlap"] == ""


@pytest.mark.parametrize("kept", ["id", "text"])
def test_answers_survive_the_loss_of_all_metadata(kept):
    cells = submission(overlap=ANSWER, open_00=ESSAY)
    bare = [replace(cell, grade_id="", id=cell.id if kept == "id" else "") for cell in cells]
    answers, notes = match(bare, TEMPLATE)
    assert answers == {**STUBS, "overlap": ANSWER, "open-00": ESSAY}
    assert all("mark is lost" in note for note in notes)
    assert notes


def test_answers_are_found_in_any_order_without_our_other_cells():
    cells = submission(overlap=ANSWER)[::-1]
    mine = [cell for cell in cells if cell.grade_id in STUBS]
    assert match(mine, TEMPLATE) == ({**STUBS, "overlap": ANSWER}, [])


@pytest.mark.parametrize("kind", ["markdown", "raw", "heading", "", "x" * 1000])
def test_a_changed_cell_type_costs_nothing(kind):
    answers, notes = match(submission(overlap=[marked(ANSWER, kind=kind)]), TEMPLATE)
    assert answers["overlap"] == ANSWER
    assert notes == ["The answer `overlap` was not in a code cell; it was read all the same."]


def test_a_missing_answer_has_no_key_and_a_note():
    answers, notes = match(submission(overlap=[]), TEMPLATE)
    assert "overlap" not in answers
    assert len(answers) == len(STUBS) - 1
    assert notes == ["No cell that could be read answers `overlap`: not handed in."]


def test_the_notebook_of_another_lesson_is_told_as_such():
    answers, notes = match([plain("x = 1"), plain("# Title", "markdown")], TEMPLATE)
    assert answers == {}
    assert "another lesson" in notes[0]


SECOND = ANSWER.replace("len", "abs(0) + len")
DOUBLED = {
    "filled then stub": ([marked(ANSWER), marked(STUBS["overlap"])], ANSWER),
    "stub then filled": ([marked(STUBS["overlap"]), marked(ANSWER)], ANSWER),
    "filled then stub without its text": (
        [marked(ANSWER), marked("def overlap(a, b):\n    raise NotImplementedError")],
        ANSWER,
    ),
    "filled then empty": ([marked(ANSWER), marked("  \n")], ANSWER),
    "two filled": ([marked(ANSWER), marked(SECOND)], SECOND),
    "the same twice": ([marked(ANSWER), marked(ANSWER)], ANSWER),
    "split, trial behind": ([marked(ANSWER), marked("print(overlap([1], [1]))")], ANSWER),
    "split, trial before": ([marked("overlap([1], [1])"), marked(ANSWER)], ANSWER),
    "split, helper": (
        [marked("import math\nK = 1"), marked(ANSWER), marked("def h():\n    pass")],
        f"import math\nK = 1\n\ndef h():\n    pass\n\n{ANSWER}",
    ),
    "none defines it": ([marked("x = 1"), marked("x = 2")], "x = 2"),
    "syntax error": (
        [marked("def overlap(a, b:\n    return"), marked("1 +")],
        "def overlap(a, b:\n    return",
    ),
}


@pytest.mark.parametrize("case", DOUBLED)
def test_of_several_cells_the_last_that_fits_counts(case):
    cells, expected = DOUBLED[case]
    answers, notes = match(submission(overlap=cells), TEMPLATE)
    assert answers == {**STUBS, "overlap": expected}
    assert len(notes) == 1
    assert f"{len(cells)} cells claim to be the answer `overlap`" in notes[0]


def test_pieces_of_prose_are_put_together():
    cells = [marked("One.", "open-00", "markdown"), marked("Two.", "open-00", "markdown")]
    answers, notes = match(submission(open_00=cells), TEMPLATE)
    assert answers["open-00"] == "One.\n\nTwo."
    assert "put together" in notes[0]


def test_changed_tests_and_locked_cells_never_count():
    cells = submission(overlap=[], overlap_test=[marked(ANSWER, "overlap-test"), plain("")])
    assert "overlap" not in match(cells, TEMPLATE)[0]
    cells = submission(overlap=[], overlap_test=[Cell("code", ANSWER, "", "overlap-test")])
    assert "overlap" not in match(cells, TEMPLATE)[0]


def test_text_of_ours_is_no_answer_whatever_its_mark():
    test = next(cell for cell in CELLS if cell.grade_id == "overlap-test")
    assert "overlap" not in match(submission(overlap=[marked(test.text)]), TEMPLATE)[0]


def test_an_answer_in_a_new_cell_counts_when_the_answer_cell_is_gone():
    answers, notes = match(submission(overlap=[plain(ANSWER)]), TEMPLATE)
    assert answers["overlap"] == ANSWER
    assert "recognised by what is defined there" in notes[0]


@pytest.mark.parametrize("left", [STUBS["overlap"], "", STUBS["overlap"] + "   \n\n"])
def test_an_answer_beside_its_untouched_cell_does_not_count_but_is_told(left):
    answers, notes = match(submission(overlap=[marked(left), plain(ANSWER)]), TEMPLATE)
    assert answers["overlap"] == left
    assert len(notes) == 1
    assert "move the text there" in notes[0]


def test_prose_beside_its_untouched_cell_is_told():
    stub = marked(STUBS["open-00"], "open-00", "markdown")
    answers, notes = match(submission(open_00=[stub, plain(ESSAY, "markdown")]), TEMPLATE)
    assert answers["open-00"] == STUBS["open-00"]
    assert "`open-00` was not filled in" in notes[0]


def test_scratch_cells_change_nothing():
    scratch = [plain("overlap(1, 2)"), plain("x = 3"), plain("    def overlap(): pass"), plain("%matplotlib")]
    cells = [part for cell in submission(overlap=ANSWER) for part in (cell, *scratch)]
    assert match(cells, TEMPLATE) == ({**STUBS, "overlap": ANSWER}, [])


def test_a_mark_goes_before_an_id_and_before_a_definition():
    other = Cell("code", SECOND, "", "overlap")
    answers, _ = match([other, plain(SECOND), *submission(overlap=ANSWER)], TEMPLATE)
    assert answers["overlap"] == ANSWER


def test_an_endless_answer_is_refused_and_a_long_one_is_not():
    long = ANSWER + "\n#" + "x" * (LONGEST_ANSWER["code"] - len(ANSWER) - 2)
    assert match(submission(overlap=long), TEMPLATE)[0]["overlap"] == long
    answers, notes = match(submission(overlap=long + "x"), TEMPLATE)
    assert "overlap" not in answers
    assert "more than 30,000 characters" in notes[0]


def test_a_name_that_two_answers_define_tells_neither():
    slots = (Slot("one", "code", "", ("model", "loss")), Slot("two", "code", "", ("model", "f1")))
    template = type("Two", (), {"slots": slots, "released": {"cells": []}})()
    assert match([plain("model = 1"), plain("f1 = 2")], template)[0] == {"two": "f1 = 2"}


ENDLESS = {
    "a word": "a" * 199_000,
    "colons": "a:" * 99_000,
    "comparisons": "a =" * 60_000,
    "variables": "a=\n" * 60_000,
    "parentheses": "(" * 199_000,
    "signs": "-" * 199_000 + "1",
    "attributes": "a" + ".b" * 90_000,
    "calls": "a" + "(b)" * 60_000,
    "lambdas": "lambda:" * 28_000 + "1",
    "indices": "a[" * 90_000,
    "keywords": "f(**" * 40_000,
    "with": "with (" * 30_000,
    "sum": "x = y" + "+y" * 90_000,
    "elif": "if x:\n pass\n" + "elif x:\n pass\n" * 10_000,
}


@pytest.mark.parametrize("name", ENDLESS)
def test_text_made_to_take_long_does_not(name):
    text = ENDLESS[name]
    begun = time.process_time()
    match([*CELLS, plain(text), marked(text), marked(text), marked(ANSWER)], TEMPLATE)
    assert time.process_time() - begun < 3
