"""The platform's side: what it shows to whom, knowing only counts, launch dates and stated goals.

Because it knows nothing hidden, the propensity it logs may be published: it is the exact chance that a slot
of the page shows that course to a learner with that goal in that week.
"""

from __future__ import annotations

import numpy as np

from coursekit.simulator.world import DAY, World

TICKETS = (
    65_536  # a policy is a list of this many tickets, so that drawing is integer look-up and propensity exact
)


class Platform:
    """Counts enrolments and fills pages. `herd` (J,) is the public ticker "popular this month"."""

    def __init__(self, world: World, n_learners: int):
        self.world, self.n_learners = world, n_learners
        self.total = np.zeros(world.catalogue.n, np.int64)
        self.lately = np.zeros(world.catalogue.n)
        self.herd = np.zeros(world.catalogue.n)

    def count(self, courses: np.ndarray) -> None:
        """Close a week: add its enrolments; recent ones fade by 15 % a week."""
        week = np.bincount(courses, minlength=len(self.total))
        self.total += week
        self.lately = 0.85 * self.lately + week
        share = self.lately / max(self.lately.sum(), 1.0)
        self.herd = np.log(1.0 + len(share) * share)

    def tickets(self, now: int) -> tuple[np.ndarray, np.ndarray]:
        """Display policy of a week: (G, TICKETS) course of each ticket and (G, J) number of tickets.

        q_gj ~ (popularity_j + 0.01)^crowding * (1 + goal boost) * (1 + new boost), a share epsilon uniform.
        """
        b, catalogue = self.world.behaviour, self.world.catalogue
        launched = catalogue.launch <= now
        fresh = launched & (catalogue.launch > now - 30 * DAY)
        weight = launched * (self.total / self.n_learners + 0.01) ** b.crowding * (1.0 + b.new_boost * fresh)
        goals = np.arange(len(catalogue.subjects))
        weight = weight * (1.0 + b.goal_boost * (catalogue.subject[None, :] == goals[:, None]))
        q = (1.0 - b.exploration) * weight / weight.sum(axis=1, keepdims=True)
        q += b.exploration * launched / launched.sum()
        ends = np.floor(np.cumsum(q, axis=1) * TICKETS + 0.5).astype(np.int64)  # (G, J)
        ends[:, np.flatnonzero(launched)[-1] :] = TICKETS
        number = np.diff(ends, axis=1, prepend=0)
        course = np.stack([np.repeat(np.arange(len(launched), dtype=np.int16), row) for row in number])
        return course, number
