"""Rules about a lesson's shape: its opening, its exercises, its end, its sizes."""

import ast
import re
from collections.abc import Iterator

from coursekit.lessons.rules.cells import is_answer, is_open, is_test, nbgrader, python, tagged

MOST_CELLS = 40
MOST_LINES = 15
FEWEST_EXERCISES = 4
MINUTES = re.compile(r"\b\d{1,3}\s+minutes\b|\bminutes\W{1,6}\d{1,3}\b", re.IGNORECASE)
OBJECTIVES = re.compile(r"\bobjectives\b|\byou can\b", re.IGNORECASE)
MARK = re.compile(r"### (BEGIN|END) (SOLUTION|HIDDEN TESTS)")
ITEM = re.compile(r"(?:[-*+]|\d+[.)])\s+\S")
PICTURE = re.compile(r"!\[(?P<alt>[^\]]*)\]\((?P<target>[^)]*)\)|<img\b(?P<tag>[^>]*)>", re.IGNORECASE)


def title(notebook: dict) -> Iterator[str]:
    """The first cell has a title, says how many minutes the lesson takes and lists 3 to 5 objectives."""
    first = notebook["cells"][0]
    if first["cell_type"] != "markdown" or not first["source"].startswith("# "):
        yield "the first cell must be Markdown and begin with '# ' and the title"
    if not MINUTES.search(first["source"]):
        yield "the first cell does not say how long the lesson takes, as in 'About 60 minutes'"
    count = _objectives(first["source"])
    if not 3 <= count <= 5:
        yield f"the first cell lists {count} objectives after 'Objectives' or 'you can', not 3 to 5"


def _objectives(text: str) -> int:
    """How many list items follow the line that announces objectives."""
    lines = [line.strip() for line in text.split("\n")]
    starts = [place for place, line in enumerate(lines) if OBJECTIVES.search(line) and not ITEM.match(line)]
    return sum(bool(ITEM.match(line)) for line in lines[starts[0] :]) if starts else 0


def setup(notebook: dict) -> Iterator[str]:
    """The first code cell is the setup cell that the release stamps, and the only one."""
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    if not code or not tagged(code[0], "setup"):
        yield "the first code cell must be tagged 'setup'"
    if sum(tagged(cell, "setup") for cell in code) > 1:
        yield "more than one cell is tagged 'setup'"


def parameters(notebook: dict) -> Iterator[str]:
    """One cell is tagged `parameters`, and it only assigns constants, so that papermill can set them."""
    cells = [cell for cell in notebook["cells"] if tagged(cell, "parameters")]
    if len(cells) != 1:
        yield f"{len(cells)} cells are tagged 'parameters', not one"
    for cell in cells:
        for statement in python(cell).body:
            if not isinstance(statement, ast.Assign | ast.AnnAssign) or not _is_literal(statement.value):
                yield f"the parameters cell may only assign constants, not {ast.unparse(statement)!r}"


def _is_literal(node: ast.expr | None) -> bool:
    try:
        ast.literal_eval(node)
    except (ValueError, TypeError):
        return False
    return True


def sizes(notebook: dict) -> Iterator[str]:
    """At most 40 cells, 15 lines in a code cell; blank lines and nbgrader's marks do not count."""
    if (count := len(notebook["cells"])) > MOST_CELLS:
        yield f"{count} cells, at most {MOST_CELLS} are allowed"
    for cell in notebook["cells"]:
        lines = sum(bool(line.strip()) and not MARK.search(line) for line in cell["source"].split("\n"))
        if cell["cell_type"] == "code" and lines > MOST_LINES:
            yield f"cell {cell['id']} has {lines} lines, at most {MOST_LINES} are allowed"


def prose(notebook: dict) -> Iterator[str]:
    """Words stand right before most code cells; setup, parameters and test cells need none."""
    pairs = list(zip(notebook["cells"], notebook["cells"][1:], strict=False))
    own = [
        (before, cell)
        for before, cell in pairs
        if cell["cell_type"] == "code"
        and not (tagged(cell, "setup") or tagged(cell, "parameters") or is_test(cell))
    ]
    explained = sum(before["cell_type"] == "markdown" for before, _ in own)
    if 2 * explained <= len(own):
        yield f"only {explained} of {len(own)} code cells have prose right before them"


