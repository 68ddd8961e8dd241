import os
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from coursekit.leaderboard import COLUMNS, Leaderboard

FACTS = {"dataset": "campus", "protocol": "last two months", "lesson": "01"}


def table(value=0.1, metric="ndcg", k=10, **change):
    row = {"metric": metric, "k": k, "value": value, "low": value - 0.01, "high": value + 0.01, "n_users": 7}
    return pd.DataFrame([row | change])


@pytest.fixture
def board(tmp_path):
    return Leaderboard(tmp_path / "new" / "board.csv")


def test_rows_come_back_exactly_and_the_best_first(board):
    board.add("popularity", table(1 / 3), **FACTS)
    board.add("oracle", table(np.nextafter(0.7, 1), low=np.nan, high=np.nan), **FACTS)
    rows = Leaderboard(board.path).table("campus")
    assert list(rows.columns) == COLUMNS
    assert rows["model"].tolist() == ["oracle", "popularity"]
    assert rows["value"].tolist() == [np.nextafter(0.7, 1), 1 / 3]
    assert rows["low"].isna().tolist() == [True, False]
    assert rows["lesson"].tolist() == ["01", "01"]
    assert rows["n_users"].dtype == rows["k"].dtype == np.int64


def test_the_same_model_is_replaced_and_only_there(board):
    board.add("popularity", pd.concat([table(0.1), table(0.2, "recall"), table(0.3, k=5)]), **FACTS)
    board.add("popularity", table(0.5), **(FACTS | {"lesson": "02"}))
    board.add("popularity", table(0.9), **(FACTS | {"dataset": "ml-100k"}))
    board.add("popularity", table(0.8), **(FACTS | {"protocol": "random"}))
    rows = board.table("campus", metric=None, k=None)
    assert len(rows) == 4
    assert board.table("campus")["value"].tolist() == [0.5, 0.8]
    assert board.table("campus")["lesson"].tolist() == ["02", "01"]
    assert board.table("ml-100k")["value"].tolist() == [0.9]
    assert board.table("campus", metric="recall")["value"].tolist() == [0.2]


def test_an_empty_board_has_the_columns(board):
    assert list(board.table("campus").columns) == COLUMNS
    assert board.table().empty
    assert not board.path.exists()


def test_names_that_look_like_missing_values_numbers_or_csv_survive(board):
    for model in ("None", "NA", "07", 'kNN, "k"=5\nnew line', "流行"):
        board.add(model, table(), **FACTS)
    assert set(board.table()["model"]) == {"None", "NA", "07", 'kNN, "k"=5\nnew line', "流行"}


def test_the_file_is_the_argument_or_the_environments_or_in_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSEKIT_LEADERBOARD", str(tmp_path / "env.csv"))
    assert Leaderboard(tmp_path / "a.csv").path == tmp_path / "a.csv"
    assert Leaderboard().path == tmp_path / "env.csv"
    monkeypatch.delenv("COURSEKIT_LEADERBOARD")
    assert Leaderboard().path == Path("~/.coursekit/leaderboard.csv").expanduser()


def test_lessons_running_at_the_same_time_lose_no_row(tmp_path):
    program = """
import sys
import pandas as pd
from coursekit.leaderboard import Leaderboard
board = Leaderboard(sys.argv[1])
for i in range(12):
    row = {"metric": "ndcg", "k": 10, "value": 0.5, "low": 0.4, "high": 0.6, "n_users": 3}
    board.add(f"{sys.argv[2]}-{i}", pd.DataFrame([row]), dataset="campus", protocol="p", lesson="01")
"""
    path = tmp_path / "board.csv"
    processes = [subprocess.Popen([sys.executable, "-c", program, str(path), name]) for name in "abc"]
    while any(process.poll() is None for process in processes):
        Leaderboard(path).table()  # never half a file
    assert [process.returncode for process in processes] == [0, 0, 0]
    assert set(Leaderboard(path).table()["model"]) == {f"{name}-{i}" for name in "abc" for i in range(12)}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["board.csv", "board.csv.lock"]


def test_a_failure_while_writing_leaves_the_old_table_whole(board, monkeypatch):
    board.add("popularity", table(0.1), **FACTS)
    before = board.path.read_bytes()

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    with pytest.raises(KeyboardInterrupt):
        board.add("random", table(0.2), **FACTS)
    assert board.path.read_bytes() == before
    assert not list(board.path.parent.glob("*.part"))


def test_an_unwritable_place_is_kept_in_memory_with_one_warning(tmp_path):
    (tmp_path / "file").write_text("in the way")
    board = Leaderboard(tmp_path / "file" / "board.csv")
    with pytest.warns(UserWarning, match="cannot be written .* keeps it in memory"):
        board.add("random", table(0.1), **FACTS)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # it has been said once
        board.add("popularity", table(0.2), **FACTS)
        board.add("random", table(0.3), **FACTS)
    assert board.table("campus")["model"].tolist() == ["random", "popularity"]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere"
)
def test_a_read_only_board_is_still_read(tmp_path):
    path = tmp_path / "board.csv"
    Leaderboard(path).add("popularity", table(0.1), **FACTS)
    tmp_path.chmod(0o500)
    path.with_name("board.csv.lock").chmod(0o400)
    board = Leaderboard(path)
    with pytest.warns(UserWarning, match="cannot be written"):
        board.add("random", table(0.2), **FACTS)
    assert board.table()["model"].tolist() == ["random", "popularity"]
    tmp_path.chmod(0o700)


def test_another_file_is_not_overwritten(board):
    board.path.parent.mkdir()
    board.path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="is no leaderboard: its columns are"):
        board.add("random", table(), **FACTS)
    assert board.path.read_text() == "a,b\n1,2\n"


def test_a_table_without_the_columns_of_evaluate_is_refused(board):
    with pytest.raises(ValueError, match=r"has no column \['n_users'\]"):
        board.add("random", table().drop(columns="n_users"), **FACTS)


def test_clear_forgets_all(board):
    board.add("random", table(), **FACTS)
    board.clear()
    assert board.table().empty


def test_lines_end_alike_on_every_system(board):
    board.add("random", table(), **FACTS)
    assert b"\r" not in board.path.read_bytes()
