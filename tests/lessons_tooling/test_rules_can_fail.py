"""Each rule accepts a sound lesson and rejects one that breaks it: a rule that cannot fail guards nothing."""

import pytest

from coursekit.lessons import canonical, stamp
from coursekit.lessons.rules import RULES, broken_rules, leaks
from coursekit.lessons.rules.code import figures_without_alt

TITLE = "# A lesson\n\nAbout 60 minutes.\n\nAfter this lesson you can\n\n1. add\n2. count\n3. stop"
RUBRIC = "**Open question.** Why?\n\n*Rubric:* 2 points for a reason."
SUMMARY = "## Summary\n\nWe added.\n\n**Papers.** Euclid. **Next:** more."
TEST = 'check = Check("{name}", {name}, points=3)\ncheck.case(1, gives=1)\ncheck.marks()'


@pytest.fixture
def sound(make_cell, make_notebook):
    """A lesson that breaks no rule; its cells can be found by id."""
    cells = [make_cell("markdown", TITLE, "title"), make_cell("code", "seed = 0\nfast = True", "parameters")]
    cells[1]["metadata"]["tags"] = ["parameters"]
    for name in ("one", "two", "three", "four"):
        answer = f"def {name}(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION"
        test = {"grade_id": f"{name}-test", "grade": True, "points": 3}
        cells += [
            make_cell("markdown", f"Exercise: `{name}`.", f"ask-{name}"),
            make_cell("code", answer, nbgrader={"grade_id": name, "solution": True}),
            make_cell("code", TEST.format(name=name), nbgrader=test),
        ]
    cells += [
        make_cell("markdown", "A story:", "story"),
        make_cell("code", "import numpy as np\nfrom coursekit import load", "code"),
        make_cell("markdown", RUBRIC, "rubric"),
        make_cell(
            "markdown", "Because.", nbgrader={"grade_id": "o", "grade": True, "solution": True, "points": 2}
        ),
        make_cell("markdown", SUMMARY, "summary"),
    ]
    return canonical(stamp(make_notebook(*cells), "00_a", "https://github.com/a/b"), "00_a")


def place(notebook, cell_id) -> int:
    return [cell["id"] for cell in notebook["cells"]].index(cell_id)


def with_source(notebook, cell_id, source):
    notebook["cells"][place(notebook, cell_id)]["source"] = source


def test_a_sound_lesson_breaks_no_rule(sound):
    assert broken_rules(sound) == []


# rule, cell, its new source, words of the complaint
BY_SOURCE = [
    ("title", "title", "A lesson", "begin with '# '"),
    ("title", "title", TITLE.replace("60 minutes", "an hour"), "how long"),
    ("title", "title", TITLE.replace("3. stop", "and stop"), "lists 2 objectives"),
    ("title", "title", TITLE + "\n4. go\n5. run\n6. rest", "lists 6 objectives"),
    ("title", "title", TITLE.replace("you can", "perhaps"), "lists 0 objectives"),
    ("parameters", "parameters", "import os", "only assign constants"),
    ("parameters", "parameters", "seed = input()", "only assign constants"),
    ("sizes", "code", "\n".join(["x = 1"] * 16), "has 16 lines"),
    ("images", "story", "![a dot](https://example.org/dot.png)", "fetches the picture"),
    ("images", "story", '<img src="https://example.org/dot.png" alt="a dot">', "fetches the picture"),
    ("images", "story", "![](attachment:dot.png)", "without alt text"),
    ("images", "story", "<img src='data:image/png;base64,AA'>", "without alt text"),
    ("exercises", "one-test", TEST.format(name="two"), "one Check('one', …)"),
    ("exercises", "one-test", TEST.format(name="one").replace("points=3", "points=4"), "must say points=3"),
    ("exercises", "one-test", TEST.format(name="one").replace(", points=3", ""), "must say points=3"),
    ("exercises", "one-test", TEST.format(name="one") + "\nprint(1)", "end with check.marks()"),
    ("open question", "rubric", "Why?", "with the rubric"),
    ("summary", "summary", "## Summary\n\nNext: more.", "'papers'"),
    ("summary", "summary", "Papers. Next: more.", "'summary'"),
    ("summary", "summary", "Summary. Papers.", "'next'"),
    ("imports", "code", "from coursekit.metrics import ndcg", "the room coursekit.metrics"),
    ("imports", "code", "import coursekit.metrics", "the room coursekit.metrics"),
    ("imports", "code", "from coursekit import metrics", "coursekit's metrics"),
    ("imports", "code", "from coursekit import *", "coursekit's *"),
    ("imports", "code", "import coursekit\ncoursekit.metrics.ndcg", "coursekit's metrics"),
    ("imports", "code", "import coursekit as ck\nck.metrics", "by another name"),
    ("imports", "code", "def f():\n    import tensorflow", "tensorflow"),
    ("figures", "code", "from coursekit import plot_popularity\nplot_popularity([1])", "does not show"),
    ("figures", "code", "plt.plot([1])", "does not show"),
    ("figures", "code", "fig, ax = plt.subplots()", "does not show"),
    ("figures", "code", "ax.plot([1])", "does not show"),
    ("figures", "code", "frame.plot.bar()", "does not show"),
    ("figures", "code", "plt.plot([1])\nplt.show()", ".show()"),
    ("figures", "code", "plt.plot([1])\nshow(plt.gca())", "without alt text"),
    ("figures", "code", "plt.plot([1])\nshow(plt.gca(), alt='A figure.')", "too short"),
    ("tests", "one-test", "np.testing.assert_allclose(one([]), [])", "assert_allclose"),
    ("tests", "one-test", "assert np.allclose(one([]), [])", "allclose"),
    ("tests", "one-test", "assert torch.allclose(one(x), x)", "allclose"),
    ("tests", "one-test", TEST.format(name="one") + "\nassert one(2) == 4", "uses one itself"),
    ("tests", "one-test", "from numpy.testing import assert_allclose as same", "assert_allclose"),
]


