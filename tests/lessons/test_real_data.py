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
