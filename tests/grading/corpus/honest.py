"""Submissions of learners who mean well: each gets exactly what it earned, and is not suspected."""

from __future__ import annotations

import datetime

from tests.grading.corpus.entry import (
    Entry,
    answered,
    as_bytes,
    code,
    damaged,
    full,
    lesson_of,
    put,
    released,
    role,
    solutions,
    solved,
)

LESSON = "00_welcome"
RIGHT = solutions(LESSON)["overlap"]


def learner(name: str, answers: dict[str, str], **more: object) -> Entry:
    """All answers are right, written in another way, unless `earns` says otherwise."""
    if "earns" not in more and answers:
        right = [one for one in answers if not one.startswith("open-")]
        more["earns"] = full(lesson_of(next(iter(answers))), only=tuple(right))
    return answered(f"honest-{name}", "honest", answers, **{"flagged": False, **more})


PLAIN = [
    *(
        learner(f"solved-{lesson[:2]}", {}, lesson=lesson)
        for lesson in ("00_welcome", "01_data_and_metrics", "02_similarity")
    ),
    *(
        learner(f"untouched-{lesson[:2]}", {}, lesson=lesson, rest="released")
        for lesson in ("00_welcome", "01_data_and_metrics", "02_similarity")
    ),
    learner("half-solved-02", {"item-scores": solutions("02_similarity")["item-scores"]}, rest="released"),
    learner("last-one-only", {"precision-at-k": solutions(LESSON)["precision-at-k"]}, rest="released"),
    learner(
        "partly-right",
        {"overlap": "def overlap(a, b):\n    return sum(course in b for course in a)"},
        earns={"overlap": 1},
    ),
    learner("wrong", {"overlap": "def overlap(a, b):\n    return len(set(a) | set(b))"}, earns={}),
    learner("still-raises", {"overlap": "def overlap(a, b):\n    raise NotImplementedError"}, earns={}),
    learner(
        "raises-for-empty",
        {
            "precision-at-k": """
        def precision_at_k(recommended, chosen, k):
            if not recommended:
                raise ValueError("nothing recommended")
            return sum(course in chosen for course in recommended[:k]) / k
        """
        },
        earns={"precision-at-k": 2},
    ),
]


def _scratch(notebook: dict) -> None:
    """Cells of the learner's own between all others; some fail."""
    cells = []
    for cell in notebook["cells"]:
        cells += [cell, code("scratch = 1 / 0"), code("np = None\ntable = 3\ndel overlap")]
    notebook["cells"] = cells


def _restarted(notebook: dict) -> None:
    """Run out of order, half of it, with the errors of an earlier try still shown."""
    error = {
        "output_type": "error",
        "ename": "NameError",
        "evalue": "overlap",
        "traceback": ["\x1b[31mNameError"],
    }
    for number, cell in enumerate(notebook["cells"]):
        if cell["cell_type"] == "code":
            cell["execution_count"] = (number * 7) % 31
            cell["outputs"] = [error]


def _editor_metadata(notebook: dict) -> None:
    notebook["metadata"] |= {
        "colab": {"provenance": [], "toc_visible": True},
        "accelerator": "GPU",
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"x" * 200: 1}}},
        "kernelspec": {"name": "conda-env-mine", "display_name": "mine", "language": "python"},
        "toc-autonumbering": True,
    }
    for cell in notebook["cells"]:
        cell["metadata"] |= {
            "collapsed": True,
            "jupyter": {"source_hidden": True},
            "slideshow": {"slide_type": "x"},
        }


def _empty_lines(notebook: dict) -> None:
    for cell in notebook["cells"]:
        if role(cell, "solution"):
            cell["source"] = ["\n", "\n", *cell["source"], "\n", "   \n"]


def _notes_in_prose(notebook: dict) -> None:
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown" and not role(cell, "solution"):
            cell["source"] = [*cell["source"], "\n\nMy own note: <b>learn this</b>"]


def _late(folder, place) -> None:
    late = datetime.datetime(2026, 3, 1, 23, 59, 59, 123456)
    files = {f"{LESSON}.ipynb": as_bytes(solved(LESSON)), "timestamp.txt": f"{late} UTC".encode()}
    put(
        folder,
        files | {"notes.pdf": b"%PDF", "data/own.csv": b"a,b\n1,2\n", f"feedback/{LESSON}.html": b"<b>"},
    )


def tidy(name: str, damage, **more: object) -> Entry:
    """A right notebook as an editor, a restart or a habit leaves it."""
    return damaged(f"honest-{name}", damage, kind="honest", **{"flagged": False, **more})


NOTEBOOKS = [
    tidy("scratch-cells", _scratch),
    tidy("restarted", _restarted),
    tidy("editor-metadata", _editor_metadata),
    tidy("empty-lines", _empty_lines),
    tidy("own-notes", _notes_in_prose),
    tidy("scratch-cells-stub", _scratch, start=released, earns={}),
    Entry("honest-with-files", "honest", LESSON, _late, full(LESSON), flagged=False),
    learner("odd-name", {"overlap": RIGHT}, student="O'Brien, Zoë (2) %s"),
    learner("tag-name", {"overlap": RIGHT}, student="<b onclick=alert(1)>{{ 7 }}"),
    learner("name-of-bytes", {"overlap": RIGHT}, student="zo\udce9", refused=True),
    learner("name-with-a-line", {"overlap": RIGHT}, student="a\nb"),
    learner("long-name", {"overlap": RIGHT}, student="n" * 200),
    learner("formula-name", {"overlap": RIGHT}, student="=1+2"),
    learner("dashed-name", {"overlap": RIGHT}, student="--force"),
]

ENTRIES = [*PLAIN, *NOTEBOOKS]
