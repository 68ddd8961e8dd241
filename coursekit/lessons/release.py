"""The release: everything that is derived from `solutions/`, and the check that it has not drifted.

Three things are derived, in this order: the canonical, stamped form of each source itself; the misconceptions
that the checks recognise; the students' notebooks, made by nbgrader.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from coursekit.files import whole_file
from coursekit.lessons.canonical import canonical, notebook_text, read_notebook
from coursekit.lessons.course import Course
from coursekit.lessons.nbgrader import ReleaseError, generate, ignored_names
from coursekit.lessons.stamp import stamp

__all__ = ["Drift", "ReleaseError", "release"]

MISCONCEPTIONS = "coursekit/checking/misconceptions"
REMEDY = "run `python -m coursekit release` and commit what it changes"


@dataclass(frozen=True)
class Drift:
    """One derived file that is not what its source gives: its path from the course's root, and how."""

    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def release(course: Course, *, check: bool = False) -> list[Drift]:
    """Bring every derived file up to date; return what had drifted. `check=True` changes nothing.

    All files are made before the first is touched. ReleaseError or ValueError names the lesson that cannot be
    released, and then nothing is changed.
    """
    sources = _sources(course)
    misconceptions = _misconceptions(course)
    lessons = _lessons(course, sources)
    spare = [path for path in _files(course.root, MISCONCEPTIONS) if path not in misconceptions]
    strays = [path for path in _files(course.root, "lessons") if path not in lessons]
    drifts = _differing(course, sources, "not in canonical form")
    drifts += _differing(course, misconceptions, "differs from what the mutants give")
    released = _differing(course, lessons, "differs from what its source gives")
    released += [Drift(path, "has no source") for path in strays]
    if not check:
        for path, content in {**sources, **misconceptions}.items():
            _write(course.root / path, content)
        for path in spare:
            (course.root / path).unlink()
        if released:
            _replace_folder(course.root / "lessons", lessons)
    return [*drifts, *(Drift(path, "has no source") for path in spare), *released]


def _sources(course: Course) -> dict[str, bytes]:
    """Path from the root: canonical text, for each lesson's source notebook."""
    texts, taken = {}, set()
    for lesson in course.lessons:
        stamped = stamp(read_notebook(lesson.source), lesson.key, course.repository)
        notebook = canonical(stamped, lesson.key, taken=taken)
        taken |= {cell["id"] for cell in notebook["cells"]}
        texts[lesson.source.relative_to(course.root).as_posix()] = notebook_text(notebook).encode()
    return texts


def _misconceptions(course: Course) -> dict[str, bytes]:
    """Path from the root: JSON, for each lesson with mutants: what they give on the visible cases."""
    from coursekit.checking import derive_misconceptions

    texts = {}
    for lesson in course.lessons:
        if text := derive_misconceptions(lesson.key, root=course.root):
            texts[f"{MISCONCEPTIONS}/{lesson.key}.json"] = text.encode()
    return texts


def _lessons(course: Course, sources: dict[str, bytes]) -> dict[str, bytes]:
    """Path from the root: content, for every file that students get; nbgrader works on a copy elsewhere."""
    if not sources:
        return {}
    ignored = shutil.ignore_patterns(*ignored_names(course.root))
    with tempfile.TemporaryDirectory(prefix="release-", ignore_cleanup_errors=True) as folder:
        copy = Path(folder).resolve()
        shutil.copy(course.root / "nbgrader_config.py", copy)
        for lesson in course.lessons:
            place = lesson.source.parent
            shutil.copytree(place, copy / "solutions" / place.name, ignore=ignored)
        for path, content in sources.items():
            (copy / path).write_bytes(content)
        generate(copy)
        return {path: _released(copy / path) for path in _files(copy, "lessons")}


def _released(path: Path) -> bytes:
    """A released file's content; a notebook in our own layout, whatever version of nbgrader wrote it."""
    if path.suffix != ".ipynb":
        return path.read_bytes()
    return notebook_text(canonical(read_notebook(path), path.stem, released=True)).encode()


def _files(root: Path, inside: str) -> Iterator[str]:
    """Paths from `root` of the files under `inside`, sorted, without those that nbgrader ignores."""
    ignored = ignored_names(root)
    for path in sorted((root / inside).rglob("*")):
        parts = path.relative_to(root).parts
        if path.is_file() and not any(fnmatch(part, pattern) for part in parts for pattern in ignored):
            yield path.relative_to(root).as_posix()


def _differing(course: Course, wanted: dict[str, bytes], reason: str) -> list[Drift]:
    """The files that are missing on disk or not as `wanted`."""
    drifts = []
    for path, content in wanted.items():
        found = (course.root / path).read_bytes() if (course.root / path).is_file() else None
        if found is None:
            drifts.append(Drift(path, "missing"))
        elif found != content:
            drifts.append(Drift(path, f"{reason} ({_first_difference(found, content)})"))
    return drifts


def _first_difference(found: bytes, wanted: bytes) -> str:
    """Where two texts part, in words."""
    pair = found.splitlines(keepends=True), wanted.splitlines(keepends=True)
    for number, (left, right) in enumerate(zip(*pair, strict=False), start=1):
        if left != right:
            return f"line {number}"
    return f"line {min(map(len, pair)) + 1}"


def _write(path: Path, content: bytes) -> None:
    """Write a whole file; one that has this content already is left untouched."""
    if path.is_file() and path.read_bytes() == content:
        return
    with whole_file(path) as draft:
        draft.write_bytes(content)


def _replace_folder(folder: Path, wanted: dict[str, bytes]) -> None:
    """Put a folder made of `wanted` in the place of `folder`: two renames, undone when the second fails."""
    work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-"))
    try:
        for path, content in wanted.items():
            _write(work / "new" / Path(path).relative_to(folder.name), content)
        (work / "new").mkdir(exist_ok=True)
        if folder.exists():
            folder.rename(work / "old")
        try:
            (work / "new").rename(folder)
        except OSError:
            (work / "old").rename(folder)
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
