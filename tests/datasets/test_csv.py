import re

import numpy as np
import pytest

from coursekit.datasets import DataError, from_csv

HEADER = "user,item,value,time\n"
ROWS = "2,30,4.5,100\n1,30,3,200\n2,10,1,50\n"


@pytest.fixture
def read(tmp_path):
    def make(text, **options):
        path = tmp_path / "mine.csv"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return from_csv(path, **options)

    return make


@pytest.fixture
def refused(read, tmp_path):
    """Reading must fail with the file's name, this text, and a remedy that contains `remedy`."""

    def check(text, expected, remedy, **options):
        with pytest.raises(DataError) as caught:
            read(text, **options)
        message = str(caught.value)
        problem, _, advice = message.partition(". Remedy: ")
        assert message.startswith(str(tmp_path / "mine.csv"))
        assert expected in problem
        assert remedy in advice

    return check


def test_columns_become_labels_values_and_times(read):
    data = read(HEADER + ROWS)
    assert data.name == "mine"
    assert data.user_ids.tolist() == [1, 2]
    assert data.item_ids.tolist() == [10, 30]
    assert data.user_ids.dtype == data.item_ids.dtype == np.int64
    assert data.user.tolist() == [1, 0, 1]
    assert data.item.tolist() == [1, 1, 0]
    assert data.value.tolist() == [4.5, 3, 1]
    assert data.time.tolist() == [100, 200, 50]


@pytest.mark.parametrize(
    "header",
    ["userId,movieId,rating,timestamp", "learner_id,course_id,Score,Date", " User ID , Item , value , TIME "],
)
def test_usual_names_of_columns_are_found(read, header):
    data = read(header + "\n" + ROWS)
    assert data.value.tolist() == [4.5, 3, 1]
    assert data.time.tolist() == [100, 200, 50]


def test_columns_are_named_by_arguments(read):
    data = read("a,b,c,d,user\n1,2,3,4,x\n", user="b", item="a", value="d", time="c")
    assert (data.user_ids[0], data.item_ids[0], data.value[0], data.time[0]) == (2, 1, 4.0, 3)


def test_file_without_values_and_times_is_implicit(read):
    data = read("user,item\nann,sql\nbob,sql\n")
    assert data.value.tolist() == [1, 1]
    assert data.time is None
    assert data.user_ids.tolist() == ["ann", "bob"]


def test_false_leaves_a_column_out(read):
    data = read(HEADER + ROWS, value=False, time=False)
    assert data.value.tolist() == [1, 1, 1]
    assert data.time is None


def test_file_without_header_is_read_with_given_columns(read):
    data = read("1\t2\t3\t4\n5\t6\t7\t8\n", sep="\t", columns=["user", "item", "value", "time"])
    assert data.user_ids.tolist() == [1, 5]
    assert data.time.tolist() == [4, 8]


def test_other_columns_may_hold_anything(read):
    data = read('user,item,note\n1,2,"a, b\nc"\n3,4,\n')
    assert data.user_ids.tolist() == [1, 3]


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b""])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_byte_order_mark_and_windows_line_ends_are_handled(read, mark, end):
    data = read(mark + (HEADER + ROWS).encode().replace(b"\n", end))
    assert data.time.tolist() == [100, 200, 50]


def test_blank_lines_are_passed_over(read):
    assert len(read("\n" + HEADER + "\n1,2,3,4\n\n   \n5,6,7,8\n\n")) == 2


def test_another_encoding_is_read_when_named(read):
    data = read("user,item\nRené,Médecine\n".encode("latin-1"), encoding="latin-1")
    assert (data.user_ids[0], data.item_ids[0]) == ("René", "Médecine")
    assert read("user,item\n学,课\n".encode("utf-16"), encoding="utf-16").item_ids[0] == "课"


def test_ids_that_a_spreadsheet_wrote_as_decimals_are_integers(read):
    assert read("user,item\n12.0,a\n7.0,a\n").user_ids.tolist() == [7, 12]
    assert read("user,item\n1.5,a\n1.0,a\n").user_ids.tolist() == ["1.0", "1.5"]


def test_ids_with_leading_zeros_stay_text(read):
    assert read("user,item\n007,a\n7,a\n").user_ids.tolist() == ["007", "7"]


