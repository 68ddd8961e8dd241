"""What can still be read of a damaged notebook file is read, quickly and without an error."""

import copy
import json
import time
from pathlib import Path

import pytest

from coursekit.grading.submission.cells import MOST_CELLS, cells_of, text_of
from coursekit.grading.submission.salvage import cells_in, parse, salvage

RELEASED = (Path(__file__).parents[2] / "lessons/00_welcome/00_welcome.ipynb").read_text("utf-8")
NOTEBOOK = json.loads(RELEASED)
COUNT = len(NOTEBOOK["cells"])
MIB = 2**20


def texts(data):
    return [cell.text for cell in cells_of(data if isinstance(data, bytes) else data.encode())[0]]


WHOLE = texts(RELEASED)


def test_a_proper_notebook_is_read_without_a_note():
    cells, notes = cells_of(RELEASED.encode())
    assert [cell.text for cell in cells] == ["".join(cell["source"]) for cell in NOTEBOOK["cells"]]
    assert notes == []


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_notebook_cut_off_gives_all_cells_before_the_cut(share):
    cells, notes = cells_of(RELEASED[: int(len(RELEASED) * share)].encode())
    assert [cell.text for cell in cells] == WHOLE[: len(cells)]
    assert abs(len(cells) - COUNT * share) < 0.25 * COUNT
    assert "is damaged" in notes[0]


def test_a_notebook_without_its_beginning_gives_all_cells_behind_it():
    found = texts(RELEASED[3000:])
    assert found == WHOLE[-len(found) :]
    assert len(found) >= COUNT - 6


def test_trailing_commas_cost_nothing_and_stay_in_the_code():
    broken = RELEASED.replace("\n   ]", ",\n   ]").replace("\n  }", ",\n  }").replace("\n ]", ",\n ]")
    assert broken != RELEASED
    cells, notes = cells_of(broken.encode())
    assert [cell.text for cell in cells] == WHOLE
    assert notes == ["The file is damaged and was repaired."]


def test_two_notebooks_in_one_file_give_the_cells_of_both():
    assert texts(RELEASED + "\n" + RELEASED) == WHOLE * 2


def test_of_a_git_conflict_the_first_side_is_taken():
    line = '    "def overlap(a, b):\\n",\n'
    assert line in RELEASED
    sides = f'<<<<<<< HEAD\n{line}=======\n    "def other():\\n",\n>>>>>>> 1a2b3c\n'
    cells, notes = cells_of(RELEASED.replace(line, sides).encode())
    assert [cell.text for cell in cells] == WHOLE
    assert "git conflicts" in notes[0]


def test_one_broken_cell_costs_that_cell_alone():
    broken = RELEASED.replace('"id": "overlap",', '"id": overlap,')
    found = texts(broken)
    assert found == [
        text for text, cell in zip(WHOLE, NOTEBOOK["cells"], strict=True) if cell["id"] != "overlap"
    ]


def test_cells_are_found_whatever_the_order_of_their_keys():
    cells = [dict(reversed(cell.items())) for cell in NOTEBOOK["cells"]]
    for broken in (json.dumps({"cells": cells})[:-2], json.dumps(cells, indent=4)[:-2]):
        assert texts(broken) == WHOLE


def as_format_3(notebook):
    cells = copy.deepcopy(notebook["cells"])
    for cell in cells:
        if cell["cell_type"] == "code":
            cell["input"] = cell.pop("source")
    sheets = [{"cells": cells[:10]}, {"cells": cells[10:]}, "odd", {"cells": 3}, {}]
    return {"nbformat": 3, "worksheets": sheets}


ODD_FORMATS = {
    "format 3": as_format_3(NOTEBOOK),
    "no format": {"cells": NOTEBOOK["cells"]},
    "format as text": {**NOTEBOOK, "nbformat": "4", "nbformat_minor": None},
    "absurd format": {**NOTEBOOK, "nbformat": 10**30, "nbformat_minor": -1},
    "sent by a server": {"type": "notebook", "content": NOTEBOOK},
}


@pytest.mark.parametrize("name", ODD_FORMATS)
def test_odd_formats_are_read(name):
    assert texts(json.dumps(ODD_FORMATS[name])) == WHOLE


ODD_CELLS = [
    3,
    None,
    [],
    "code",
    {},
    {"cell_type": "code"},
    {"cell_type": "code", "source": None},
    {"cell_type": "code", "source": {"a": 1}},
    {"cell_type": "code", "source": ["a", 1]},
]


def test_things_that_are_no_cells_are_skipped_with_a_note():
    cells, notes = cells_of(json.dumps({"cells": [*ODD_CELLS, *NOTEBOOK["cells"], *ODD_CELLS]}).encode())
    assert [cell.text for cell in cells] == WHOLE
    assert notes == [
        f"{2 * len(ODD_CELLS)} of its {COUNT + 2 * len(ODD_CELLS)} cells hold no text and were skipped."
    ]


