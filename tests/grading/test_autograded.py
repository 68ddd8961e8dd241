"""The rebuilt notebook: what stock nbgrader reads from it, and that a learner's text stays text."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest

from coursekit.grading.pages.autograded import INSTRUCTOR_ONLY, autograded_notebook, write_autograded
from coursekit.grading.pages.receipt import write_receipts
from coursekit.grading.pages.untrusted import SHOWN, markdown_source, prose_html, visible
from coursekit.grading.results import Flag, Mark, Result
from coursekit.grading.template import Template
from coursekit.lessons.course import Course

ROOT = Path(__file__).resolve().parents[2]
KEY = "00_welcome"
HOSTILE = [
    "<script>document.title = 'x'</script>",
    "<img src=x onerror=alert(1)>",
    "![r](http://evil.example/x.png)",
    "![a](attachment:x.png)",
    "\\![r](http://evil.example/x.png)",
    "```\na\n\n![r](http://evil.example/x.png)\n```",
    "[click](javascript:alert(1))",
    "[click](/formgrader/?path=submitted)",
    "<https://evil.example>",
    "https://evil.example/auto",
    "[a]: javascript:alert(1)\n\n[a]",
    "</div></div><iframe src=//evil.example></iframe>",
    "<style>body { display: none }</style>",
    "$\\href{javascript:alert(1)}{x}$",
    "$$x<img src=x>$$",
    "&lt;script&gt;",
    "&#60;script&#62;",
    "<svg/onload=alert(1)>",
    "<!-- -->",
    "<![CDATA[<script>]]>",
    '<a href="javascript:1">x',
    "<form action=//evil.example><input name=a>",
    "\\begin{x}<b>\\end{x}",
]
# What nbgrader_config.py says so that stock feedback leaves out the cell with the flags.
SPICES = [
    "`",
    "``",
    "```\n",
    "~~~\n",
    "\n\n",
    "\n",
    "    ",
    "> ",
    "- ",
    "1. ",
    "*",
    "_",
    "|",
    "\\",
    "&",
    "\u202e",
    "# ",
]


@pytest.fixture(scope="module")
def template() -> Template:
    return Template.of(Course(ROOT).lesson(KEY))


def graded(template: Template, points: float | None = None, **changes) -> Result:
    """A result with full marks, or with `points` and a message everywhere."""
    marks = tuple(
        Mark(one.name, f"{one.name}-test", one.points if points is None else points, one.points)
        for one in template.exercises
    )
    return Result(**{"student": "ada", "lesson": KEY, "fingerprint": "f", "marks": marks, **changes})


def cell(notebook: dict, name: str) -> dict:
    return next(one for one in notebook["cells"] if one["id"] == name)


def rendered(path: Path, template_name: str = "formgrade") -> str:
    """The page as formgrader makes it."""
    from nbconvert.exporters import HTMLExporter
    from nbgrader.server_extensions.formgrader import handlers
    from traitlets.config import Config

    config = Config()
    config.HTMLExporter.template_name = template_name
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    resources = {"base_url": "", "index": 0, "total": 1, "student": "ada", "notebook_path": "x"}
    return HTMLExporter(config=config).from_filename(str(path), resources=resources)[0]


class Tags(HTMLParser):
    """Collects every tag with its attributes, and the text between them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, tuple]] = []
        self.text = ""
        self.feed(page)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, tuple(sorted(attrs))))

    def handle_data(self, data):
        self.text += data


def dangerous(page: str) -> set:
    """Tags and attributes that load, run, link or submit something."""
    names = {
        "script",
        "iframe",
        "img",
        "svg",
        "style",
        "form",
        "input",
        "object",
        "embed",
        "link",
        "meta",
        "a",
    }
    found = {tag for tag, _ in Tags(page).tags if tag in names}
    return found | {name for _, attrs in Tags(page).tags for name, _ in attrs if name not in ("id", "class")}


def test_all_but_the_answers_is_the_release_and_nothing_of_it_was_lost(template):
    solved = {slot.id: f"# mine: {slot.id}" for slot in template.slots}
    notebook = autograded_notebook(template, graded(template, answers=solved))
    assert [one["id"] for one in notebook["cells"]] == [one["id"] for one in template.released["cells"]]
    for ours, released in zip(notebook["cells"], template.released["cells"], strict=True):
        assert ours["metadata"] == released["metadata"]
        if released["id"] in solved and released["cell_type"] == "code":
            assert ours["source"] == solved[released["id"]]
        elif released["id"] not in solved:
            assert ours["source"] == released["source"]