def test_id_too_long_for_an_integer_stays_text(read):
    assert read(f"user,item\n{'9' * 25},a\n").user_ids.tolist() == ["9" * 25]


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("881250949", 881250949),
        ("881250949.7", 881250949),
        ("-5", -5),
        ("1997-12-04T15:55:49Z", 881250949),
        ("1997-12-04 15:55:49", 881250949),
        ("1997-12-04 16:55:49+01:00", 881250949),
        ("1997-12-04", 881193600),
    ],
)
def test_times_are_unix_seconds_or_iso_dates(read, written, seconds):
    assert read(f"user,item,time\n1,2,{written}\n").time.tolist() == [seconds]


def test_other_times_are_read_with_a_pattern_or_unit(read):
    data = read("user,item,time\n1,2,04/12/1997 15:55\n", time_format="%d/%m/%Y %H:%M")
    assert data.time.tolist() == [881250900]
    assert read("user,item,time\n1,2,881250949123\n", time_unit="ms").time.tolist() == [881250949]


def test_empty_file_is_refused(refused):
    for text in ("", "\n  \n", b"\xef\xbb\xbf"):
        refused(text, "is empty", "check that the export")


def test_header_only_is_refused(refused):
    refused(HEADER, "has a header line but no rows", "check that the export")


@pytest.mark.parametrize(("sep", "named"), [(";", "';'"), ("\t", r"'\t'"), ("|", "'|'")])
def test_wrong_separator_is_named_with_the_likely_one(refused, sep, named):
    refused((HEADER + ROWS).replace(",", sep), "line 1: has one column", f"pass sep={named}")


def test_double_colon_is_named(refused):
    refused("1::2::3::4\n", "line 1: has one column, '1::2::3::4'", "replace '::' by a tab")


def test_missing_header_is_noticed(refused):
    refused(ROWS, "line 1: looks like data, not like a header ('2,30,4.5,100')", "columns=['user', 'item',")


def test_missing_column_is_named_with_the_columns_there_are(refused):
    refused("who,item\n1,2\n", "line 1 has no column that is clearly the user", "among ['who', 'item']")
    refused(HEADER + ROWS, "no column 'valeu'; did you mean 'value'", "choose value= among", value="valeu")


def test_ambiguous_column_is_not_guessed(refused):
    refused("user_id,student,item\n1,2,3\n", "'user_id', 'student' could each be the user", "user='user_id'")


def test_column_that_stands_there_twice_is_refused(refused):
    refused("user,item,user\n1,2,3\n", "line 1: column 'user' stands there twice", "rename one")


def test_one_column_for_two_parts_is_refused(refused):
    refused(HEADER + ROWS, "column 'user' is to be both", "different columns", item="user")


@pytest.mark.parametrize("nothing", ["", "NaN", "NULL", "NA", "  "])
@pytest.mark.parametrize(("kind", "place"), [("user", 0), ("item", 1), ("value", 2), ("time", 3)])
def test_missing_cell_is_refused_with_its_line(refused, kind, place, nothing):
    cells = ["7", "8", "9", "10"]
    cells[place] = nothing
    text = HEADER + ROWS + ",".join(cells) + "\n"
    refused(text, f"line 5: {kind} is missing ({nothing.strip()!r} in column {kind!r}); 1 such lines", "drop")


@pytest.mark.parametrize("kind", ["user", "item"])
@pytest.mark.parametrize("bad", ["-1", "-7.0"])
def test_negative_id_is_refused_with_its_line(refused, kind, bad):
    text = HEADER + ROWS + (f"{bad},5,1,1\n" if kind == "user" else f"5,{bad},1,1\n")
    refused(text, f"line 5: {kind} id '{bad}' (column '{kind}') is negative", "usually stands for 'unknown'")


@pytest.mark.parametrize(
    ("bad", "remedy"), [("good", "finite"), ("3,5", "decimals with a point"), ("inf", "finite")]
)
def test_value_that_is_no_number_is_refused_with_its_line(refused, bad, remedy):
    refused(
        HEADER + ROWS + f'9,9,"{bad}",1\n', f"line 5: value '{bad}' (column 'value') is not a number", remedy
    )


@pytest.mark.parametrize("bad", ["yesterday", "31/12/2025", "2025-02-30"])
def test_time_that_cannot_be_understood_is_refused_with_its_line(refused, bad):
    text = f"user,item,time\n1,2,2025-01-01\n1,3,{bad}\n"
    refused(text, f"line 3: time '{bad}' (column 'time') cannot be understood", "time_format=")
    refused(HEADER + ROWS + f"9,9,1,{bad}\n", f"line 5: time '{bad}'", "Unix time")


