"""What every lesson carries from pyproject's project URLs: the setup cell and the link to Colab."""

import subprocess
import sys

import pytest

from coursekit.lessons import canonical, stamp
from coursekit.lessons.stamp import colab_link, setup_source

URL = "https://github.com/someone/course"
LINK = (
    "[Open in Colab](https://colab.research.google.com/github/someone/course/blob/main/"
    "lessons/00_welcome/00_welcome.ipynb)"
)


@pytest.fixture
def stamped(lesson_content):
    return canonical(stamp(lesson_content, "00_welcome", URL), "00_welcome")


def test_setup_cell_comes_before_all_other_code(stamped):
    first = next(cell for cell in stamped["cells"] if cell["cell_type"] == "code")
    assert first["source"] == setup_source(URL)
    assert first["metadata"]["tags"] == ["setup"]
    assert f'%pip install -q "coursekit @ git+{URL}"' in first["source"]


def test_link_follows_the_title(stamped):
    assert stamped["cells"][0]["source"].split("\n")[:3] == ["# 00 Welcome", "", LINK]


def test_stamping_twice_changes_nothing(stamped):
    assert stamp(stamped, "00_welcome", URL) == stamped


def test_another_address_is_stamped_over_the_first(stamped):
    other = stamp(stamped, "00_welcome", "https://github.com/other/fork")
    text = other["cells"][0]["source"] + other["cells"][1]["source"]
    assert text.count("other/fork") == 2
    assert "someone" not in text
    assert stamp(other, "00_welcome", URL) == stamped


def test_an_address_that_colab_cannot_open_gets_no_link(stamped):
    other = stamp(stamped, "00_welcome", "https://example.org/course")
    assert colab_link("https://example.org/course", "00_welcome") is None
    assert "Colab" not in other["cells"][0]["source"]
    assert "git+https://example.org/course" in other["cells"][1]["source"]


def test_a_lesson_without_a_title_is_named(make_cell, make_notebook):
    with pytest.raises(ValueError, match="00_welcome: the first cell must be Markdown"):
        stamp(make_notebook(make_cell("code", "1")), "00_welcome", URL)


def test_setup_cell_runs_where_coursekit_is_installed():
    # Python needs the magic line as a comment; the branch that holds it must not be taken.
    text = setup_source(URL).replace("%pip", "raise SystemExit('not installed')  #")
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()[0]) == (0, "coursekit")
