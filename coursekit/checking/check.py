"""`Check`: what the test cell of an exercise calls."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from coursekit.checking.call import Outcome, examine
from coursekit.checking.compare import difference
from coursekit.checking.message import message
from coursekit.checking.plain import plain
from coursekit.checking.shortcut import Rules
from coursekit.checking.words import short

_NOTHING = object()


class NotYet(AssertionError):
    """Nothing earned yet. Jupyter shows its text alone, without a traceback."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]


@dataclass(frozen=True, eq=False)
class Case:
    """One call of the answer (or one look at a value) and what came of it.

    `wrong` is None when it is right. `expected` is the value that had to come back, where there is one;
    `wanted` says what was expected in words or as a short repr.
    """

    part: int
    args: tuple
    kwargs: Mapping[str, object]
    outcome: Outcome
    wrong: str | None = None
    expected: object = None
    wanted: str = ""
    is_value: bool = False


@dataclass(eq=False)
class Check:
    """Marks one exercise: calls the learner's answer on small inputs, and explains what differs.

    The points are shared equally by the parts; a part counts when all its cases pass, and none counts
    unless the first one does, so that a constant answer cannot collect an easy part.

    Args:
        name: the exercise's name, unique in the course (nbgrader's grade_id of the answer cell).
        answer: the learner's function, or value.
        points: what the exercise is worth, as the test cell's metadata say.
        within: tolerance of comparisons, see `coursekit.checking.compare.difference`.
        allow: functions of coursekit that the answer may call; all others are the forbidden shortcut.
        forbid: further modules ("sklearn") or functions ("numpy.corrcoef") it may not call.

    Example:
        >>> check = Check("double", lambda x: x + x, points=2)
        >>> check.case(2, gives=4)
        >>> check.part("texts")
        >>> check.case("a", gives="aa")
        >>> check.marks()
        2
    """

    name: str
    answer: object
    points: float
    within: float = 1e-6
    allow: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    parts: list[str] = field(default_factory=lambda: [""], init=False)
    cases: list[Case] = field(default_factory=list, init=False, repr=False)
    _part: int = field(default=0, init=False, repr=False)

    def part(self, name: str) -> None:
        """Begin a new part, or go on with an earlier one of this name; the cases from here on belong to it.

        The first part has no name unless it is given one before its first case: `check.part("")` returns to
        it. Hidden tests do so with fresh inputs, so that an answer which only recognises the visible ones
        earns nothing.
        """
        if not self.cases:
            self.parts[0] = name
        elif name not in self.parts:
            self.parts.append(name)
        self._part = self.parts.index(name)

    def case(
        self,
        *args: object,
        gives: object = _NOTHING,
        kwargs: Mapping[str, object] | None = None,
        within: float | None = None,
        raises: type[Exception] | None = None,
        holds: Callable[[object], bool] | None = None,
        says: str = "",
    ) -> None:
        """Call the answer on copies of the arguments, and compare.

        Args:
            *args: the arguments; `kwargs` holds keyword arguments.
            gives: the value that must come back. Or instead:
            raises: the exception class that must be raised.
            holds: a function that tells whether what came back is right, for answers with more than one
                right result; `says` is then the sentence for those that are not.
            within: tolerance of this case alone.
        """
        if (gives is _NOTHING) + (raises is None) + (holds is None) != 2:
            raise TypeError(f"a case of {self.name!r} needs exactly one of gives=, raises= and holds=")
        kwargs = dict(kwargs or {})
        rules = Rules(forbid=("coursekit", *self.forbid), allow=tuple(self.allow))
        outcome = examine(self.answer, args, kwargs, rules)
        case = self._case(tuple(plain(list(args))), plain(kwargs), outcome)
        if raises is not None:
            self.cases.append(case(_wrong_error(outcome, raises), wanted=f"{raises.__name__} to be raised"))
        elif holds is not None:
            self.cases.append(case(_wrong_property(outcome, holds, says), wanted=says))
        else:
            within = self.within if within is None else within
            wrong, expected = _wrong_value(outcome, gives, within, reveal=True), plain(gives)
            self.cases.append(case(wrong, expected=expected, wanted=short(expected)))

    def value(self, *, gives: object, within: float | None = None) -> None:
        """Compare the answer itself, for an exercise whose answer is a value and not a function.

        The message says how the value differs (its kind, its shape, too large, too small) but not what was
        expected: that would be the answer.
        """
        unsolved = self.answer is None and gives is not None
        outcome = Outcome("unsolved") if unsolved else Outcome("value", value=plain(self.answer))
        wrong = _wrong_value(outcome, gives, self.within if within is None else within, reveal=False)
        self.cases.append(self._case((), {}, outcome)(wrong, is_value=True))

    def marks(self) -> float:
        """The points earned: a whole number where it is one, else rounded to two decimals.

        Prints the message unless everything passed.

        Raises:
            NotYet: an AssertionError that carries the message, when nothing was earned.
            ValueError: when there is no case to mark.
        """
        if not self.cases:
            raise ValueError(f"the test of {self.name!r} has no case")
        earned, text = self.earned, self.message
        if earned == 0:
            raise NotYet(text)
        if text:
            print(text)
        return earned

    @property
    def earned(self) -> float:
        """The points earned so far."""
        failed = {case.part for case in self.cases if case.wrong}
        asked = {case.part for case in self.cases}
        if 0 in failed or not asked:
            return 0
        share = round(self.points * len(asked - failed) / len(asked), 2)
        return int(share) if share == int(share) else share

    @property
    def message(self) -> str:
        """What the learner reads; empty when every case passes."""
        return message(self)

    @property
    def function_name(self) -> str:
        """What the answer is called in messages."""
        written = getattr(self.answer, "__name__", "")
        if type(written) is str and written.isidentifier() and not isinstance(self.answer, type):
            return written
        return re.sub(r"\W", "_", self.name)

    def _case(self, args: tuple, kwargs: dict, outcome: Outcome) -> Callable[..., Case]:
        return functools.partial(Case, self._part, args, kwargs, outcome)


def _wrong_value(outcome: Outcome, gives: object, within: float, reveal: bool) -> str | None:
    return difference(outcome.value, gives, within, reveal) if outcome.kind == "value" else outcome.kind


def _wrong_error(outcome: Outcome, raises: type[Exception]) -> str | None:
    if outcome.kind == "raised" and raises.__name__ in outcome.errors:
        return None
    return f"{raises.__name__} should have been raised" if outcome.kind == "value" else outcome.kind


def _wrong_property(outcome: Outcome, holds: Callable[[object], bool], says: str) -> str | None:
    if outcome.kind != "value":
        return outcome.kind
    try:
        right = bool(holds(outcome.value))
    except Exception:  # the property expects data of another kind
        right = False
    return None if right else says or "what came back is not right"
