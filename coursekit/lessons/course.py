"""Where the course stands on disk: its lessons, its folders, its address."""

import re
import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

LESSON_KEY = re.compile(r"\d\d_[a-z0-9_]+")


@dataclass(frozen=True)
class Lesson:
    """One lesson: its `key` as in `02_similarity`, `source` its solution, `released` what students get."""

    key: str
    source: Path
    released: Path

    @property
    def number(self) -> int:
        """The lesson's place in the course, from its key."""
        return int(self.key[:2])


@dataclass(frozen=True)
class Course:
    """A checkout of the course; `root` is the folder with `pyproject.toml`, `solutions/` and `lessons/`."""

    root: Path

    @classmethod
    def find(cls, start: Path | None = None) -> "Course":
        """Find the checkout that holds `start` (default: the working folder), else coursekit's own.

        FileNotFoundError when there is neither, as when coursekit was installed from a wheel.
        """
        start = Path.cwd() if start is None else Path(start).resolve()
        package = Path(__file__).resolve().parents[1]
        for folder in (start, *start.parents, package.parent):
            if (folder / "solutions").is_dir() and _project(folder).get("name") == "coursekit":
                return cls(folder)
        raise FileNotFoundError(
            f"no checkout of the course holds {start}: clone the repository and run this command inside it"
        )

    @cached_property
    def lessons(self) -> list[Lesson]:
        """All lessons that have a source notebook, in the course's order."""
        folders = sorted((self.root / "solutions").iterdir())
        keys = [folder.name for folder in folders if LESSON_KEY.fullmatch(folder.name)]
        found = [self._lesson(key) for key in keys]
        return [lesson for lesson in found if lesson.source.is_file()]

    def lesson(self, name: str) -> Lesson:
        """The lesson called `name`: `2`, `02`, `similarity`, `02_similarity` or a path to its notebook.

        LookupError lists the lessons there are.
        """
        stem = Path(name).stem
        for lesson in self.lessons:
            number, topic = lesson.key.split("_", 1)
            if stem in (lesson.key, number, topic) or (stem.isdecimal() and int(stem) == lesson.number):
                return lesson
        known = ", ".join(lesson.key for lesson in self.lessons) or "none"
        raise LookupError(f"there is no lesson {name!r}; the lessons are: {known}")

    @cached_property
    def repository(self) -> str:
        """The repository's address, from pyproject's project URLs: the one place where it is written."""
        url = _project(self.root).get("urls", {}).get("Repository")
        if not url:
            raise KeyError(f"{self.root / 'pyproject.toml'} has no [project.urls] Repository: write it there")
        return url.rstrip("/").removesuffix(".git")

    def _lesson(self, key: str) -> Lesson:
        inner = Path(key) / f"{key}.ipynb"
        return Lesson(key, self.root / "solutions" / inner, self.root / "lessons" / inner)


def _project(folder: Path) -> dict:
    """The [project] table of a folder's pyproject.toml; empty when there is none."""
    file = folder / "pyproject.toml"
    return tomllib.loads(file.read_text("utf-8")).get("project", {}) if file.is_file() else {}
