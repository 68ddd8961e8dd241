"""Read an answer's text for code that an instructor should look at. It is read and never run.

What is found costs no points: the sandbox holds whether or not this notices anything. Honest code gives no
flag, so a flag is worth a look.
"""

from __future__ import annotations

import ast
import re
import unicodedata
import warnings
from collections.abc import Iterator

from coursekit.checking.slicing import python_of
from coursekit.grading.results import Flag
from coursekit.grading.suspicion import tables
from coursekit.grading.suspicion.rules import findings

_MOST_FLAGS = 20
_SHELL = re.compile(
    r"^\s*(!|%%?(bash|sh|script|system|sx|run|perl|ruby|javascript|html|writefile)\b|\w[\w, ]*=\s*(!|%s[yx]))"
)
_MAGIC = re.compile(r"^\s*[%!]")

_anywhere = tables.patterns(tables.ANYWHERE)
_words = [*tables.words(), *tables.patterns(tables.TEXTS)]

# The line, what was seen there, and why it matters.
Finding = tuple[int | None, str, str]


def flags_of(exercise: str, text: str) -> list[Flag]:
    """What in an answer an instructor should look at, in the order of lines, at most 20.

    Args:
        exercise: grade_id of the answer cell.
        text: the cell as the learner wrote it. Where it is not Python, known words are looked for.
    """
    found = [*_of_comments(text), *_of_code(text)]
    unique = dict.fromkeys((line, f"`{what}` {why}.") for line, what, why in found)
    ordered = sorted(unique, key=lambda one: one[0] or 0)
    return [Flag(exercise, line, reason) for line, reason in ordered[:_MOST_FLAGS]]


def flag_of_notice(exercise: str, notice: str) -> Flag:
    """The flag for what `coursekit.grading.inside.watch` told while the answer ran: "event|line|file"."""
    event, _, rest = notice.partition("|")
    line = rest.partition("|")[0]
    number = int(line) if re.fullmatch(r"\d{1,6}", line, re.ASCII) else None
    return Flag(exercise, number, f"While it ran, the answer did this: {event[:100]}.")


def _of_comments(text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), start=1):
        for reason, pattern in _anywhere:
            if seen := pattern.search(line):
                yield number, seen.group(), reason


def _of_code(text: str) -> Iterator[Finding]:
    tree = _parsed(text)
    if tree is not None:
        yield from findings(tree)
        return
    yield from _of_magics(text)
    if text.startswith("%%"):  # the first line is the magic, the rest runs
        text = "\n" + text.partition("\n")[2]
    tree = _parsed(python_of(text))
    yield from _of_words(text) if tree is None else findings(tree)


def _parsed(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _of_magics(text: str) -> Iterator[Finding]:
    for number, line in enumerate(text.split("\n"), start=1):
        if _SHELL.match(line):
            yield number, line.strip()[:40], tables.SHELL
        elif _MAGIC.match(line):
            yield from _of_words(line, number)


def _of_words(text: str, first: int = 1) -> Iterator[Finding]:
    text = unicodedata.normalize("NFKC", text)  # as Python reads names
    for number, line in enumerate(text.split("\n"), start=first):
        for reason, pattern in _words:
            if seen := pattern.search(line):
                yield number, seen.group().strip()[:40], reason
