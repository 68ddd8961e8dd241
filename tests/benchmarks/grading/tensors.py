"""A small lesson on tensors, made where it is measured: four exercises that import PyTorch."""

from __future__ import annotations

import shutil
from pathlib import Path

from coursekit.lessons import Course
from coursekit.lessons.canonical import notebook_text
from coursekit.lessons.release import release
from tests.grading.courses import REPOSITORY

KEY = "90_tensors"

_STORY = """
import torch

from coursekit import Check

generator = torch.Generator().manual_seed(seed)
table = torch.tensor([[1.0, 2.0, 3.0], [0.0, 4.0, 2.0], [5.0, 5.0, 5.0]])
print(table.shape, torch.rand(2, generator=generator))
"""

# Name, points, the answer's first line, the solution's lines, the test.
_EXERCISES = (
    (
        "center-rows",
        2,
        "def center_rows(x):",
        "return x - x.mean(dim=1, keepdim=True)",
        """
check.case(table, gives=torch.tensor([[-1.0, 0.0, 1.0], [-2.0, 2.0, 0.0], [0.0, 0.0, 0.0]]))
### BEGIN HIDDEN TESTS
for _ in range(10):
    x = torch.randn(4, 6)
    check.case(x, gives=x - x.sum(1, keepdim=True) / 6)
### END HIDDEN TESTS""",
    ),
    (
        "cosine-table",
        3,
        "def cosine_table(x):",
        "unit = x / x.norm(dim=1, keepdim=True)\nreturn unit @ unit.T",
        """
check.case(torch.eye(3), gives=torch.eye(3))
check.case(torch.tensor([[3.0, 4.0], [4.0, 3.0]]), gives=torch.tensor([[1.0, 0.96], [0.96, 1.0]]))
### BEGIN HIDDEN TESTS
for _ in range(10):
    x = torch.rand(5, 4) + 0.1
    check.case(x, gives=torch.cosine_similarity(x[:, None], x[None], dim=2))
### END HIDDEN TESTS""",
    ),
    (
        "best-unseen",
        3,
        "def best_unseen(scores, seen, k):",
        'hidden = scores.masked_fill(seen, float("-inf"))\nreturn hidden.topk(k, dim=1).indices',
        """
check.case(table, torch.zeros(3, 3, dtype=torch.bool), 1, gives=torch.tensor([[2], [1], [0]]))
check.case(table, table > 2.5, 1, gives=torch.tensor([[1], [2], [0]]))
### BEGIN HIDDEN TESTS
for _ in range(10):
    scores, seen = torch.randn(4, 8), torch.rand(4, 8) < 0.3
    seen[:, :2] = False  # or there might be less to choose from than is asked for
    order = torch.where(seen, -9.0, scores).argsort(dim=1, descending=True)
    check.case(scores, seen, 2, gives=order[:, :2])
### END HIDDEN TESTS""",
    ),
    (
        "click-loss",
        3,
        "def click_loss(logits, clicked):",
        "loss = logits.clamp(min=0) - logits * clicked + torch.log1p(torch.exp(-logits.abs()))\n"
        "return loss.mean()",
        """
check.case(torch.zeros(2), torch.tensor([0.0, 1.0]), gives=torch.tensor(0.6931472))
check.case(torch.tensor([200.0, -200.0]), torch.tensor([0.0, 1.0]), gives=torch.tensor(200.0))
### BEGIN HIDDEN TESTS
for _ in range(10):
    logits, clicked = 9 * torch.randn(20), (torch.rand(20) < 0.5).float()
    wanted = torch.nn.functional.binary_cross_entropy_with_logits(logits, clicked)
    check.case(logits, clicked, gives=wanted)
### END HIDDEN TESTS""",
    ),
)

WRONG = {
    "center-rows": ["def center_rows(x):\n    return x - x.mean(dim=0)", "def center_rows(x):\n    return x"],
    "cosine-table": ["def cosine_table(x):\n    return x @ x.T"],
    "best-unseen": ["def best_unseen(scores, seen, k):\n    return scores.topk(k, dim=1).indices"],
    "click-loss": [
        "def click_loss(logits, clicked):\n"
        "    p = torch.sigmoid(logits)\n"
        "    return -(clicked * p.log() + (1 - clicked) * (1 - p).log()).mean()",
        "def click_loss(logits, clicked):\n    return ((torch.sigmoid(logits) - clicked) ** 2).mean()",
    ],
}


def tensor_course(folder: Path) -> Course:
    """A course with this lesson only, released by coursekit's own `release`."""
    for name in ("pyproject.toml", "nbgrader_config.py"):
        shutil.copy(REPOSITORY / name, folder)
    source = folder / "solutions" / KEY / f"{KEY}.ipynb"
    source.parent.mkdir(parents=True)
    source.write_text(notebook_text({"cells": _cells(), "metadata": {}, "nbformat": 4}), "utf-8")
    release(Course(folder))
    return Course(folder)


def _cells() -> list[dict]:
    cells = [
        _cell("markdown", "# 90 · Tensors\n\nFour small exercises in PyTorch."),
        _cell("code", "seed = 0", tags=["parameters"]),
        _cell("code", _STORY.strip()),
    ]
    for name, points, head, lines, test in _EXERCISES:
        body = "\n".join(["### BEGIN SOLUTION", lines, "### END SOLUTION"]).replace("\n", "\n    ")
        head_of_test = f'check = Check("{name}", {name.replace("-", "_")}, points={points})'
        cells += [
            _cell("markdown", f"**Exercise `{name}` ({points} points).**"),
            _cell("code", f"{head}\n    {body}", nbgrader=_role(name, solution=True)),
            _cell(
                "code",
                f"{head_of_test}{test}\ncheck.marks()",
                nbgrader=_role(f"{name}-test", grade=True, points=points),
            ),
        ]
    question = _role("open-90", solution=True, grade=True, points=4)
    return [*cells, _cell("markdown", "Because memory is finite.", nbgrader=question)]


def _cell(kind: str, text: str, **metadata: object) -> dict:
    return {"cell_type": kind, "source": text, "metadata": metadata}


def _role(name: str, **roles: object) -> dict:
    return {"grade_id": name, **roles}