def test_no_solution_and_no_hidden_test_is_in_it(template):
    text = json.dumps(autograded_notebook(template, graded(template)))
    assert "BEGIN HIDDEN" not in text
    assert "BEGIN SOLUTION" not in text
    assert (
        autograded_notebook(template, graded(template, marks=()))["cells"][0]["id"]
        == (template.released["cells"][0]["id"])
    )


@pytest.mark.parametrize("points", [0.0, 0.1 + 0.2, 1, 2.0])
def test_nbgrader_reads_the_same_points_again(template, tmp_path, points):
    from nbgrader.nbgraderformat import read
    from nbgrader.utils import determine_grade

    path = tmp_path / "deep" / f"{KEY}.ipynb"
    write_autograded(template, graded(template, points), path)
    notebook = read(str(path), as_version=4)  # validates notebook and nbgrader's metadata
    tests = [one for one in notebook.cells if one.id.endswith("-test")]
    assert len(tests) == len(template.exercises)
    assert [determine_grade(one)[0] for one in tests] == [points] * len(tests)


def test_a_test_cell_without_a_mark_is_worth_nothing(template, tmp_path):
    from nbgrader.nbgraderformat import read
    from nbgrader.utils import determine_grade

    write_autograded(template, graded(template, marks=()), tmp_path / "a.ipynb")
    notebook = read(str(tmp_path / "a.ipynb"), as_version=4)
    assert {determine_grade(one)[0] for one in notebook.cells if one.id.endswith("-test")} == {0.0}


@pytest.mark.parametrize(
    ("answer", "points"), [(None, 0), ("", 0), (" \n", 0), ("YOUR ANSWER HERE\n", 0), ("Because.", None)]
)
def test_only_a_written_answer_waits_for_a_person(template, tmp_path, answer, points):
    from nbgrader.nbgraderformat import read
    from nbgrader.utils import determine_grade

    answers = {} if answer is None else {"open-00": answer}
    write_autograded(template, graded(template, answers=answers), tmp_path / "a.ipynb")
    notebook = read(str(tmp_path / "a.ipynb"), as_version=4)
    assert determine_grade(next(one for one in notebook.cells if one.id == "open-00"))[0] == points


def test_the_message_stands_before_the_points_as_plain_text(template):
    mark = Mark("overlap", "overlap-test", 1, 2, "overlap: 1 of 2 points. \x1b[31m<b>\n  overlap([], [])")
    notebook = autograded_notebook(template, graded(template, marks=(mark,)))
    said, points = cell(notebook, "overlap-test")["outputs"]
    assert said["text"] == "overlap: 1 of 2 points. \\x1b[31m<b>\n  overlap([], [])\n"
    assert points["data"] == {"text/plain": "1.0"}


def test_flags_stand_in_a_cell_of_their_own_that_is_for_instructors(template):
    flags = (Flag("overlap", 3, "It reads `sys._getframe`."), Flag("overlap", None, "<script>"))
    notebook = autograded_notebook(template, graded(template, notes=("A note.",), flags=flags))
    note, flagged = notebook["cells"][:2]
    assert "A note." in note["source"]
    assert "tags" not in note["metadata"]
    assert flagged["metadata"]["tags"] == [INSTRUCTOR_ONLY]
    assert "overlap, line 3" in Tags(flagged["source"]).text
    assert "<script>" in Tags(flagged["source"]).text
    assert not dangerous(flagged["source"])


@pytest.mark.parametrize("text", HOSTILE)
def test_no_piece_of_html_survives(text):
    assert not dangerous(prose_html(text))
    assert not dangerous(markdown_source(prose_html(text)))


def test_prose_neither_loads_nor_runs_nor_links_in_formgrader(template, tmp_path):
    text = "\n\n".join(HOSTILE)
    plain = tmp_path / "plain.ipynb"
    write_autograded(template, graded(template, answers={"open-00": "words"}), plain)
    hostile = tmp_path / "hostile.ipynb"
    write_autograded(template, graded(template, answers={"open-00": text}), hostile)
    usual, page = Tags(rendered(plain)), Tags(rendered(hostile))
    added = [one for one in page.tags if one not in usual.tags]
    assert added == [], "a tag or attribute that the page did not have with a harmless answer"
    for name in ("a", "img", "script", "iframe", "link", "style", "form"):
        assert sum(tag == name for tag, _ in page.tags) == sum(tag == name for tag, _ in usual.tags)


