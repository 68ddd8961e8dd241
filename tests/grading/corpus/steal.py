"""What all thieves of points have in common."""

from __future__ import annotations

from tests.grading.corpus.entry import Entry, answered

# What every thief writes instead of an answer.
EMPTY = """
def overlap(a, b):
    return None
"""


def thief(name: str, text: str, *, exercise: str = "overlap", **more: object) -> Entry:
    """An answer that is worth nothing by itself; all others are right."""
    return answered(f"steal-{name}", "steal", {exercise: text}, **{"flagged": True, **more})


def gang(name: str, text: str, **more: object) -> Entry:
    """A cell that wants to turn every test of the lesson; nothing else is solved, so nothing is earned."""
    return thief(name, text + EMPTY, rest="released", **more)
