"""Late penalties as the course's nbgrader settings name them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from nbgrader.api import SubmittedAssignment, SubmittedNotebook
from traitlets.config import Config

# From the learner's name, their points and how many seconds late they are to the points to take away.
Rule = Callable[[str, float, float], float | None]


def penalty_rule(config: Config) -> Rule:
    """The rule that `nbgrader autograde` would apply; stock nbgrader's takes nothing away."""
    from nbgrader.preprocessors import AssignLatePenalties  # slow to import

    step = AssignLatePenalties(config=config)
    step.init_plugin()
    return step.plugin_inst.late_submission_penalty


def seconds_late(handed_in: datetime | None, due: datetime | None, extension: timedelta | None) -> float:
    """How long after the due date, extension included; 0 where one of the times is not known."""
    if handed_in is None or due is None:
        return 0.0
    return max(0.0, (handed_in - due - (extension or timedelta())).total_seconds())


def write_penalty(
    submission: SubmittedAssignment, notebook: SubmittedNotebook, score: float, rule: Rule
) -> None:
    """Write what the rule takes away from `score`: as in nbgrader never less than 0, nor more than all."""
    late = seconds_late(submission.timestamp, submission.assignment.duedate, submission.extension)
    penalty = rule(submission.student_id, score, late) if late else None
    notebook.late_submission_penalty = None if penalty is None else min(max(0.0, penalty), score)
