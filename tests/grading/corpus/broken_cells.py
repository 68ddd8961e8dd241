"""Damaged cells: missing, doubled, moved, stripped, of another type, in the wrong place."""

from __future__ import annotations

import copy
import zlib
from collections.abc import Callable

from tests.grading.corpus.entry import (
    Entry,
    answered,
    cell_of,
    code,
    damaged,
    released,
    role,
    solutions,
    source,
)

LESSON = "00_welcome"
STUB = source(cell_of(released(LESSON), "overlap"))


def _without(keep: Callable[[dict], bool]) -> Callable[[dict], None]:
    def damage(notebook: dict) -> None:
        notebook["cells"] = [cell for cell in notebook["cells"] if keep(cell)]

    return damage


def _each(change: Callable[[dict], object]) -> Callable[[dict], None]:
    """Change every cell in place."""

    def damage(notebook: dict) -> None:
        for cell in notebook["cells"]:
            change(cell)

    return damage


def _answers(change: Callable[[dict], object]) -> Callable[[dict], None]:
    """Change every answer cell in place."""
    return _each(lambda cell: change(cell) if role(cell, "solution") else None)


def _is_test(cell: dict) -> bool:
    return role(cell, "grade") and not role(cell, "solution")


def _doubled(text: str, *, first: bool) -> Callable[[dict], None]:
    """A second cell that claims to be the answer `overlap`, before or after the first."""

    def damage(notebook: dict) -> None:
        place = notebook["cells"].index(cell_of(notebook, "overlap"))
        twin = copy.deepcopy(notebook["cells"][place])
        twin["source"] = text.splitlines(keepends=True)
        notebook["cells"].insert(place if first else place + 1, twin)

    return damage


def _all_twice(notebook: dict) -> None:
    notebook["cells"] += copy.deepcopy(notebook["cells"])


def _reversed(notebook: dict) -> None:
    notebook["cells"].reverse()


def _anonymous(cell: dict) -> None:
    cell.pop("id")
    cell["metadata"] = {}


def _renamed(cell: dict) -> None:
    cell["id"] = f"x{zlib.crc32(cell['id'].encode())}"


def _schema(version: object) -> Callable[[dict], None]:
    return _each(lambda cell: cell["metadata"].get("nbgrader", {}).update(schema_version=version))


def _text_outside(notebook: dict) -> None:
    """The answer stands in a cell of the learner's own, the answer cell is as released."""
    answer = "".join(cell_of(notebook, "overlap")["source"])
    cell_of(notebook, "overlap")["source"] = [STUB]
    place = notebook["cells"].index(cell_of(notebook, "overlap-test"))
    notebook["cells"].insert(place, code(answer))


def _odd_cells(notebook: dict) -> None:
    odd = [
        None,
        7,
        "text",
        [],
        {},
        {"cell_type": 3},
        {"cell_type": "code", "source": {"a": 1}, "metadata": None},
    ]
    notebook["cells"] = [*odd, *notebook["cells"], *odd]


def _odd_sources(notebook: dict) -> None:
    cell_of(notebook, "overlap")["source"] = [1, None, {"x": 2}]
    cell_of(notebook, "cosine-rows")["source"] = 17
    cell_of(notebook, "open-00")["source"] = None


def _listed_by_letter(cell: dict) -> None:
    cell["source"] = list("".join(cell["source"]))


def _old_mac_lines(cell: dict) -> None:
    cell["source"] = "".join(cell["source"]).replace("\n", "\r")


def _windows_lines(cell: dict) -> None:
    cell["source"] = "".join(cell["source"]).replace("\n", "\r\n")


def _colab(cell: dict) -> None:
    cell["metadata"] |= {"id": cell.pop("id"), "colab": {"base_uri": "https://localhost:8080/", "height": 35}}


def _no_metadata(cell: dict) -> None:
    cell["metadata"] = {"vscode": {"languageId": "python"}}


