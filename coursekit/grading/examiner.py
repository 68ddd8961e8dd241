"""Mark one submission: our own tests, here; the learner's code in a process that they cannot reach."""

from __future__ import annotations

import ast
import hashlib
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from coursekit.checking import Outcome, Rules
from coursekit.checking.check import Check
from coursekit.checking.message import with_points
from coursekit.checking.replay import Exercise
from coursekit.checking.slicing import statements
from coursekit.grading.limits import Limits
from coursekit.grading.plan import steps_for
from coursekit.grading.results import Flag, Mark
from coursekit.grading.room import Room, Rooms, Step
from coursekit.grading.suspicion import flag_of_notice, flags_of
from coursekit.grading.template import Template

_REMEMBERED = 4096  # marks kept of work already done
# As `eval` and `globals()` tell of it. A key of another dictionary costs a second run only if the story has
# a name like it.
_MISSING = re.compile(r"(?:NameError: name|KeyError:) '(\w+)'")


@dataclass(frozen=True)
class Answer:
    """The learner's function, in its own process; `Check` calls it through `examine`.

    Only arguments cross to the other side and only an `Outcome` of plain data comes back. Expected values
    and tests stay here.
    """

    room: Room
    name: str

    @property
    def __name__(self) -> str:
        return self.name

    def examine(self, args: tuple, kwargs: Mapping[str, object], rules: Rules) -> Outcome:
        """Call the answer with these arguments under these rules."""
        return self.room.call(self.name, args, kwargs, rules)


class ExaminationError(RuntimeError):
    """Our own side does not work: the lesson, its tests, or the sandbox."""


@dataclass(eq=False)
class Examiner:
    """Marks the submissions of one lesson, one after the other; a context manager.

    Args:
        template: the lesson.
        limits: what each learner's process may use.
        sandboxed: False runs learners' code with this user's rights; only for machines without bubblewrap.
    """

    template: Template
    limits: Limits = field(default_factory=Limits)
    sandboxed: bool = True
    _rooms: Rooms = field(init=False, repr=False)
    _done: dict[str, tuple[Mark, tuple[Flag, ...]]] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self._rooms = Rooms(modules_of(self.template), self.limits, sandboxed=self.sandboxed)

    def __enter__(self) -> Examiner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(self) -> None:
        """Do now what the first submission would wait for, and see that the lesson's own solution passes.

        Raises:
            ExaminationError: when it does not: then every mark would be wrong, and none must be given.
        """
        self._rooms.start()
        for exercise in self.template.exercises:  # our own story, while the warm process gets ready
            exercise.namespace()
        marks, _ = self.examine({exercise.name: exercise.answer for exercise in self.template.exercises})
        for mark in marks:
            if mark.points < mark.max_points:
                raise ExaminationError(
                    f"the solution of {self.template.key} does not pass its own test here, so nothing is "
                    f"graded. {mark.message}"
                )

    def close(self) -> None:
        """End the warm process and whatever still runs in it."""
        self._rooms.close()

    def examine(self, answers: Mapping[str, str]) -> tuple[tuple[Mark, ...], tuple[Flag, ...]]:
        """Mark every autograded exercise of a submission.

        Args:
            answers: the learner's text by grade_id; a missing one counts as not written.

        Returns:
            The marks in the lesson's order, and what an instructor should look at. Nothing that the
            learner's code does raises here.
        """
        end = time.monotonic() + self.limits.submission_seconds
        found = [self._mark(exercise, answers, end) for exercise in self.template.exercises]
        return tuple(mark for mark, _ in found), tuple(flag for _, flags in found for flag in flags)

    def _mark(self, exercise: Exercise, answers: Mapping[str, str], end: float):
        steps = steps_for(self.template, exercise.name, answers)
        key = _key(exercise.name, steps)
        if key in self._done:  # the same text with the same surroundings, as every unsolved cell is
            return self._done[key]
        mark, stopped, notices = self._run(exercise, steps, end)
        if missing := _MISSING.search(mark.message):  # a name that the cell's text does not show
            more = steps_for(self.template, exercise.name, answers, also=[missing[1]])
            if more != steps:
                mark, stopped, notices = self._run(exercise, more, end)
        flags = tuple(dict.fromkeys([*flags_of(exercise.name, steps[-1].text), *notices]))
        if not stopped and len(self._done) < _REMEMBERED:  # a machine that was busy deserves another try
            self._done[key] = mark, flags
        return mark, flags

    def _run(self, exercise: Exercise, steps: list[Step], end: float) -> tuple[Mark, bool, list[Flag]]:
        seconds = min(self.limits.seconds, end - time.monotonic())
        if seconds <= 0:
            text = "Not reached: the exercises before it used up the time for the whole notebook."
            return _nothing(exercise, text), True, []
        room = self._rooms.open(seconds=seconds, seed=_seed(steps))
        try:
            room.run(steps)  # how a step failed is told by what the answer then is, or is not
            mark, stopped = _examined(exercise, room)
            notices = [flag_of_notice(exercise.name, notice) for notice in room.notices]
        finally:
            room.close()
        return mark, stopped, notices


def modules_of(template: Template) -> list[str]:
    """The modules that the lesson's code imports: the warm process imports them once for everybody."""
    sources = [cell["source"] for cell in template.source["cells"] if cell["cell_type"] == "code"]
    found: list[str] = []
    for node in ast.walk(ast.Module(statements(sources), type_ignores=[])):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            # Each imported name may be a module itself; the warm process passes over those that are not.
            found += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return list(dict.fromkeys(found))


def _examined(exercise: Exercise, room: Room) -> tuple[Mark, bool]:
    if exercise.is_function:
        answer: object = Answer(room, exercise.variable)
    else:
        outcome = room.value(exercise.variable)
        if outcome.kind not in ("value", "unsolved"):
            text = _why_no_value(exercise, outcome)
            return _nothing(exercise, text), outcome.kind == "stopped"
        answer = outcome.value
    try:
        check = exercise.run(answer)
        earned, message = check.earned, check.message
    except Exception as error:  # our own test met an answer it was not written for; it passes the solution
        text = f"The test could not judge this answer ({type(error).__name__}): tell your instructor."
        return _nothing(exercise, text), False
    return _mark(exercise, earned, message), _was_stopped(check)


def _why_no_value(exercise: Exercise, outcome: Outcome) -> str:
    if outcome.kind == "stopped":
        return f"The cell was stopped, because it {outcome.message}."
    place = f" on line {outcome.line}" if outcome.line else ""
    return (
        f"`{exercise.variable}` has no value: the cell raised {outcome.errors[0]}: {outcome.message}{place}."
    )


def _was_stopped(check: Check) -> bool:
    return any(case.outcome.kind == "stopped" for case in check.cases)


def _mark(exercise: Exercise, points: float, message: str) -> Mark:
    return Mark(exercise.name, f"{exercise.name}-test", points, exercise.points, message)


def _nothing(exercise: Exercise, text: str) -> Mark:
    """No points, and why."""
    return _mark(exercise, 0, with_points(exercise.name, 0, exercise.points, text))


def _key(exercise: str, steps: list[Step]) -> str:
    return hashlib.sha256(json.dumps([exercise, *(step.text for step in steps)]).encode()).hexdigest()


def _seed(steps: list[Step]) -> int:
    """The learner's own random numbers repeat when the same text is graded again."""
    return int.from_bytes(
        hashlib.sha256("\n".join(step.text for step in steps).encode(errors="replace")).digest()[:4]
    )
