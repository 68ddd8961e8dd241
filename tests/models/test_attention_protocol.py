"""SASRec's own protocol on a file made here: `tests/benchmarks/next_item_table.py --data`."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from coursekit.datasets import from_user_item
from coursekit.models import SASRec

PROGRAM = Path(__file__).parents[1] / "benchmarks" / "next_item_table.py"


@pytest.fixture(scope="module")
def program():
    spec = importlib.util.spec_from_file_location("next_item_table", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def path(tmp_path):
    """300 users walk round a circle of 120 items, 8 steps each; two more are too short to be tested."""
    starts = np.random.default_rng(0).integers(120, size=300)
    lines = [
        f"{user + 1} {(start + step) % 120 + 1}" for user, start in enumerate(starts) for step in range(8)
    ]
    file = tmp_path / "Games.txt"
    file.write_text("\n".join([*lines, "301 5", "301 6", "302 7"]) + "\n")
    return file


@pytest.fixture
def quick(program, monkeypatch):
    """Sizes that learn the walk in a second or two."""
    monkeypatch.setattr(
        program, "PAPER_SIZES", {"width": 16, "heads": 1, "blocks": 1, "max_length": 8, "batch_size": 16}
    )
    monkeypatch.setattr(program, "PAPER_TRAINING", {"learning_rate": 0.01, "dropout": 0.0})


@pytest.mark.usefixtures("quick")
def test_one_command_gives_validation_and_test_of_both_losses_beside_the_paper(program, path, capsys):
    program.print_papers_protocol(path, epochs=12, seed=0)
    printed = capsys.readouterr().out
    assert "2,403 interactions, 302 users, 120 items" in printed
    assert "HR@10 0.741, NDCG@10 0.536" in printed
    for part in ("HR@10, validation", "NDCG@10, validation", "HR@10, test", "NDCG@10, test"):
        assert part in printed


@pytest.mark.usefixtures("quick")
def test_the_walk_is_learned_and_users_with_two_events_are_not_tested(program, path):
    table = program.papers_protocol(from_user_item(path), 12, 0).set_index("loss")
    assert table["users"].tolist() == [300, 300]
    assert table["chosen"].sum() == 1
    # Chance is 0.1. "bce" draws its negatives among items that the user never met, here those far away.
    assert (table["HR@10, test"] > 0.8).all()
    assert table.loc["sampled", "NDCG@10, test"] > 0.8


def test_the_test_is_asked_after_the_validation_item(program, path):
    data = from_user_item(path)
    split = program.leave_last_out(data)
    model = SASRec(8, 1, 1, epochs=1, max_length=8).fit(program.leave_last_out(split.train).train)
    scores = program.next_of(model, split.train)(np.array([0, 5]), np.array([[1, 2], [3, 4]]))
    histories = [split.train.item[split.train.user == user].tolist() for user in (0, 5)]
    assert [len(history) for history in histories] == [7, 7]
    np.testing.assert_allclose(scores, model.score_next(histories, [[1, 2], [3, 4]]), rtol=1e-6)
