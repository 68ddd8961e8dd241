"""Texts and files on which not the learner's process but whoever reads them might break or hang."""

from __future__ import annotations

import json

from tests.grading.corpus.entry import Entry, answered, code, damaged
from tests.grading.corpus.honest import RIGHT

FILES = "files = !ls\n"


def puzzle(name: str, text: str, *, right: bool = False, **more: object) -> Entry:
    """An answer that is hard to read; it counts when it ends in a right one that Python can run."""
    answers = {"overlap": text + ("\n" + RIGHT if right else "")}
    earns = {"overlap": 2} if right else {}
    return answered(f"exhaust-{name}", "exhaust", answers, earns=earns, **more)


TEXTS = [
    # More than IPython's own limit of 500 transformations; the answer itself may be lost, nothing else.
    puzzle("many-magics", FILES * 600, unsure=frozenset({"overlap"})),
    puzzle("many-questions", "len?\n" * 600, unsure=frozenset({"overlap"})),
    puzzle("many-semicolons", ";" * 190_000),
    puzzle("many-decorators", "@x\n" * 40_000 + RIGHT),
    puzzle("many-parentheses", "(" * 150_000),
    puzzle("many-quotes", "'" * 190_000),
    puzzle("many-assignments", "\n".join(f"a{i} = a{i - 1}" for i in range(4_000))),
    puzzle("long-sum", "x = " + " + ".join(["1"] * 20_000), unsure=frozenset({"overlap"})),
    puzzle("deep-signs", "x = " + "-" * 20_000 + "1"),
    puzzle("deep-attributes", "x = a" + ".b" * 20_000),
    puzzle("deep-elif", "if 0: pass\n" + "elif 0: pass\n" * 2_000, unsure=frozenset({"overlap"})),
    puzzle("deep-lambda", "x = " + "lambda: " * 5_000 + "1"),
    puzzle("long-number", "x = " + "9" * 150_000),
    puzzle("surrogate", "# \ud800 lone\ntext = '\ud83d'", right=True, unsure=frozenset({"overlap"})),
    puzzle("coding-line", "# -*- coding: nonsense -*-", right=True),
    puzzle("form-feed", "\f\n\u2028\n# \u0085", right=True, unsure=frozenset({"overlap"})),
]


def prose(name: str, text: str) -> Entry:
    """A text on which a reader of Markdown might take for ever; the code is right."""
    return answered(f"exhaust-prose-{name}", "exhaust", {"open-00": text})


PROSE = [
    prose("brackets", "[" * 60_000),
    prose("closed-brackets", "[a](" * 20_000 + "b" + ")" * 20_000),
    prose("images", "![" * 40_000),
    prose("quotes", ">" * 60_000 + " deep"),
    prose("lists", "\n".join("  " * depth + "- x" for depth in range(400))),
    prose("stars", "*a **b " * 15_000),
    prose("ticks", "".join("`" * (1 + i % 300) + " a " for i in range(1_000))),
    prose("angles", "<" * 60_000 + "a" + ">" * 60_000),
    prose("tags", "<div><b>" * 15_000),
    prose("comments", "<!--" * 30_000),
    prose("formulas", "$" * 60_001 + "\\\\(" * 10_000),
    prose("references", "\n".join(f"[{i}]: http://x/{i}\n[{i}]" for i in range(5_000))),
    prose("table", "|" + "a|" * 3_000 + "\n|" + "-|" * 3_000 + "\n" + ("|" + "b|" * 3_000 + "\n") * 10),
    prose("entities", "&" * 60_000 + "&#0;&#x110000;&lt" * 100),
    prose("surrogate", "a \ud800 b \udfff c"),
    prose(
        "controls",
        "".join(map(chr, range(32))) + "\x7f\x9b\ufeff\ufffe\uffff" + "e\u0301" * 1000 + "\u0301" * 5000,
    ),
]


def _many_cells(notebook: dict) -> None:
    notebook["cells"] = [code(f"x = {i}") for i in range(5_000)] + notebook["cells"]


def _many_twins(notebook: dict) -> None:
    """Thousands of cells claim to be the answer; the last one is right."""
    answer = next(cell for cell in notebook["cells"] if cell["id"] == "overlap")
    place = notebook["cells"].index(answer)
    twins = [{**answer, "source": [f"overlap = {i}"]} for i in range(5_000)]
    notebook["cells"][place:place] = twins


def _many_pieces(notebook: dict) -> bytes:
    """A broken file with a hundred thousand beginnings of a cell."""
    return b'{"cells": [' + b'{"cell_type": "code", "source": ["x", ' * 100_000


def _many_escapes(notebook: dict) -> bytes:
    return b'{"cells": [{"cell_type": "code", "source": "' + b'\\"{\\\\' * 500_000


def _half_escapes(notebook: dict) -> bytes:
    """JSON writes a lone surrogate as an escape; a broken file keeps it."""
    text = json.dumps(notebook)
    return text.replace('"cells": [', '"\\udc00": "\\ud800", "cells": [', 1)[:-1].encode()


NOTEBOOKS = [
    damaged("exhaust-many-cells", _many_cells, kind="exhaust"),
    damaged("exhaust-many-twins", _many_twins, kind="exhaust"),
    damaged("exhaust-many-pieces", _many_pieces, kind="exhaust", earns={}, noted=True),
    damaged("exhaust-many-escapes", _many_escapes, kind="exhaust", earns={}, noted=True),
    damaged("exhaust-half-escapes", _half_escapes, kind="exhaust", noted=True),
]

ENTRIES = [*TEXTS, *PROSE, *NOTEBOOKS]
