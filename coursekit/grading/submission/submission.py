"""What a learner handed in: the text of the answer cells, and nothing else of the files."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

from coursekit.grading.submission.cells import cells_of, text_of
from coursekit.grading.submission.handed_in import HandedIn, read_files, shown
from coursekit.grading.submission.matching import match
from coursekit.grading.template import Template


@dataclass(frozen=True)
class Submission:
    """One learner's answers to one lesson.

    Attributes:
        answers: the text by slot id; an answer cell that was not found has no key.
        notes: sentences for the learner and the instructor on what was odd and what it cost.
        digest: changes when anything that was read changes.
        timestamp: when it was handed in, in UTC without a time zone, as nbgrader stores it; None when
            it is not known.
    """

    answers: dict[str, str]
    notes: tuple[str, ...]
    digest: str
    timestamp: datetime | None


def read_submission(folder: Path, template: Template) -> Submission:
    """Read what lies in a submission's folder, in whatever state it is.

    Args:
        folder: `submitted/<student>/<lesson>`.
        template: the lesson.

    Returns:
        The answers that could be found. Damage costs the cells concerned and is told in the notes; nothing
        is raised, and nothing of the submission is run.
    """
    files = read_files(folder, template.key)
    timestamp, late_notes = _timestamp(files.timestamp)
    answers: dict[str, str] = {}
    notes = [*files.notes, *late_notes]
    if files.name:
        cells, damage = cells_of(files.notebook)
        answers, found = match(cells, template) if cells else ({}, [])
        notes += [*damage, *found]
    return Submission(answers, tuple(notes), _digest(files), timestamp)


def _digest(files: HandedIn) -> str:
    parts = [files.name.encode("utf-8", "surrogateescape"), files.notebook, files.timestamp]
    parts += [note.encode("utf-8", "backslashreplace") for note in files.notes]
    # Digests of the parts, not the parts: where one ends and the next begins must make a difference.
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()


def _timestamp(data: bytes) -> tuple[datetime | None, list[str]]:
    """The time in `timestamp.txt`: ISO, or as nbgrader writes it, with a name for the time zone."""
    if not data:
        return None, []
    text = text_of(data)[0].strip()
    day_and_time, _, zone = text.rpartition(" ")
    for stamp, name in ((text, "UTC"), (day_and_time + zone, "UTC"), (day_and_time, zone)):
        try:
            time = datetime.fromisoformat(stamp)
            known, note = _zone(name)
            aware = time if time.tzinfo else time.replace(tzinfo=known)
            return aware.astimezone(UTC).replace(tzinfo=None), note
        except (ValueError, OverflowError):
            continue
    return None, [f"`timestamp.txt` holds no time but `{shown(text)}`; the time of handing in is not known."]


def _zone(name: str) -> tuple[tzinfo, list[str]]:
    if name == "UTC":  # nbgrader's own; a machine may lack the table of all others
        return UTC, []
    if not name[:1].isalpha():
        raise ValueError(f"{name!r} is no time zone")
    try:
        return ZoneInfo(name), []  # it looks up a name below its own folders only
    except (LookupError, ValueError, OSError):
        return UTC, [
            f"`timestamp.txt` names the time zone `{shown(name)}`, which is not known: taken as UTC."
        ]