def test_milliseconds_taken_for_seconds_are_noticed(refused):
    refused("user,item,time\n1,2,881250949123\n", "line 2: time '881250949123'", "time_unit='ms'")


def test_duplicate_is_refused_with_both_lines(refused):
    text = HEADER + ROWS + "1,30,3,200\n1,30,3,200\n"
    refused(text, "line 5: repeats line 3 (user 1, item 30, time 200); 2 such lines", "duplicates='drop'")


def test_same_pair_at_another_time_is_no_duplicate(read):
    assert len(read(HEADER + "1,2,3,4\n1,2,3,5\n")) == 2


def test_same_moment_with_another_value_is_a_duplicate(refused):
    refused(HEADER + "1,2,3,4\n1,2,5,4\n", "line 3: repeats line 2", "duplicates=")


def test_without_times_a_repeated_pair_is_a_duplicate(refused):
    refused("user,item\nann,sql\nann,sql\n", "line 3: repeats line 2 (user 'ann', item 'sql')", "'keep'")


def test_drop_keeps_the_first_and_keep_keeps_all(read):
    text = HEADER + "1,2,3,4\n5,6,7,8\n1,2,9,4\n"
    assert read(text, duplicates="drop").value.tolist() == [3, 7]
    assert read(text, duplicates="keep").value.tolist() == [3, 7, 9]


def test_text_that_is_not_utf8_is_refused_with_its_line(refused):
    text = "user,item\n1,a\n2,Médecine\n".encode("latin-1")
    refused(text, "line 3: byte 0xe9 (near '2,Médecine')", "encoding='latin-1'")


def test_utf16_is_recognised(refused):
    refused((HEADER + ROWS).encode("utf-16"), "line 1: is text in UTF-16", "encoding='utf-16'")


@pytest.mark.parametrize(("line", "count"), [("1,2,3\n", 3), ("1,2,3,4,5\n", 5)])
@pytest.mark.parametrize("before", ["", ROWS], ids=["first row", "later row"])
def test_line_with_too_few_or_too_many_fields_is_refused(refused, line, count, before):
    number = 2 + before.count("\n")
    refused(
        HEADER + before + line, f"line {number}: has {count} fields where the header has 4", "quotes around"
    )


def test_quote_that_is_never_closed_is_refused_where_it_opens(refused):
    refused('user,item\n1,a\n2,"b\n3,c\n', "line 3: a quoted field is not closed properly", "mend the quotes")


def test_line_numbers_count_blank_lines_and_quoted_line_ends(refused):
    text = 'user,item,note\n\n1,2,"one\ntwo"\n3,-4,\n'
    refused(text, "line 5: item id '-4'", "drop")


def test_file_without_header_counts_its_first_line(refused):
    refused("1,2\n-1,3\n", "line 2: user id '-1'", "drop", columns=["user", "item"])
    refused(
        "1,2\n3,4\n", "line 1: has 2 fields where columns= names 3", "every column", columns=["a", "b", "c"]
    )


def test_absent_file_is_named_with_its_neighbours(read, tmp_path):
    (tmp_path / "ratings.csv").write_text("")
    with pytest.raises(FileNotFoundError, match=rf"rating\.csv does not exist.*{re.escape('ratings.csv')}"):
        from_csv(tmp_path / "rating.csv")


def test_folder_instead_of_a_file_is_refused(tmp_path):
    with pytest.raises(DataError, match="is a folder"):
        from_csv(tmp_path)


def test_unknown_option_is_quoted(read):
    with pytest.raises(ValueError, match="duplicates='first': choose"):
        read(HEADER + ROWS, duplicates="first")
    with pytest.raises(ValueError, match="time_unit='minutes': choose"):
        read(HEADER + ROWS, time_unit="minutes")
    with pytest.raises(DataError, match="sep='::' is not a single character"):
        read(HEADER + ROWS, sep="::")


@pytest.mark.real_data
def test_ml_100k_read_as_anybodys_file_is_ml_100k(ml_100k):
    from coursekit.datasets import load

    mine = from_csv(ml_100k / "u.data", sep="\t", columns=["user", "item", "rating", "timestamp"])
    theirs = load("ml-100k", folder=ml_100k.parent)
    np.testing.assert_array_equal(mine.user_ids[mine.user], theirs.user_ids[theirs.user])
    np.testing.assert_array_equal(mine.item_ids[mine.item], theirs.item_ids[theirs.item])
    np.testing.assert_array_equal(mine.value, theirs.value)
    np.testing.assert_array_equal(mine.time, theirs.time)
