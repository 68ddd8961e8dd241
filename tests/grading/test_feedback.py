"""The page that goes back to a learner: what it says, and what must never be in it."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from coursekit.grading.gradebook import ManualGrade
from coursekit.grading.pages.feedback import feedback_page, page_fingerprint, write_feedback
from coursekit.grading.results import Flag, Mark, Result
from coursekit.grading.template import Template
from coursekit.lessons.course import Course

ROOT = Path(__file__).resolve().parents[2]
MESSAGE = (
    "popular-unseen: 1 of 3 points. Leave out every column where `table[learner]` is 1.\n"
    "  popular_unseen(array([[1, 0, 1]]), 0, 2)\n"
    "  expected: [1]\n"
    "  received: '<img src=x onerror=alert(1)>\x1b[31m'"
)


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text without the style sheet."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.text = ""
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.tags and self.tags[-1][0] != "style":
            self.text += data

    def values(self, name: str) -> list[str]:
        return [attrs[name] for _, attrs in self.tags if name in attrs]


@pytest.fixture(scope="module")
def template() -> Template:
    return Template.of(Course(ROOT).lesson("00_welcome"))


@pytest.fixture
def full(template) -> Result:
    marks = tuple(Mark(one.name, f"{one.name}-test", one.points, one.points) for one in template.exercises)
    answers = {one.name: f"def {one.variable}(): pass  # mine" for one in template.exercises}
    return Result("ada", "00_welcome", "f1", marks, {**answers, "open-00": "Because *I* say so."})


def with_mark(result: Result, mark: Mark) -> Result:
    return replace(result, marks=tuple(mark if one.test == mark.test else one for one in result.marks))


def section(page: str, name: str) -> str:
    """The text of one exercise's section."""
    return Page(re.search(rf'<section aria-labelledby="{name}">.*?</section>', page, re.DOTALL)[0]).text


def test_full_marks_are_told_in_words(template, full):
    page = feedback_page(template, full, {"open-00": ManualGrade(4, 4)})
    assert "18 of 18 points" in Page(page).text
    assert page.count("full points") == 6
    assert "so far" not in page


def test_a_missed_exercise_shows_the_sentence_and_the_input(template, full):
    page = feedback_page(
        template, with_mark(full, Mark("popular-unseen", "popular-unseen-test", 1, 3, MESSAGE)), {}
    )
    text = section(page, "popular-unseen")
    assert "1 of 3 points: part of the points" in text
    assert "Leave out every column where table[learner] is 1." in text
    assert "\nexpected: [1]\n" in text
    assert "received: '<img src=x onerror=alert(1)>\\x1b[31m'" in text
    assert "popular-unseen: 1 of 3 points." not in text
    assert "# mine" in text


def test_an_open_question_waits_for_a_person_and_is_not_zero(template, full):
    for manual in ({}, {"open-00": ManualGrade(None, 4, "", pending=True)}):
        page = feedback_page(template, full, manual)
        assert "14 of 18 points so far" in Page(page).text
        assert "4 of them wait for a person" in Page(page).text
        assert "– of 4 points: will be graded by hand" in section(page, "open-00")


def test_points_and_comment_of_a_person_are_shown(template, full):
    page = feedback_page(template, full, {"open-00": ManualGrade(2.5, 4, "Say <i>how</i>.\nThen why.")})
    text = section(page, "open-00")
    assert "2.5 of 4 points: part of the points" in text
    assert "Say <i>how</i>.\nThen why." in text
    assert "Because I say so." in text
    assert "<em>I</em>" in page


def test_a_mark_that_a_person_changed_counts_and_is_told(template, full):
    page = feedback_page(template, full, {"overlap-test": ManualGrade(0.5, 2, "Copied from the lecture.")})
    text = section(page, "overlap")
    assert "0.5 of 2 points: part of the points (set by a person; the grader gave 2)" in text
    assert "Copied from the lecture." in text
    assert "12.5 of 18 points so far" in Page(page).text


def test_an_unanswered_question_is_nobodys_work(template, full):
    for text in ("", "  \n", "YOUR ANSWER HERE"):
        page = feedback_page(template, replace(full, answers={"open-00": text}), {})
        assert "0 of 4 points: no points yet" in section(page, "open-00")
        assert "No answer was found in this cell." in section(page, "open-00")
        assert "so far" not in page


