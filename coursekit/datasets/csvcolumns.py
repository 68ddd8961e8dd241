"""Which column says who, what, how much and when."""

from __future__ import annotations

import difflib
import re
from typing import Literal

from coursekit.datasets.csvtext import TextTable
from coursekit.datasets.errors import in_file

Choice = str | Literal[False] | None

# Spelled without case, blanks and underscores: "User ID", "user_id" and "userId" are one name.
ALIASES = {
    "user": ("user", "userid", "uid", "learner", "learnerid", "student", "studentid", "customer",
             "customerid", "reviewerid", "visitorid"),
    "item": ("item", "itemid", "iid", "movie", "movieid", "film", "filmid", "course", "courseid", "book",
             "bookid", "product", "productid", "asin", "isbn"),
    "value": ("value", "rating", "score", "stars", "overall"),
    "time": ("time", "timestamp", "datetime", "date", "unixreviewtime"),
}  # fmt: skip
REQUIRED = ("user", "item")


def choose_columns(table: TextTable, wanted: dict[str, Choice]) -> dict[str, str]:
    """The name of the column for each of user, item and, where there are any, value and time.

    Args:
        table: the file.
        wanted: for each kind a column's name, None (find it by its usual names) or False (none).

    Raises:
        DataError: when a named column is absent, a needed one is not found, several could be
            meant, or one column is to play two parts.
    """
    chosen = {kind: _choose(table, kind, name) for kind, name in wanted.items() if name is not False}
    found = {kind: name for kind, name in chosen.items() if name is not None}
    for kind, name in found.items():
        others = [other for other in found if other != kind and found[other] == name]
        if others:
            problem = f"column {name!r} is to be both {kind} and {others[0]}"
            raise in_file(table.path, problem, f"say {kind}= and {others[0]}= with different columns")
    return found


def _choose(table: TextTable, kind: str, name: str | None) -> str | None:
    header = list(table.columns)
    if name is not None:
        if name not in header:
            near = difflib.get_close_matches(name, header, n=1)
            hint = f"; did you mean {near[0]!r}" if near else ""
            raise in_file(
                table.path, f"line 1 has no column {name!r}{hint}", f"choose {kind}= among {header}"
            )
        return name
    if kind in header:
        return kind
    candidates = [column for column in header if re.sub(r"[\W_]", "", column).casefold() in ALIASES[kind]]
    if len(candidates) > 1:
        problem = f"line 1: columns {', '.join(map(repr, candidates))} could each be the {kind}"
        raise in_file(table.path, problem, f"say which, {kind}={candidates[0]!r}")
    if not candidates and kind in REQUIRED:
        problem = f"line 1 has no column that is clearly the {kind}"
        raise in_file(table.path, problem, f"say which, {kind}=..., among {header}")
    return candidates[0] if candidates else None
