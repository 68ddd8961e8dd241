"""Submissions of every kind, each with what must come of it; `test_corpus` grades them all.

A hostile one earns what its honest part is worth and no more, a broken one loses the cells concerned, an
honest one gets what it earned. None changes anything of anybody else's.
"""

from __future__ import annotations

from tests.grading.corpus import (
    broken_cells,
    broken_files,
    destroy,
    destroy_processes,
    exhaust,
    exhaust_channel,
    exhaust_reader,
    honest,
    honest_code,
    honest_habits,
    look,
    look_in_memory,
    steal_by_cells,
    steal_by_hooks,
    steal_by_values,
    talk,
)
from tests.grading.corpus.entry import LESSONS, Entry, Place, points

MODULES = (
    honest,
    honest_code,
    honest_habits,
    broken_files,
    broken_cells,
    steal_by_hooks,
    steal_by_values,
    steal_by_cells,
    look_in_memory,
    look,
    destroy,
    destroy_processes,
    exhaust,
    exhaust_channel,
    exhaust_reader,
    talk,
)
ENTRIES: list[Entry] = [entry for module in MODULES for entry in module.ENTRIES]
HOSTILE = ("steal", "look", "destroy", "exhaust", "talk")

__all__ = ["ENTRIES", "HOSTILE", "LESSONS", "Entry", "Place", "points"]
