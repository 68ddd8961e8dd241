"""What grading one submission came to, as plain records that can be written as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True)
class Flag:
    """Code that an instructor should look at. It costs no points by itself.

    Attributes:
        exercise: grade_id of the answer cell.
        line: line in that cell, from 1; None when it is not known.
        reason: one sentence on what was seen.
    """

    exercise: str
    line: int | None
    reason: str


@dataclass(frozen=True)
class Mark:
    """What one autograded exercise earned.

    Attributes:
        exercise: grade_id of the answer cell.
        test: grade_id of the test cell, which carries the points in the gradebook.
        points: earned; `max_points`: possible.
        message: what the learner reads; empty when all is right.
    """

    exercise: str
    test: str
    points: float
    max_points: float
    message: str = ""


@dataclass(frozen=True)
class Result:
    """One graded submission.

    Attributes:
        student: folder name under `submitted/`.
        lesson: the lesson's key.
        fingerprint: says what was graded with what; equal fingerprints need no regrading.
        marks: one for each autograded exercise, in the lesson's order.
        answers: the text taken from the submission, by grade_id of the answer cell (code and prose).
        notes: sentences for the learner and the instructor on damage that was found and what it cost.
        flags: for the instructor only.
        handed_in: when, in ISO format, as the submission's timestamp says; None when that is not known.
        seconds: how long grading took.
    """

    student: str
    lesson: str
    fingerprint: str
    marks: tuple[Mark, ...]
    answers: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    flags: tuple[Flag, ...] = ()
    handed_in: str | None = None
    seconds: float = 0.0

    @property
    def points(self) -> float:
        """Autograded points earned."""
        return sum(mark.points for mark in self.marks)

    @property
    def max_points(self) -> float:
        """Autograded points possible."""
        return sum(mark.max_points for mark in self.marks)

    def to_json(self) -> dict:
        """A dictionary that `json` can write."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping) -> Result:
        """The inverse of `to_json`."""
        marks = tuple(Mark(**mark) for mark in data["marks"])
        flags = tuple(Flag(**flag) for flag in data["flags"])
        return cls(**{**data, "marks": marks, "flags": flags, "notes": tuple(data["notes"])})
