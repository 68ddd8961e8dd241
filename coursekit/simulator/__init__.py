"""The campus world: an online-learning platform whose every truth is known, because we made it.

`simulate` makes the data, `Campus` answers what a learner truly wants (the oracle), `untidy` spoils a table
for the lesson on cleaning, `Behaviour` holds the coefficients. Equations: datasets/campus/DATASHEET.md.
"""

from coursekit.simulator.campus import Campus, Simulated, simulate
from coursekit.simulator.untidy import Untidy, untidy
from coursekit.simulator.world import SHIPPED_SEED, WINDOW_END, WINDOW_START, Behaviour

__all__ = [
    "SHIPPED_SEED",
    "WINDOW_END",
    "WINDOW_START",
    "Behaviour",
    "Campus",
    "Simulated",
    "Untidy",
    "simulate",
    "untidy",
]
