"""What one submission of the corpus is, and the builders that most of them are made with."""

from __future__ import annotations

import copy
import functools
import json
import re
import textwrap
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from coursekit.checking.replay import exercises
from coursekit.lessons import Course

ROOT = Path(__file__).resolve().parents[3]
LESSONS = tuple(lesson.key for lesson in Course(ROOT).lessons)
PROSE = "My answer, in *my own* words: α < 0.7 & more."
_MARKER = re.compile(r"^[ \t]*### (BEGIN|END) SOLUTION[^\n]*\n?", re.MULTILINE)


@dataclass(frozen=True)
class Place:
    """What an attacker may know of the machine; written into the texts for the words in capitals."""

    course: Path
    home: Path
    port: int = 0
    pid: int = 0

    def fill(self, text: str) -> str:
        """Put this machine's names in place of COURSE_ROOT, HOME_FOLDER, OPEN_PORT and VICTIM_PID."""
        names = {
            "COURSE_ROOT": str(self.course),
            "HOME_FOLDER": str(self.home),
            "OPEN_PORT": str(self.port),
            "VICTIM_PID": str(self.pid),
        }
        for name, value in names.items():
            text = text.replace(name, value)
        return text


@dataclass(frozen=True, eq=False)
class Entry:
    """One submission and what must come of it.

    Attributes:
        name: unique in the corpus; also the student's name unless `student` says otherwise.
        kind: steal, look, destroy, exhaust, talk (hostile), broken or honest.
        lesson: the lesson's key.
        write: makes the submission's folder `submitted/<student>/<lesson>`, which does not exist yet.
        earns: points by exercise; those that are not named earn 0.
        unsure: exercises whose points nobody can tell (it may be a right answer): a flag is enough.
        flagged: whether the instructor must be told of suspicious code; None where both will do.
        noted: whether a note must tell of damage.
        refused: it may be left ungraded, which is told; nobody else may notice.
        hangs: it is graded with a time limit of its own, so that the corpus stays quick.
    """

    name: str
    kind: str
    lesson: str
    write: Callable[[Path, Place], None] = field(repr=False)
    earns: Mapping[str, float]
    unsure: frozenset[str] = frozenset()
    flagged: bool | None = None
    noted: bool = False
    refused: bool = False
    hangs: bool = False
    student: str = ""

    @property
    def folder(self) -> str:
        """The name of the student's folder."""
        return self.student or self.name


@functools.cache
def points(lesson: str) -> dict[str, float]:
    """Points of each autograded exercise of a lesson."""
    return {exercise.name: exercise.points for exercise in exercises(_path("solutions", lesson))}


@functools.cache
def lesson_of(exercise: str) -> str:
    """The lesson that an exercise belongs to, one for prose too."""
    return next(lesson for lesson in LESSONS if exercise in solutions(lesson))


@functools.cache
def solutions(lesson: str) -> dict[str, str]:
    """The text of each answer cell when solved, code and prose, by grade_id; without nbgrader's markers."""
    cells = [cell for cell in _read("solutions", lesson)["cells"] if role(cell, "solution")]
    code = {cell["id"]: _MARKER.sub("", source(cell)) for cell in cells if cell["cell_type"] == "code"}
    return code | {cell["id"]: PROSE for cell in cells if cell["cell_type"] == "markdown"}


def released(lesson: str) -> dict:
    """The lesson's notebook as a learner gets it, a fresh copy."""
    return copy.deepcopy(_read("lessons", lesson))


def solved(lesson: str) -> dict:
    """The lesson's notebook with every answer right."""
    return fill(released(lesson), solutions(lesson))


def fill(notebook: dict, answers: Mapping[str, str]) -> dict:
    """Set these texts into the answer cells, in place; returns the notebook."""
    for name, text in answers.items():
        cell_of(notebook, name)["source"] = text.splitlines(keepends=True)
    return notebook