def images(notebook: dict) -> Iterator[str]:
    """Pictures are part of the notebook (attachments or data) and have alt text; none is fetched."""
    for cell in notebook["cells"]:
        for match in PICTURE.finditer(cell["source"]) if cell["cell_type"] == "markdown" else ():
            tag = match["tag"]
            target = match["target"] if tag is None else _attribute(tag, "src")
            alt = match["alt"] if tag is None else _attribute(tag, "alt")
            if not target.strip().startswith(("attachment:", "data:")):
                yield f"cell {cell['id']} fetches the picture {target!r}: attach it, or draw it"
            if not alt.strip():
                yield f"cell {cell['id']} has a picture without alt text"


def _attribute(tag: str, name: str) -> str:
    match = re.search(rf"""\b{name}\s*=\s*["']([^"']*)["']""", tag, re.IGNORECASE)
    return match[1] if match else ""


def exercises(notebook: dict) -> Iterator[str]:
    """At least four autograded exercises; a test follows its answer and gives the points it announces."""
    cells = notebook["cells"]
    tests = [(place, cell) for place, cell in enumerate(cells) if is_test(cell)]
    if len(tests) < FEWEST_EXERCISES:
        yield f"{len(tests)} autograded exercises, at least {FEWEST_EXERCISES} are needed"
    for place, cell in tests:
        name = nbgrader(cell)["grade_id"]
        exercise = name.removesuffix("-test")
        answers = [nbgrader(each)["grade_id"] for each in cells[:place] if is_answer(each)]
        if exercise == name or exercise not in answers:
            yield f"test {name!r} does not follow an answer cell called as it is, without '-test'"
        if nbgrader(cell)["points"] <= 0:
            yield f"test {name!r} gives no points"
        yield from _check_of(cell, exercise)


def _check_of(cell: dict, exercise: str) -> Iterator[str]:
    """The test makes one `Check("exercise", answer, points=the cell's)` and ends with `.marks()`."""
    tree, points = python(cell), nbgrader(cell)["points"]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    checks = [call for call in calls if getattr(call.func, "id", "") == "Check" and call.args]
    if [ast.literal_eval(call.args[0]) for call in checks] != [exercise]:
        yield f"the test of {exercise!r} must make one Check({exercise!r}, …)"
    for call in checks:
        given = {word.arg: word.value for word in call.keywords}.get("points")
        if given is None or ast.literal_eval(given) != points:
            yield f"Check({exercise!r}) must say points={points}, as its cell does"
    last = tree.body[-1] if tree.body else None
    if not (isinstance(last, ast.Expr) and ast.unparse(last).endswith(".marks()")):
        yield f"the test of {exercise!r} must end with check.marks()"


def open_question(notebook: dict) -> Iterator[str]:
    """One question is marked by a person; a cell with its rubric stands right before the answer cell."""
    cells = notebook["cells"]
    places = [place for place, cell in enumerate(cells) if is_open(cell)]
    if len(places) != 1:
        yield f"{len(places)} open questions (Markdown cells with grade and solution), not one"
    for place in places:
        before = cells[place - 1]
        if before["cell_type"] != "markdown" or nbgrader(before) or "rubric" not in before["source"].lower():
            yield f"before the answer cell {cells[place]['id']} must stand a Markdown cell with the rubric"
        if nbgrader(cells[place])["points"] <= 0:
            yield f"the open question {cells[place]['id']} gives no points"


def summary(notebook: dict) -> Iterator[str]:
    """The last cell sums up, names papers and says what comes next."""
    last = notebook["cells"][-1]
    text = last["source"] if last["cell_type"] == "markdown" else ""
    for word in ("summary", "papers", "next"):
        if not re.search(rf"\b{word}\b", text, re.IGNORECASE):
            yield f"the last cell lacks the word {word!r}: it sums up, names papers and says what comes next"