@pytest.mark.parametrize("odd", [3, None, [], "x", {"nbgrader": 3}, {"nbgrader": {"grade_id": ["a"]}}])
def test_metadata_of_any_kind_are_no_error(odd):
    cells, _ = cells_of(
        json.dumps({"cells": [{"cell_type": 4, "id": 5, "source": "x", "metadata": odd}]}).encode()
    )
    assert [(cell.kind, cell.text, cell.grade_id, cell.id) for cell in cells] == [("", "x", "", "")]


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("a\r\nb\rc\n", "a\nb\nc\n"),
        (["a\r\n", "b"], "a\nb"),
        (["a\n", "b"], "a\nb"),
        (["a1", "b"], "a1\nb"),
        (["ab"], "ab"),
        (["a", "=", "1"], "a=1"),
        ([], ""),
        ("a\x00b\x1b[31m\x7fc\td\x0c", "ab[31mc\td"),
        ("\ud800x", "x"),
        ("# 相似度 😀 é", "# 相似度 😀 é"),
    ],
    ids=[
        "crlf",
        "crlf in a list",
        "list",
        "list without ends",
        "one line",
        "letters",
        "none",
        "controls",
        "half",
        "chinese",
    ],
)
def test_sources_become_plain_lines(source, text):
    assert texts(json.dumps({"cells": [{"cell_type": "code", "source": source}]})) == [text]


def test_control_characters_are_told():
    assert "Control characters" in cells_of(b'{"cells": [{"source": "a\\u0000"}]}')[1][0]


ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_unicode_of_every_width_is_read_without_a_note(encoding):
    text = '{"cells": [{"source": "相似度 é"}]}'
    assert text_of(text.encode(encoding)) == (text, [])


def test_latin_1_is_read_with_a_note():
    cells, notes = cells_of('{"cells": [{"source": "# größer"}]}'.encode("latin-1"))
    assert [cell.text for cell in cells] == ["# größer"]
    assert "Latin-1" in notes[0]


def test_one_bad_byte_does_not_turn_chinese_into_noise():
    text, notes = text_of("相似度".encode() + b"\xff")
    assert text == "相似度\ufffd"
    assert "1 characters" in notes[0]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0",
        b"PK\x03\x04\x00",
        b"null",
        b"3",
        b'"x"',
        b"[]",
        b"{}",
        b'{"cells": 3}',
        b'{"cells": {}}',
        b"NaN",
    ],
)
def test_files_without_cells_give_none_and_say_so(data):
    cells, notes = cells_of(data)
    assert cells == []
    assert "no cells" in notes[-1]


def test_numbers_of_any_size_and_doubled_keys_are_read():
    number = "9" * 100_000
    cells = f'[{{"source": "x", "n": {number}}}]'
    text = f'{{"a": NaN, "b": -Infinity, "c": {number}, "cells": 3, "cells": {cells}}}'
    assert texts(text) == ["x"]


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"a":' * 100_000, "[" * 100_000 + "]" * 100_000])
def test_depth_beyond_reason_costs_only_the_cell_it_is_in(deep):
    first, last = '{"cell_type": "code", "source": "x"}', '{"cell_type": "code", "source": "y"}'
    text = f'{{"cells": [{first}, {{"cell_type": "code", "outputs": {deep}}}, {last}]}}'
    assert texts(text) == ["x", "y"]


def test_a_search_that_is_ended_early_says_so():
    assert salvage('{"id":' * 100_000) == ([], False)
    assert "ended early" in parse('{"id":' * 100_000)[1]


def test_of_endless_cells_the_first_are_read():
    cells, notes = cells_of(json.dumps({"cells": [{"source": ""}] * (MOST_CELLS + 1)}).encode())
    assert len(cells) == MOST_CELLS
    assert "10,001 cells" in notes[0]


def runaway(characters):
    """The notebook with an output of so many characters, full of brackets."""
    notebook = copy.deepcopy(NOTEBOOK)
    notebook["cells"][1]["outputs"] = [{"output_type": "stream", "text": "[1, 2]\n" * (characters // 8)}]
    return json.dumps(notebook)


def test_30_megabytes_are_read_whole_or_cut():
    text = runaway(30 * MIB)
    assert texts(text) == WHOLE
    assert texts(text[:-3000]) == WHOLE[: len(texts(text[:-3000]))]
    assert len(texts(text[:-3000])) > COUNT - 5


SLOW = {
    "deep": '{"id":',
    "unterminated": '{"id": "',
    "far": '{"id":1 {"id":',
    "long": '{"id":[' + "1," * 5000,
    "open": "{",
    "lists": "[],",
    "quotes": '"',
    "backslashes": '"\\',
    "escapes": '\\"',
    "white": '{"id":   \n\n   ',
    "commas": ",\n",
    "conflicts": "\n<<<<<<< a\n",
}


@pytest.mark.parametrize("name", SLOW)
def test_a_file_made_to_take_long_does_not(name):
    text = SLOW[name] * (15 * MIB // len(SLOW[name])) + "\n>>>>>>> b"
    if name == "escapes":
        text = "[" * 10_000_001 + text
    begun = time.process_time()
    cells_of(text.encode())
    assert time.process_time() - begun < 8


@pytest.mark.parametrize(
    "thing", [None, 3, "x", [], {}, {"cells": None}, {"worksheets": [1, {}]}, {"content": []}]
)
def test_cells_in_anything_are_none(thing):
    assert cells_in(thing) == []
