"""Rules about a lesson's code: what it imports, how it shows figures, how it tests."""

import ast
import sys
from collections.abc import Iterator

import coursekit
from coursekit.lessons.rules.cells import is_test, python

# Beside Python's own modules and coursekit's public names: what coursekit and its extra bert depend on.
ALLOWED = {
    *("matplotlib", "numpy", "pandas", "scipy", "sklearn", "torch", "tqdm", "IPython"),
    *("peft", "safetensors", "tokenizers", "transformers"),
}
SHORTEST_ALT = 20
# These call empty arrays equal to anything, and stop at the first difference without teaching.
LENIENT = {
    "allclose",
    "isclose",
    "assert_allclose",
    "assert_array_equal",
    "assert_array_almost_equal",
    "assert_close",
}
PYPLOT = {
    "bar",
    "barh",
    "boxplot",
    "contour",
    "contourf",
    "figure",
    "hist",
    "imshow",
    "plot",
    "scatter",
    "subplots",
}


def imports(notebook: dict) -> Iterator[str]:
    """Lessons know only coursekit's public names, never its rooms, and only packages that come with it."""
    for cell in _code(notebook):
        tree = python(cell)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                yield from _modules([alias.name for alias in node.names], cell)
                if any(alias.name == "coursekit" and alias.asname for alias in node.names):
                    yield f"cell {cell['id']} imports coursekit by another name"
            elif isinstance(node, ast.ImportFrom):
                yield from _names(node, cell)
            elif isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "coursekit":
                yield from _public([node.attr], cell)


def _modules(names: list[str], cell: dict) -> Iterator[str]:
    for name in names:
        top = name.split(".")[0]
        if name.startswith("coursekit."):
            yield f"cell {cell['id']} imports the room {name}: import its public names from coursekit"
        elif top != "coursekit" and top not in ALLOWED and top not in sys.stdlib_module_names:
            yield f"cell {cell['id']} imports {name}, which does not come with coursekit"


def _names(node: ast.ImportFrom, cell: dict) -> Iterator[str]:
    if node.module == "coursekit":
        yield from _public([alias.name for alias in node.names], cell)
    else:
        yield from _modules([node.module or "."], cell)


def _public(names: list[str], cell: dict) -> Iterator[str]:
    for name in names:
        if name not in coursekit.__all__ and name != "__version__":
            yield f"cell {cell['id']} uses coursekit's {name}, which is not in coursekit.__all__"


def figures(notebook: dict) -> Iterator[str]:
    """A cell that draws also calls `show(…, alt=…)` with a sentence, never `plt.show` or `savefig`."""
    for cell in _code(notebook):
        calls = [node for node in ast.walk(python(cell)) if isinstance(node, ast.Call)]
        shows = [call for call in calls if getattr(call.func, "id", "") == "show"]
        if any(_draws(call) for call in calls) and not shows:
            yield f"cell {cell['id']} draws a figure and does not show(…, alt=…) it"
        if any(getattr(call.func, "attr", "") in ("show", "savefig") for call in calls):
            yield f"cell {cell['id']} calls .show() or .savefig(): use coursekit's show(…, alt=…)"
        for call in shows:
            yield from _alt(call, cell)


def _draws(call: ast.Call) -> bool:
    """Whether a call makes a figure: coursekit's plot_…, pyplot's functions, pandas' .plot."""
    name, owner = getattr(call.func, "attr", ""), getattr(call.func, "value", None)
    if isinstance(call.func, ast.Name):
        return call.func.id.startswith("plot_") and call.func.id in coursekit.__all__
    if getattr(owner, "attr", "") == "plot":  # frame.plot.bar()
        return True
    return name in PYPLOT if getattr(owner, "id", "") in ("plt", "pyplot") else name == "plot"


def _alt(call: ast.Call, cell: dict) -> Iterator[str]:
    alt = {word.arg: word.value for word in call.keywords}.get("alt")
    if alt is None:
        yield f"cell {cell['id']} calls show() without alt text"
    elif isinstance(alt, ast.Constant) and len(str(alt.value).strip()) < SHORTEST_ALT:
        yield f"cell {cell['id']}: the alt text {alt.value!r} is too short to describe a figure"


def tests(notebook: dict) -> Iterator[str]:
    """Test cells compare with `check.case` and `check.value`: the lenient functions accept empty answers.

    The answer itself is named once, for `Check`: where marks are given it lives in another process, and
    only `Check` can call it there.
    """
    for cell in filter(is_test, _code(notebook)):
        yield from _other_uses_of_the_answer(cell)
        for node in ast.walk(python(cell)):
            name = next((getattr(node, each) for each in ("attr", "id", "name") if hasattr(node, each)), "")
            if name in LENIENT:
                yield f"test {cell['id']} uses {name}, which accepts empty arrays: use check.case(…, gives=…)"


def _other_uses_of_the_answer(cell: dict) -> Iterator[str]:
    nodes = list(ast.walk(python(cell)))
    calls = [node for node in nodes if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Check"]
    answers = {call.args[1].id for call in calls if len(call.args) > 1 and isinstance(call.args[1], ast.Name)}
    for answer in answers:
        uses = [node for node in nodes if isinstance(node, ast.Name) and node.id == answer]
        if any(isinstance(node.ctx, ast.Load) for node in uses[1:]):
            yield f"test {cell['id']} uses {answer} itself: let check.case(…) call it"


def figures_without_alt(executed: dict) -> list[str]:
    """Ids of cells whose executed output holds a picture that nobody described."""
    return [cell["id"] for cell in _code(executed) if any(map(_is_bare, cell.get("outputs", [])))]


def _is_bare(output: dict) -> bool:
    pictures = [name for name in output.get("data", {}) if name.startswith("image/")]
    return any(not output.get("metadata", {}).get(name, {}).get("alt", "").strip() for name in pictures)


def _code(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
