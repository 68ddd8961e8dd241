import numpy as np
import pandas as pd
import pytest

from coursekit.interactions import Interactions


@pytest.fixture
def toy() -> Interactions:
    frame = pd.DataFrame(
        {
            "user": ["bob", "ann", "ann", "bob"],
            "item": ["sql", "sql", "art", "sql"],
            "value": [2.0, 5.0, 3.0, 4.0],
            "time": pd.to_datetime(["2025-01-03", "2025-01-01", "2025-01-02", "2025-01-01"], utc=True),
        }
    )
    return Interactions.from_frame(frame, name="toy")


def test_labels_are_numbered_in_sorted_order(toy):
    assert list(toy.user_ids) == ["ann", "bob"]
    assert list(toy.item_ids) == ["art", "sql"]
    assert toy.user.tolist() == [1, 0, 0, 1]
    assert toy.item.tolist() == [1, 1, 0, 1]


def test_times_become_unix_seconds(toy):
    assert toy.time.tolist() == [1735862400, 1735689600, 1735776000, 1735689600]


def test_latest_value_of_a_repeated_pair_wins(toy):
    assert toy.matrix().toarray().tolist() == [[3.0, 5.0], [0.0, 2.0]]


def test_last_row_of_a_repeated_pair_wins_without_times():
    frame = pd.DataFrame({"user": [1, 1], "item": [7, 7], "value": [2.0, 4.0]})
    assert Interactions.from_frame(frame, time=None).matrix().toarray().tolist() == [[4.0]]


def test_binary_matrix_counts_a_repeated_pair_once(toy):
    assert toy.matrix(binary=True).toarray().tolist() == [[1.0, 1.0], [0.0, 1.0]]


def test_a_value_of_zero_stays_a_stored_entry():
    data = Interactions.from_frame(pd.DataFrame({"user": [1], "item": [2], "value": [0.0]}), time=None)
    assert data.matrix().nnz == 1


def test_density_counts_distinct_pairs(toy):
    assert toy.density == 3 / 4


def test_repr_is_one_line_of_facts(toy):
    assert repr(toy) == "Interactions(toy: 4 interactions, 2 users, 2 items, density 75.00 %)"


def test_where_keeps_the_id_maps(toy):
    part = toy.where(toy.user == 0)
    assert len(part) == 2
    assert part.n_users == 2
    assert part.user_ids is toy.user_ids


def test_mask_of_wrong_length_is_refused(toy):
    with pytest.raises(ValueError, match="mask has 3 entries for 4"):
        toy.where(np.array([True, False, True]))


def test_given_ids_keep_cold_items():
    frame = pd.DataFrame({"user": ["a"], "item": ["x"]})
    data = Interactions.from_frame(frame, value=None, time=None, item_ids=["z", "x", "y"])
    assert data.n_items == 3
    assert data.item.tolist() == [1]


def test_labels_and_rows_are_inverse(toy):
    assert toy.item_index(["sql", "art"]).tolist() == [1, 0]
    assert toy.item_index("sql").shape == ()


def test_unknown_label_is_named_with_its_neighbours(toy):
    with pytest.raises(KeyError, match=r"no user is called 'anne'.*ann"):
        toy.user_index(["anne"])


def test_unknown_label_can_be_marked(toy):
    assert toy.user_index(["zoe", "bob"], unknown="mark").tolist() == [-1, 1]


def test_missing_column_is_named():
    with pytest.raises(KeyError, match="no column 'value'"):
        Interactions.from_frame(pd.DataFrame({"user": [1], "item": [1]}), time=None)


def test_missing_label_is_placed():
    with pytest.raises(ValueError, match="row 1 of the table has no item"):
        Interactions.from_frame(
            pd.DataFrame({"user": ["a", "b"], "item": ["x", None]}), value=None, time=None
        )


def test_missing_time_is_placed():
    frame = pd.DataFrame({"user": ["a"], "item": ["x"], "time": [pd.NaT]})
    with pytest.raises(ValueError, match="row 0 of the table has no time"):
        Interactions.from_frame(frame, value=None)


def test_value_that_is_not_finite_is_placed():
    with pytest.raises(ValueError, match="value of interaction 1 is nan"):
        Interactions([0, 0], [0, 0], [1.0, np.nan], None, np.array(["a"]), np.array(["x"]))


def test_row_outside_the_id_map_is_refused():
    with pytest.raises(ValueError, match="item of interaction 0 is 3; rows go from 0 to 0"):
        Interactions([0], [3], [1.0], None, np.array(["a"]), np.array(["x"]))


def test_features_of_wrong_length_are_refused():
    with pytest.raises(ValueError, match="item_text has 2 rows where 1 are needed"):
        Interactions([0], [0], [1.0], None, np.array(["a"]), np.array(["x"]), item_text=np.array(["", ""]))


def test_table_round_trip(toy):
    again = Interactions.from_frame(toy.to_frame(), name="toy")
    assert again.user.tolist() == toy.user.tolist()
    assert again.time.tolist() == toy.time.tolist()
    assert again.value.tolist() == toy.value.tolist()
