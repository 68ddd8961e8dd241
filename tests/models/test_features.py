"""Tables of facts as matrices."""

import numpy as np
import pandas as pd
import pytest

from coursekit import load
from coursekit.models.features import check_features, feature_matrix


def column(values, name="x", **options):
    """The matrix of a table with this one column, and a second that only keeps the rows apart."""
    return feature_matrix(pd.DataFrame({name: values}), **options)


def test_numbers_get_mean_0_and_deviation_1():
    matrix, names = column([2, 4, 9, 9], "hours")
    assert names == ["hours"]
    assert matrix.dtype == np.float32
    np.testing.assert_allclose(matrix[:, 0], (np.array([2, 4, 9, 9]) - 6) / np.std([2, 4, 9, 9]), rtol=1e-6)


def test_missing_number_is_the_mean_and_marked():
    matrix, names = column([1.0, np.nan, 3.0, np.inf])
    assert names == ["x", "x missing"]
    assert matrix.tolist() == [[-1, 0], [0, 1], [1, 0], [0, 1]]


def test_pandas_own_missing_integers_are_read():
    matrix, _ = column(pd.array([1, None, 3], dtype="Int64"))
    assert matrix.tolist() == [[-1, 0], [0, 1], [1, 0]]


@pytest.mark.parametrize("dtype", [object, "category", "string"])
def test_labels_get_a_column_each_in_alphabetical_order(dtype):
    matrix, names = column(pd.Series(["fr", "en", None, "en"], dtype=dtype), "language")
    assert names == ["language=en", "language=fr"]
    assert matrix.tolist() == [[0, 1], [1, 0], [0, 0], [1, 0]]


def test_list_of_labels_marks_each_of_them():
    matrix, names = column(["en", "en;fr", "de; fr", ""])
    assert names == ["x=de", "x=en", "x=fr"]
    assert matrix.tolist() == [[0, 1, 0], [0, 1, 1], [1, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("values", [[True, False, None], pd.array([True, False, None], dtype="boolean")])
def test_booleans_are_1_and_0_and_gaps_are_marked(values):
    matrix, names = column(values)
    assert names == ["x", "x missing"]
    assert matrix.tolist() == [[1, 0], [0, 0], [0, 1]]


@pytest.mark.parametrize("unit", ["s", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "Asia/Shanghai"])
def test_dates_are_standardised_days_whatever_their_unit_or_zone(unit, zone):
    dates = pd.Series(pd.to_datetime(["2026-01-01", "2026-01-03", None, "2026-01-05"])).dt.as_unit(unit)
    matrix, names = column(dates.dt.tz_localize(zone))
    assert names == ["x", "x missing"]
    np.testing.assert_allclose(matrix[:, 0], [-np.sqrt(1.5), 0, 0, np.sqrt(1.5)], atol=1e-6)
    assert matrix[:, 1].tolist() == [0, 0, 1, 0]


def test_columns_that_tell_nothing_about_kinds_are_left_out():
    frame = pd.DataFrame(
        {"id": [f"c{n}" for n in range(60)], "same": 7, "none": np.nan, "kind": ["a", "b", "c"] * 20}
    )
    assert feature_matrix(frame).names == ["kind=a", "kind=b", "kind=c"]
    assert len(feature_matrix(frame, most_categories=60).names) == 63
    assert feature_matrix(frame[["id"]]).matrix.shape == (60, 0)


def test_table_without_rows_gives_no_rows():
    assert feature_matrix(pd.DataFrame({"a": [], "b": pd.Series([], dtype=object)})).matrix.shape == (0, 0)


def test_something_else_than_a_table_is_refused():
    with pytest.raises(TypeError, match="needs a DataFrame, not ndarray"):
        feature_matrix(np.eye(2))


def test_campus_features_are_kinds_levels_and_dates_but_no_ids_or_titles():
    campus = load("campus")
    matrix, names = feature_matrix(campus.item_features)
    assert matrix.shape == (480, 20)
    assert {name.split("=")[0] for name in names} == {"subject", "level", "hours", "language", "launch_date"}
    subjects = matrix[:, [name.startswith("subject=") for name in names]]
    assert (subjects.sum(axis=1) == 1).all()
    learners = feature_matrix(campus.user_features)
    assert learners.matrix.shape == (3000, 22)
    assert np.isfinite(learners.matrix).all()


def test_features_that_do_not_fit_the_data_are_refused():
    with pytest.raises(ValueError, match=r"item_features has the shape \(3, 2\); the data needs \(4, d\)"):
        check_features(np.ones((3, 2)), "item_features", 4)
    with pytest.raises(ValueError, match="row 1 of item_features holds nan"):
        check_features([[1.0], [np.nan]], "item_features", 2)
