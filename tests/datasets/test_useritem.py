"""`user item` text files, as SASRec's authors share them."""

import numpy as np
import pytest

from coursekit.datasets import DataError, from_user_item
from coursekit.splits import leave_last_out


@pytest.fixture
def read(tmp_path):
    def make(text, **options):
        path = tmp_path / "Games.txt"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return from_user_item(path, **options)

    return make


def test_lines_become_interactions_in_their_order(read):
    data = read("7 30\n7 10\n2 30\n7 20\n")
    assert data.name == "Games"
    assert data.user_ids.tolist() == [2, 7]
    assert data.item_ids.tolist() == [10, 20, 30]
    assert data.user.tolist() == [1, 1, 0, 1]
    assert data.item.tolist() == [2, 0, 2, 1]
    assert data.time.tolist() == [1, 2, 3, 4]
    assert data.value.tolist() == [1, 1, 1, 1]
    assert data.user.dtype == data.time.dtype == np.int64


def test_the_last_line_of_a_user_is_their_last_event(read):
    split = leave_last_out(read("1 5\n2 9\n1 3\n1 4\n2 5\n"))
    held_out = dict(zip(split.test.user.tolist(), split.test.item_ids[split.test.item].tolist(), strict=True))
    assert held_out == {0: 4, 1: 5}


@pytest.mark.parametrize(
    "text",
    [
        "1 2\r\n3 4\r\n",
        "1\t2\n3\t4",
        "\n1 2\n\n  3   4  \n\n",
        "\ufeff1 2\n3 4\n",
        "1 2 5.0\n3 4 1e9\n",
        "1 2 4\n3 4 -1",
    ],
)
def test_blanks_line_ends_and_a_third_column_do_not_matter(read, text):
    data = read(text, name="mine")
    assert (data.user_ids.tolist(), data.item_ids.tolist(), data.name) == ([1, 3], [2, 4], "mine")


def test_something_met_twice_stands_there_twice(read):
    assert len(read("1 2\n1 2\n")) == 2


@pytest.mark.parametrize(
    ("text", "problem", "remedy"),
    [
        ("", "is empty", "download"),
        (" \n\n", "is empty", "download"),
        (
            "1 2\n3\n",
            "line 2: has 1 fields where 2, as on the first line, are needed ('3')",
            "two whole numbers",
        ),
        ("1 2\n3 4 5\n", "line 2: has 3 fields", "two whole numbers"),
        ("1 2 3 4\n", "line 1: has 4 fields where 2 or 3 are needed", "two whole numbers"),
        ("1,2\n", "line 1: has 1 fields", "two whole numbers"),
        ("user item\n1 2\n", "line 1: user 'user' is not a whole number", "from_csv"),
        ("1 2\n\n3 x\n", "line 3: item 'x' is not a whole number", "two whole numbers"),
        ("1 -2\n", "line 1: item '-2'", "two whole numbers"),
        ("1 2.0\n", "line 1: item '2.0'", "two whole numbers"),
        ("1 ²\n", "line 1: item '²'", "two whole numbers"),
        ("1 99999999999999999999\n", "line 1: item '99999999999999999999'", "two whole numbers"),
        ("1 2 three\n", "line 1: third field 'three' is not a number", "third column"),
        (b"\xff\xfe1\x00", "line 1: has 1 fields", "two whole numbers"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_line_and_a_remedy(read, tmp_path, text, problem, remedy):
    with pytest.raises(DataError) as caught:
        read(text)
    said, _, advice = str(caught.value).partition(". Remedy: ")
    assert said.startswith(str(tmp_path / "Games.txt"))
    assert problem in said
    assert remedy in advice


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.txt"):
        from_user_item(tmp_path / "nothing.txt")