CELLS = [
    damaged("broken-no-tests", _without(lambda cell: not _is_test(cell))),
    damaged("broken-answers-only", _without(lambda cell: role(cell, "solution"))),
    damaged(
        "broken-answer-missing",
        _without(lambda cell: cell["id"] != "overlap"),
        costs=("overlap",),
        noted=True,
    ),
    damaged("broken-no-cells", _without(lambda cell: False), earns={}, noted=True),
    damaged("broken-twin-same", _doubled(solutions(LESSON)["overlap"], first=False)),
    damaged("broken-twin-stub-behind", _doubled(STUB, first=False), noted=True),
    damaged("broken-twin-stub-before", _doubled(STUB, first=True), noted=True),
    damaged("broken-twin-wrong-before", _doubled("def overlap(a, b):\n    return 0", first=True), noted=True),
    damaged(
        "broken-twin-wrong-behind",
        _doubled("def overlap(a, b):\n    return 0", first=False),
        costs=("overlap",),
        noted=True,
    ),
    damaged("broken-all-twice", _all_twice),
    damaged("broken-reversed", _reversed),
    damaged("broken-no-metadata", _each(_no_metadata)),
    damaged("broken-no-metadata-01", _each(_no_metadata), lesson="01_data_and_metrics"),
    damaged("broken-no-ids", _each(lambda cell: cell.pop("id"))),
    damaged("broken-new-ids", _each(_renamed)),
    damaged("broken-anonymous", _each(_anonymous), noted=True),
    damaged("broken-anonymous-02", _each(_anonymous), lesson="02_similarity", noted=True),
    damaged(
        "broken-answers-as-markdown", _answers(lambda cell: cell.update(cell_type="markdown")), noted=True
    ),
    damaged("broken-answers-as-raw", _answers(lambda cell: cell.update(cell_type="raw")), noted=True),
    damaged("broken-cell-types", _each(lambda cell: cell.update(cell_type="unknown")), noted=True),
    damaged("broken-text-outside", _text_outside, costs=("overlap",), noted=True),
    damaged("broken-odd-cells", _odd_cells),
    damaged("broken-odd-sources", _odd_sources, costs=("overlap", "cosine-rows"), noted=True),
    damaged("broken-source-by-letter", _each(_listed_by_letter)),
    damaged("broken-carriage-returns", _each(_old_mac_lines)),
    damaged("broken-windows-sources", _each(_windows_lines)),
    damaged("broken-schema-99", _schema(99)),
    damaged("broken-schema-text", _schema("three")),
    damaged("broken-nbgrader-list", _answers(lambda cell: cell["metadata"].update(nbgrader=["overlap"]))),
    damaged("broken-metadata-text", _each(lambda cell: cell.update(metadata="none"))),
    damaged("broken-outputs", _each(lambda cell: cell.update(outputs="many", execution_count=[]))),
    damaged("broken-colab", _each(_colab)),
]

TEXTS = [
    answered("broken-syntax", "broken", {"overlap": "def overlap(a, b)\n    return len(set(a) & set(b))"}),
    answered("broken-indent", "broken", {"overlap": "def overlap(a, b):\n\tx = 1\n        return x"}),
    answered("broken-half-a-line", "broken", {"overlap": 'def overlap(a, b):\n    return "'}),
    answered("broken-nothing", "broken", {"overlap": "", "cosine-rows": "# nothing yet", "open-00": ""}),
    answered(
        "broken-wrong-name", "broken", {"overlap": "def overlapp(a, b):\n    return len(set(a) & set(b))"}
    ),
    answered("broken-a-number", "broken", {"overlap": "overlap = 2"}),
    answered(
        "broken-nul",
        "broken",
        {"overlap": "def overlap(a, b):\n    return len(set(a) & set(b))\0"},
        earns={"overlap": 2},
    ),
    answered("broken-prose-for-code", "broken", {"overlap": "I would take both sets and count."}),
    answered("broken-too-long", "broken", {"overlap": "# " + "x" * 300_000 + "\noverlap = 1"}, noted=True),
    answered("broken-html-for-code", "broken", {"overlap": "<pre>def overlap(a, b): return 1</pre>"}),
    answered(
        "broken-error-in-the-cell",
        "broken",
        {"overlap": "import missing_module\n\ndef overlap(a, b):\n    return len(set(a) & set(b))"},
    ),
    answered(
        "broken-test-pasted",
        "broken",
        {"overlap": 'check = Check("overlap", overlap, points=2)\ncheck.marks()'},
    ),
    answered(
        "broken-returns-text",
        "broken",
        {"overlap": "def overlap(a, b):\n    return str(len(set(a) & set(b)))"},
    ),
    answered(
        "broken-prints-instead", "broken", {"overlap": "def overlap(a, b):\n    print(len(set(a) & set(b)))"}
    ),
    answered("broken-wrong-arguments", "broken", {"overlap": "def overlap(a):\n    return len(a)"}),
    answered("broken-waits-for-nobody", "broken", {"overlap": "async def overlap(a, b):\n    return 2"}),
]


def _names_of_other_lesson(notebook: dict) -> dict:
    """The notebook of another lesson under this lesson's name."""
    return released("02_similarity")


ENTRIES: list[Entry] = [
    *CELLS,
    *TEXTS,
    damaged("broken-other-lesson", _names_of_other_lesson, earns={}, noted=True),
]
