"""Lessons on MovieLens-100K: they run, and what their prose says of it is what a run gives."""

import os
from pathlib import Path

import pytest

from coursekit.leaderboard import Leaderboard
from coursekit.lessons import Course, read_notebook, run_lessons

FOLDER = os.environ.get("COURSEKIT_DATA")
pytestmark = [
    pytest.mark.real_data,
    pytest.mark.slow,
    pytest.mark.skipif(
        not FOLDER or not (Path(FOLDER) / "ml-100k" / "u.data").exists(),
        reason="ml-100k is not in COURSEKIT_DATA",
    ),
]
COURSE = Course.find()
# What Microsoft Recommenders publishes for SAR under the same protocol.
SAR = {"map": 0.1106, "ndcg": 0.3825, "precision": 0.3308, "recall": 0.1764}


def run(lesson: str, folder: Path) -> dict[str, dict[str, float]]:
    """Execute a lesson on ml-100k; what it put on the leaderboard, by model and metric."""
    (result,) = run_lessons(COURSE, [COURSE.lesson(lesson)], folder, parameters={"dataset": "ml-100k"})
    assert result.failure is None, result.failure
    rows = Leaderboard(folder / "leaderboard.csv").table("ml-100k", metric=None, k=10)
    return {
        model: dict(zip(part["metric"], part["value"], strict=True)) for model, part in rows.groupby("model")
    }


def prose(lesson: str) -> str:
    cells = read_notebook(COURSE.lesson(lesson).source)["cells"]
    return "\n".join(cell["source"] for cell in cells if cell["cell_type"] == "markdown")


def test_lesson_00_says_of_films_what_its_run_gives(tmp_path):
    board = run("00", tmp_path)
    popular = board["popularity"]
    said = (
        f"popularity reaches NDCG@10 {popular['ndcg']:.3f}, precision@10 {popular['precision']:.3f} "
        f"and recall@10 {popular['recall']:.3f}"
    )
    assert said in prose("00")
    others = [board[name]["ndcg"] for name in ("random", "nearest learner")]
    assert "random has {:.3f} and the nearest learner {:.3f}".format(*others) in prose("00")


def test_lesson_01_runs_on_films(tmp_path):
    assert set(run("01", tmp_path)) == {"random", "popularity", "item-kNN", "user-kNN"}


def test_lesson_02_puts_both_neighbour_models_above_the_published_row(tmp_path):
    board = run("02", tmp_path)
    for model in ("item-kNN, tuned", "user-kNN, tuned"):
        for metric, published in SAR.items():
            assert board[model][metric] > published, (model, metric)
    assert board["popularity"]["ndcg"] < SAR["ndcg"]


def test_lesson_03_puts_the_hybrid_above_the_published_row(tmp_path):
    board = run("03", tmp_path)
    (hybrid,) = [figures for model, figures in board.items() if model.startswith("hybrid")]
    for metric, published in SAR.items():
        assert hybrid[metric] > published, metric
    assert board["content"]["ndcg"] < board["popularity"]["ndcg"]


def test_lesson_04_ranks_above_published_bpr_and_als_and_not_by_stars(tmp_path):
    board = run("04", tmp_path)
    # Recommenders' BPR 0.442; its ALS, fitted to stars like our BiasedMF, 0.044.
    for model in ("ALS", "BPR"):
        assert board[model]["ndcg"] > 0.442, model
    assert 0.03 < board["BiasedMF"]["ndcg"] < board["popularity"]["ndcg"]


def test_lesson_05_puts_ncf_above_the_published_row(tmp_path):
    board = run("05", tmp_path)
    # Recommenders' NCF: MAP 0.1077, NDCG 0.3961.
    assert board["NeuMF, pretrained"]["ndcg"] > 0.3961
    assert board["NeuMF, pretrained"]["map"] > 0.1077


def test_lesson_08_reads_films_and_still_ranks_them_below_popularity(tmp_path):
    board = run("08", tmp_path)
    for model in ("BERT, text", "BERT, title", "bag, subject"):
        assert board["random"]["ndcg"] < board[model]["ndcg"] < board["popularity"]["ndcg"], model
    assert board["ALS"]["ndcg"] > 0.442  # Recommenders' BPR


def test_lesson_06_puts_the_bilstm_above_what_reads_sets(tmp_path):
    board = run("06", tmp_path)
    # Each user's last film, all films ranked; popularity ranks better than chance, the rest better still.
    for model in ("ALS", "user-kNN"):
        assert board["BiLSTM, attention"]["ndcg"] > board[model]["ndcg"] > board["popularity"]["ndcg"], model
    assert board["two-tower LSTM"]["ndcg"] > 10 * board["random"]["ndcg"]
    assert f"BiLSTM with attention {board['BiLSTM, attention']['ndcg']:.2f}" in prose("06")


def test_lesson_07_ranks_the_next_film_best_where_order_is_read_and_all_films_are_noes(tmp_path):
    board = run("07", tmp_path)
    for model in ("ALS", "user-kNN", "SASRec, one negative"):
        assert board["SASRec"]["hit_rate"] > board[model]["hit_rate"] > board["popularity"]["hit_rate"], model
    assert f"SASRec {board['SASRec']['hit_rate']:.2f}" in prose("07")


def test_lesson_09_ends_a_little_above_popularity_and_far_below_ids(tmp_path):
    board = run("09", tmp_path)
    order = ("random", "BERT as it is", "TF-IDF", "popularity", "BERT bi-encoder", "user-kNN")
    values = [board[model]["ndcg"] for model in order]
    assert values == sorted(values), dict(zip(order, values, strict=True))
    said = "the bi-encoder has NDCG@10 {:.2f}, popularity {:.2f} and user-kNN {:.2f}"
    assert said.format(values[4], values[3], values[5]) in prose("09")