@pytest.mark.parametrize(("rule", "cell_id", "source", "words"), BY_SOURCE)
def test_a_broken_cell_is_reported(sound, rule, cell_id, source, words):
    with_source(sound, cell_id, source)
    assert words in " ".join(RULES[rule](sound))


def test_a_setup_cell_elsewhere_or_twice_is_reported(sound):
    setup = sound["cells"].pop(place(sound, "setup-00_a"))
    assert list(RULES["setup"](sound)) == ["the first code cell must be tagged 'setup'"]
    sound["cells"][1:1] = [setup, setup]
    assert list(RULES["setup"](sound)) == ["more than one cell is tagged 'setup'"]


def test_a_missing_parameters_cell_is_reported(sound):
    del sound["cells"][place(sound, "parameters")]
    assert list(RULES["parameters"](sound)) == ["0 cells are tagged 'parameters', not one"]


def test_too_many_cells_are_reported(sound, make_cell):
    sound["cells"] += [make_cell("markdown", "more", f"more-{n}") for n in range(21)]
    assert list(RULES["sizes"](sound)) == ["41 cells, at most 40 are allowed"]


def test_code_without_words_before_it_is_reported(sound):
    sound["cells"] = [cell for cell in sound["cells"] if not cell["id"].startswith(("ask-", "story"))]
    assert "code cells have prose right before them" in " ".join(RULES["prose"](sound))


def test_too_few_exercises_are_reported(sound):
    sound["cells"] = [cell for cell in sound["cells"] if not cell["id"].startswith("four")]
    assert list(RULES["exercises"](sound)) == ["3 autograded exercises, at least 4 are needed"]


def test_a_test_without_points_or_answer_is_reported(sound):
    sound["cells"][place(sound, "one-test")]["metadata"]["nbgrader"]["points"] = 0
    del sound["cells"][place(sound, "two")]
    words = " ".join(RULES["exercises"](sound))
    assert "test 'one-test' gives no points" in words
    assert "test 'two-test' does not follow an answer cell" in words


def test_no_open_question_and_one_without_points_are_reported(sound):
    sound["cells"][place(sound, "o")]["metadata"]["nbgrader"]["points"] = 0
    assert list(RULES["open question"](sound)) == ["the open question o gives no points"]
    del sound["cells"][place(sound, "o")]
    assert "0 open questions" in " ".join(RULES["open question"](sound))


def test_a_described_figure_public_names_and_magic_lines_are_accepted(sound):
    good = "%pip list\nfrom coursekit import plot_popularity, show\nimport coursekit\ncoursekit.load\n"
    with_source(sound, "code", good + "show(plot_popularity([1]), alt='Bars that fall to the right.')")
    assert broken_rules(sound) == []


def test_an_executed_picture_without_alt_is_reported(make_cell, make_notebook):
    bare = {"data": {"image/png": "AA"}, "metadata": {}, "output_type": "display_data"}
    told = bare | {"metadata": {"image/png": {"alt": "a dot"}}}
    outputs = {"a": told, "b": bare}
    cells = [make_cell("code", "1", name) | {"outputs": [output]} for name, output in outputs.items()]
    assert figures_without_alt(make_notebook(*cells)) == ["b"]


MUTANTS = """
@mutant("one", name="off by one", says="You counted from one.")
def one_off(x):
    return x + 1 if isinstance(x, int) else None
"""
SECRETS = [
    ("secret_sum = sum(value for value in values)", "the solution of one"),
    ("check.case(hidden_input, gives=hidden_output)", "a hidden test of one-test"),
    ("Because the crowd is larger than the person.", "the solution of o"),
    ("return x + 1 if isinstance(x, int) else None", "the mutant one_off"),
    ("Remember: You counted from one.", "what the mutant one_off says"),
    ("### BEGIN HIDDEN TESTS", "the marker"),
]


@pytest.mark.parametrize(("line", "owner"), SECRETS)
def test_a_leaked_line_is_reported_with_its_owner(sound, line, owner):
    region = "### BEGIN {0}\n    {1}\n    ### END {0}"
    with_source(sound, "one", "def one(values):\n    " + region.format("SOLUTION", SECRETS[0][0]))
    with_source(sound, "one-test", "1\n    " + region.format("HIDDEN TESTS", SECRETS[1][0]))
    with_source(sound, "o", SECRETS[2][0])
    clean = "def one(values):\n    # YOUR CODE HERE\n    raise NotImplementedError"
    assert leaks(sound, clean, MUTANTS) == []
    assert owner in " ".join(leaks(sound, f"{clean}\n    {line}", MUTANTS))