def test_a_lesson_of_which_nothing_was_graded_still_has_a_page(template):
    page = feedback_page(template, Result("ada", "00_welcome", "f", (), notes=("No notebook.",)), {})
    assert "0 of 4 points" in Page(page).text
    assert "No notebook." in Page(page).text


def test_the_page_loads_and_runs_nothing(template, full):
    marked = with_mark(full, Mark("popular-unseen", "popular-unseen-test", 1, 3, MESSAGE))
    evil = "</pre></script><script>alert(1)</script><img src=//evil.example/x onerror=alert(1)>"
    answers = {**marked.answers, "overlap": evil, "open-00": f"{evil}\n\n[x](javascript:alert(1))"}
    notes = (evil, f"`{evil}`")
    manual = {"open-00": ManualGrade(1, 4, evil), "overlap-test": ManualGrade(1, 2, evil)}
    page = Page(feedback_page(template, replace(marked, student=evil, answers=answers, notes=notes), manual))
    assert {tag for tag, _ in page.tags}.isdisjoint(
        {"script", "img", "iframe", "link", "object", "form", "base"}
    )
    assert all(address.startswith("#") for address in page.values("href"))
    allowed = {
        "class",
        "id",
        "href",
        "scope",
        "lang",
        "dir",
        "role",
        "tabindex",
        "charset",
        "name",
        "content",
    }
    allowed |= {"http-equiv", "width", "height", "viewbox", "preserveaspectratio"}
    given = {name for _, attrs in page.tags for name in attrs if not name.startswith("aria-")}
    assert given <= allowed


def test_the_security_policy_admits_this_style_sheet_and_nothing_else(template, full):
    source = feedback_page(template, full, {})
    style = re.search(r"<style>(.*?)</style>", source, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = next(attrs for _, attrs in Page(source).tags if "http-equiv" in attrs)
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"] == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in style
    assert "@import" not in style


@pytest.mark.parametrize("key", [lesson.key for lesson in Course(ROOT).lessons])
def test_no_solution_no_test_no_flag_and_no_path_is_in_it(key):
    template = Template.of(Course(ROOT).lesson(key))
    marks = tuple(Mark(one.name, f"{one.name}-test", 0, one.points, "Wrong.") for one in template.exercises)
    result = Result("ada", key, "f", marks, flags=(Flag("x", 1, "It reads the caller."),))
    page = Page(feedback_page(template, result, {})).text
    cells = [one["source"] for one in template.source["cells"] if "nbgrader" in one["metadata"]]
    title = template.released["cells"][0]["source"].split("\n")[0]
    lines = {line.strip() for source in cells for line in source.split("\n")} - {""}
    assert not [line for line in lines if len(line) > 12 and line in page and line not in title]
    assert "reads the caller" not in page
    assert str(ROOT) not in page


def test_a_reader_hears_every_section_and_no_id_is_used_twice(template, full):
    page = Page(feedback_page(template, replace(full, notes=("A note.",)), {}))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    assert set(page.values("aria-labelledby")) <= set(ids)
    assert {address[1:] for address in page.values("href")} <= set(ids)
    assert page.values("lang") == ["en"]
    assert all("aria-hidden" in attrs for tag, attrs in page.tags if tag == "svg")


def test_giant_answers_are_cut(template, full):
    answers = {"overlap": "x" * 10**6, "open-00": "word " * 10**5}
    page = feedback_page(template, replace(full, answers=answers), {})
    assert len(page) < 80_000
    assert "980,000 more characters are not shown here" in page


@pytest.mark.parametrize("fingerprint", ["f1", "a" * 64, 'odd "&<> é'])
def test_the_page_tells_which_result_it_shows(template, full, tmp_path, fingerprint):
    path = tmp_path / "feedback" / "ada" / "00_welcome" / "00_welcome.html"
    write_feedback(template, replace(full, fingerprint=fingerprint), {}, path)
    assert page_fingerprint(path) == fingerprint
    assert [file.name for file in path.parent.iterdir()] == ["00_welcome.html"]


@pytest.mark.parametrize("content", [None, b"", b"<html>stock page</html>", b"\xff\xfe\x00"])
def test_a_page_of_somebody_else_shows_no_result(tmp_path, content):
    if content is not None:
        (tmp_path / "page.html").write_bytes(content)
    assert page_fingerprint(tmp_path / "page.html") is None
