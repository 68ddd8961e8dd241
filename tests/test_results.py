"""Recorded tables: what is written is read back, and the shipped ones hold together."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from coursekit.results import origin, record_results, recorded_results

ABOUT = {"date": "2026-01-31", "command": "python table.py --full: all", "machine": "2 CPU cores"}
TABLE = pd.DataFrame(
    {
        "model": ["GMF", "NeuMF, wide"],
        "note": ['a "quote", # a hash', "é"],
        "mean": [0.25, np.nan],
        "seeds": [3, 1],
    }
)


def test_a_table_is_read_back_with_its_origin(tmp_path):
    path = record_results("campus_table", TABLE, ABOUT, tmp_path)
    back = recorded_results("campus_table", tmp_path)
    pd.testing.assert_frame_equal(back, TABLE)
    assert back.attrs == ABOUT
    assert path.read_bytes().startswith(b"# date: 2026-01-31\n")


def test_a_cell_that_looks_like_a_line_about_the_table_stays_a_cell(tmp_path):
    table = pd.DataFrame({"text": ["# a: b", "c"], "# items": [1, 2]})
    record_results("hashes", table, {}, tmp_path)
    pd.testing.assert_frame_equal(recorded_results("hashes", tmp_path), table)
    with pytest.raises(ValueError, match="# items"):
        record_results("hashes", table[["# items"]], {}, tmp_path)


def test_a_newer_table_takes_the_place_of_the_older(tmp_path):
    record_results("one", TABLE, ABOUT, tmp_path)
    record_results("one", TABLE.head(1), ABOUT | {"date": "2026-02-01"}, tmp_path)
    back = recorded_results("one", tmp_path)
    assert len(back) == 1
    assert back.attrs["date"] == "2026-02-01"
    assert [path.name for path in tmp_path.iterdir()] == ["one.csv"]


def test_an_unknown_name_lists_the_tables_there_are(tmp_path):
    with pytest.raises(ValueError, match=r"'nfc_ml1m'.*ncf_ml1m"):
        recorded_results("nfc_ml1m")
    with pytest.raises(ValueError, match="none"):
        recorded_results("ncf_ml1m", tmp_path)


@pytest.mark.parametrize(
    ("name", "about"),
    [("a/b", {}), ("../up", {}), ("two words", {}), ("table", {"a:b": 1}), ("table", {"note": "two\nlines"})],
)
def test_what_could_not_be_read_back_is_refused(tmp_path, name, about):
    with pytest.raises(ValueError, match=r"no name for a table|must be one line"):
        record_results(name, TABLE, about, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def ncf():
    return recorded_results("ncf_ml1m")


def test_ncf_table_has_every_cell_once(ncf):
    cells = ncf.set_index(["model", "factors", "metric"]).index
    models = ["GMF", "MLP", "NeuMF", "NeuMF pretrained"]
    assert cells.is_unique
    assert set(cells) == set(pd.MultiIndex.from_product([models, [8, 16, 32], ["HR@10", "NDCG@10"]]))
    assert (ncf["seeds"] == 3).all()


def test_ncf_table_says_where_it_comes_from(ncf):
    assert {"date", "versions", "machine", "minutes", "command"} <= set(ncf.attrs)
    assert "ncf_table.py --full" in ncf.attrs["command"]
    assert ncf["source"].notna().all()


def test_ncf_gap_is_the_mean_minus_the_paper(ncf):
    np.testing.assert_allclose(ncf["gap"], ncf["mean"] - ncf["paper"], atol=1e-9)
    # The paper draws GMF and prints no figure for it.
    assert ncf["paper"].isna().equals(ncf["model"] == "GMF")


def test_ncf_cells_far_below_the_paper_have_a_reason(ncf):
    assert ncf["reason"].notna().equals(ncf["gap"] < -0.01)


def test_ncf_figures_are_those_of_a_working_model(ncf):
    assert ncf["mean"][ncf["metric"] == "HR@10"].between(0.6, 0.76).all()
    assert ncf["mean"][ncf["metric"] == "NDCG@10"].between(0.34, 0.48).all()
    assert ncf["spread"].between(0, 0.02).all()


def test_origin_names_all_that_a_recorded_table_must_say(tmp_path):
    about = origin("a table", "python table.py", "3", note="nothing else ran")
    path = record_results("made", pd.DataFrame({"mean": [1.0]}), about, tmp_path)
    assert recorded_results("made", tmp_path).attrs == about, path
    assert about["date"] == date.today().isoformat()
    assert all(name in about["versions"] for name in ("Python", "torch", "NumPy"))
    assert "note" not in origin("a table", "python table.py", "3")
