"""Compare what grading gave with what had to be given, and tell the kinds of error apart."""

from __future__ import annotations

import html.parser
from collections.abc import Iterator
from pathlib import Path

from coursekit.grading import Result
from tests.grading.corpus.entry import Entry, points

_ACTIVE = {
    "script",
    "iframe",
    "object",
    "embed",
    "form",
    "base",
    "link",
    "frame",
    "applet",
    "input",
    "button",
}


def faults(entry: Entry, result: Result | None) -> Iterator[str]:
    """Sentences on what is wrong with a submission's result, each with its kind in front."""
    if result is None:
        if not entry.refused:
            yield f"lost: {entry.name} has no result"
        return
    for mark in result.marks:
        expected = entry.earns.get(mark.exercise, 0)
        if mark.max_points != points(entry.lesson)[mark.exercise]:
            yield f"stolen: {entry.name} made {mark.exercise} worth {mark.max_points}"
        if mark.exercise not in entry.unsure and mark.points != expected:
            kind = "stolen" if mark.points > expected else "harmed"
            yield (
                f"{kind}: {entry.name} has {mark.points:g} for {mark.exercise}, not {expected:g}: "
                f"{mark.message[:300]!r} {list(result.notes)[:3]}"
            )
    if [mark.exercise for mark in result.marks] != list(points(entry.lesson)):
        yield f"lost: {entry.name} has marks for {[mark.exercise for mark in result.marks]}"
    if entry.flagged is not None and bool(result.flags) != entry.flagged:
        yield f"{'not flagged' if entry.flagged else 'suspected'}: {entry.name}: {list(result.flags)[:2]}"
    told = [*(mark.message for mark in result.marks), *result.notes, *(flag.reason for flag in result.flags)]
    if len(told) > 200 or max(map(len, told)) > 5_000:
        yield f"too long: {entry.name}: {len(told)} texts, the longest of {max(map(len, told))} characters"
    if entry.noted and not result.notes:
        yield f"not told: {entry.name} has no note"
    if entry.kind == "honest" and result.notes:
        yield f"told without need: {entry.name}: {result.notes}"


def active_parts(page: Path) -> list[str]:
    """Whatever in a page could run, load or send something."""
    reader = _Reader()
    reader.feed(page.read_text("utf-8"))
    return reader.found


class _Reader(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: (value or "").strip().lower() for name, value in attributes}
        refresh = tag == "meta" and given.get("http-equiv") == "refresh"
        events = [name for name in given if name.startswith("on")]
        links = [given[name] for name in ("src", "href", "action", "srcset", "xlink:href") if name in given]
        outside = [link for link in links if not link.startswith(("#", "data:image/", "https://", "http://"))]
        loads = [given[name] for name in ("src", "srcset") if "//" in given.get(name, "")]
        if tag in _ACTIVE or refresh or events or outside or loads:
            self.found.append(self.get_starttag_text() or tag)