@pytest.mark.parametrize("seed", range(40))
def test_mixtures_of_markdown_and_html_stay_words(seed):
    from nbconvert.filters import markdown2html

    chance = random.Random(seed)
    text = "".join(chance.choice(chance.choice([HOSTILE, SPICES, SPICES])) for _ in range(60))
    once = prose_html(text)
    again = markdown2html(markdown_source(once))
    assert not dangerous(once)
    assert dangerous(again) <= {"a", "href"}, "nbconvert gives headings an anchor"
    assert "javascript" not in str([attrs for _, attrs in Tags(again).tags])
    assert Tags(again).text.replace("¶", "").split() == Tags(once).text.split(), (
        "read a second time as Markdown"
    )


def test_honest_prose_keeps_its_form():
    text = (
        "# Idea\n\nIt is *much* better: `x[0] < 3`.\n\n1. one\n2. two\n\n|a|b|\n|-|-|\n|1|2|\n\n$a_1 * b_2$"
    )
    page = prose_html(text)
    for part in ("<h1>Idea</h1>", "<em>much</em>", "<code>x[0] &lt; 3</code>", "<li>two</li>", "<td>2</td>"):
        assert part in page
    assert "$a_1 * b_2$" in page


def test_links_and_images_are_shown_as_words_and_address():
    page = prose_html("[paper](https://example.org/p) and ![plot](plot.png) and <https://example.org>")
    assert page == (
        "<p>paper (https://example.org/p) and [image: plot (plot.png)] and https://example.org</p>\n"
    )


def test_what_is_hidden_in_a_text_is_spelt_out_and_the_rest_is_kept():
    assert visible("a\r\nb\rc\td \u202e\x1b[31m\x00\ud800 中文 é 👩‍🔬") == (
        "a\nb\nc\td \\u202e\\x1b[31m\\x00\\ud800 中文 é 👩‍🔬"
    )


def test_a_giant_text_is_cut_and_the_cut_is_told(template):
    giant = "x = '" + "a" * 100_000 + "'"
    shown = cell(autograded_notebook(template, graded(template, answers={"overlap": giant})), "overlap")
    assert len(shown["source"]) < SHOWN + 100
    assert shown["source"].endswith("80,006 more characters are not shown here.")
    assert len(prose_html("word " * 100_000)) < SHOWN + 200


@pytest.fixture(scope="module")
def course(template, tmp_path_factory) -> Path:
    """A course with one graded submission of Ada, made with stock nbgrader but for the notebook."""
    from nbgrader.api import Gradebook

    root = tmp_path_factory.mktemp("course")
    shutil.copytree(ROOT / "solutions" / KEY, root / "solutions" / KEY)
    settings = (ROOT / "nbgrader_config.py").read_text()
    exchange = f"c.Exchange.root = {str(root / 'exchange')!r}"
    (root / "nbgrader_config.py").write_text(f"{settings}\n{exchange}\n")
    (root / "exchange").mkdir()
    nbgrader(root, "generate_assignment", KEY)
    remarks = {"notes": ("A note.",), "flags": (Flag("overlap", 1, "It reads the caller."),)}
    result = graded(template, 1.0, answers={"overlap": "x = 1", "open-00": "Because."}, **remarks)
    with Gradebook(f"sqlite:///{root / 'gradebook.db'}") as gradebook:
        gradebook.add_student("ada")
        gradebook.add_submission(KEY, "ada", timestamp=datetime(2026, 1, 2))
        for mark in result.marks:
            gradebook.find_grade(mark.test, KEY, KEY, "ada").auto_score = mark.points
        gradebook.db.commit()
    folder = root / "autograded" / "ada" / KEY
    write_autograded(template, result, folder / f"{KEY}.ipynb")
    write_receipts(root / "submitted" / "ada" / KEY, "2026-01-02T00:00:00", folder)
    return root


def nbgrader(root: Path, *command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *command], cwd=root, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_stock_nbgrader_makes_and_releases_its_feedback_from_it(course):
    nbgrader(course, "generate_feedback", KEY)
    page = (course / "feedback" / "ada" / KEY / f"{KEY}.html").read_text("utf-8")
    assert "(Score: 5.0 / 18.0)" in page
    assert "A note." in page
    assert "It reads the caller." not in page, "flags are for the instructor"
    nbgrader(course, "release_feedback", KEY)
    released = list((course / "exchange" / "coursekit" / "feedback").glob("*.html"))
    assert [file.read_text("utf-8") for file in released] == [page]