def cell_of(notebook: dict, name: str) -> dict:
    """The cell with this grade_id or cell id."""
    return next(cell for cell in notebook["cells"] if cell["id"] == name)


def role(cell: dict, name: str) -> bool:
    """Whether nbgrader's metadata give the cell this role: "solution", "grade" or "locked"."""
    return bool(cell["metadata"].get("nbgrader", {}).get(name))


def source(cell: dict) -> str:
    """The cell's text."""
    return "".join(cell["source"])


def code(text: str, **metadata: object) -> dict:
    """A code cell of the learner's own."""
    cell = {"cell_type": "code", "source": text.splitlines(keepends=True), "metadata": metadata}
    return cell | {"outputs": [], "execution_count": None, "id": f"own-{zlib.crc32(text.encode())}"}


def as_bytes(notebook: object) -> bytes:
    """The notebook's file as JupyterLab writes it; what is no text in UTF-8 as an escape."""
    text = json.dumps(notebook, indent=1, ensure_ascii=False)
    return (text + "\n").encode("utf-8", "backslashreplace")


def full(lesson: str, *, but: tuple[str, ...] = (), only: tuple[str, ...] | None = None) -> dict[str, float]:
    """Full points for every exercise of the lesson but some, or for some only."""
    names = points(lesson) if only is None else only
    return {name: points(lesson)[name] for name in names if name not in but}


def answered(
    name: str,
    kind: str,
    answers: Mapping[str, str],
    *,
    earns: Mapping[str, float] | None = None,
    rest: str = "solved",
    lesson: str = "",
    beside: Mapping[str, str] | None = None,
    **more: object,
) -> Entry:
    """A sound notebook with these answers.

    Args:
        name: of the entry; `kind` as in `Entry`.
        answers: text by exercise; indented text is moved to the left.
        earns: points of these answers, 0 where not named.
        rest: "solved" or "released", what stands in all other answer cells.
        lesson: needed where there is no answer.
        beside: texts of further files in the folder, by name.
        more: further attributes of `Entry`.
    """
    lesson = lesson or lesson_of(next(iter(answers)))
    texts = {one: textwrap.dedent(text).strip("\n") for one, text in answers.items()}

    def write(folder: Path, place: Place) -> None:
        notebook = solved(lesson) if rest == "solved" else released(lesson)
        fill(notebook, {one: place.fill(text) for one, text in texts.items()})
        files = {f"{lesson}.ipynb": as_bytes(notebook)}
        put(folder, files | {path: place.fill(text).encode() for path, text in (beside or {}).items()})

    others = full(lesson, but=tuple(texts)) if rest == "solved" else {}
    return Entry(name, kind, lesson, write, {**others, **(earns or {})}, **more)


def damaged(
    name: str,
    damage: Callable[[dict], object],
    *,
    lesson: str = "00_welcome",
    kind: str = "broken",
    costs: tuple[str, ...] = (),
    earns: Mapping[str, float] | None = None,
    start: Callable[[str], dict] = solved,
    **more: object,
) -> Entry:
    """A solved notebook after `damage`, which changes it in place, or returns another notebook or bytes.

    `costs` names the exercises that are lost; `earns` says it all instead.
    """

    def write(folder: Path, place: Place) -> None:
        notebook = start(lesson)
        found = damage(notebook)
        found = notebook if found is None else found
        put(folder, {f"{lesson}.ipynb": found if isinstance(found, bytes) else as_bytes(found)})

    return Entry(name, kind, lesson, write, full(lesson, but=costs) if earns is None else earns, **more)


def put(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write files into a folder, with the folders they need."""
    for path, content in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)


def _path(folder: str, lesson: str) -> Path:
    return ROOT / folder / lesson / f"{lesson}.ipynb"


@functools.cache
def _read(folder: str, lesson: str) -> dict:
    return json.loads(_path(folder, lesson).read_text("utf-8"))
