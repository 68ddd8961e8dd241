"""What the syntax tree of an answer shows: one rule for each kind of node."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from coursekit.grading.suspicion import tables

# What lessons import in a cell of their own and answers use.
_USUAL = {"np": "numpy", "pd": "pandas", "plt": "matplotlib.pyplot", "F": "torch.nn.functional"}
_USUAL |= {name: name for name in ("torch", "coursekit", "builtins", "sys", "os", "numpy", "pandas", "Check")}
# Settings that libraries ask their users to assign.
_SETTINGS = ("pandas.options.", "torch.backends.", "matplotlib.pyplot.rcParams", "matplotlib.rcParams")
_GUARDED = {"np", "pd", "torch", "coursekit", "Check", "display", "get_ipython"}
# A lesson's own tests and Jupyter look these up by name; another value for `np` is the learner's affair.
_LOOKED_UP = {"Check", "display", "get_ipython"}
_NAMESPACES = {"globals", "locals", "vars"}

_modules = tables.by_name(tables.MODULES)
_attributes = tables.by_name(tables.ATTRIBUTES)
_methods = tables.by_name(tables.METHODS)
_dotted = tables.patterns(tables.DOTTED)
_texts = tables.patterns(tables.TEXTS)

# What was seen, and why it matters.
Seen = tuple[str, str]


def findings(tree: ast.Module) -> Iterator[tuple[int | None, str, str]]:
    """All that is suspicious in a cell: line, what was seen, why it matters."""
    names = _meanings(tree)
    for node in ast.walk(tree):
        rule = _RULES.get(type(node))
        for what, why in rule(node, names) if rule else ():
            yield getattr(node, "lineno", None), what, why


def _meanings(tree: ast.Module) -> dict[str, str]:
    """What names stand for: modules and their members; nothing for a name that the cell itself sets."""
    nodes = list(ast.walk(tree))
    own = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    names = _USUAL | dict.fromkeys(own - _GUARDED - {"sys", "os", "builtins"}, "")
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                first = alias.name.split(".")[0]
                names |= {alias.asname: alias.name} if alias.asname else {first: first}
        elif isinstance(node, ast.ImportFrom):
            names |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in nodes:
        if isinstance(node, ast.Assign) and _in_library(node.value, names):  # s = sys
            own = [target.id for target in node.targets if isinstance(target, ast.Name)]
            names |= dict.fromkeys(own, _full_name(node.value, names))
    return names


def _full_name(node: ast.AST, names: dict[str, str]) -> str:
    """`np.linalg.norm` as "numpy.linalg.norm"; empty for what is not a chain of names."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    start = names.get(node.id, node.id) if isinstance(node, ast.Name) else ""
    return ".".join([start, *reversed(parts)]) if start else ""


def _in_library(node: ast.AST, names: dict[str, str]) -> bool:
    """Whether this is a module or something inside of one."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return isinstance(node, ast.Name) and bool(names.get(node.id))


def _of_import(node: ast.Import | ast.ImportFrom, names: dict[str, str]) -> Iterator[Seen]:
    start = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    for alias in node.names:
        name = f"{start}{alias.name}"
        yield from _of_dotted(name)
        parts = [] if name.startswith("IPython.display") else name.split(".")
        for module in dict.fromkeys([".".join(parts[:1]), ".".join(parts[:2])]):
            if module in _modules:
                yield module, _modules[module]
        if alias.name == "*" and start in ("os.", "sys.", "builtins."):
            yield f"from {node.module} import *", tables.COMPUTES


def _of_name(node: ast.Name | ast.Attribute, names: dict[str, str]) -> Iterator[Seen]:
    if isinstance(node, ast.Attribute) and node.attr in _attributes:
        yield node.attr, _attributes[node.attr]
    name = _full_name(node, names)
    yield from _of_dotted(name)
    if name.count(".") == 1 and name in _modules:
        yield name, _modules[name]


def _of_dotted(name: str) -> Iterator[Seen]:
    for reason, pattern in _dotted:
        if pattern.fullmatch(name):
            yield name, reason


def _of_assignment(node: ast.AST, names: dict[str, str]) -> Iterator[Seen]:
    targets = node.targets if isinstance(node, (ast.Assign, ast.Delete)) else [node.target]
    for target in [inner for outer in targets for inner in ast.walk(outer)]:
        if isinstance(getattr(target, "ctx", ast.Load()), ast.Load):
            continue
        name = _full_name(target, names)
        if isinstance(target, ast.Name) and target.id in _LOOKED_UP:
            yield target.id, tables.PATCHES
        elif isinstance(target, ast.Attribute) and target.attr == "__class__":
            yield "__class__", tables.EQUAL
        elif isinstance(target, ast.Attribute) and _in_library(target, names):
            if not name.startswith(_SETTINGS):
                yield name, tables.PATCHES
        elif isinstance(target, ast.Subscript) and _namespace(target.value):
            yield f"{_namespace(target.value)}[…]", tables.PATCHES


def _namespace(node: ast.AST) -> str:
    """What a module's dictionary of names is called here; empty for anything else."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _NAMESPACES:
        return f"{node.func.id}()"
    return "__dict__" if isinstance(node, ast.Attribute) and node.attr == "__dict__" else ""


def _of_call(node: ast.Call, names: dict[str, str]) -> Iterator[Seen]:
    name = _full_name(node.func, names)
    if name in ("getattr", "setattr", "delattr") and len(node.args) > 1:
        attribute = node.args[1]
        if not isinstance(attribute, ast.Constant):
            yield f"{name}(…)", tables.COMPUTES
        elif name != "getattr" and _in_library(node.args[0], names):
            yield f"{name}({_full_name(node.args[0], names)}, …)"[:60], tables.PATCHES
        elif isinstance(attribute.value, str) and attribute.value.isidentifier():
            yield from _of_name(ast.Attribute(node.args[0], attribute.value), names)
    elif isinstance(node.func, ast.Attribute) and node.func.attr == "update" and _namespace(node.func.value):
        yield f"{_namespace(node.func.value)}.update", tables.PATCHES


def _of_class(node: ast.ClassDef, names: dict[str, str]) -> Iterator[Seen]:
    yield from _of_function(node, names)
    for member in node.body:
        for name in _defined(member):
            if name in _methods:
                yield name, _methods[name]
            elif name in tables.COMPARISONS and _always_true(member):
                yield name, tables.EQUAL


def _defined(member: ast.stmt) -> list[str]:
    if isinstance(member, ast.FunctionDef):
        return [member.name]
    targets = member.targets if isinstance(member, ast.Assign) else []
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _always_true(member: ast.stmt) -> bool:
    """Whether a method gives nothing but True, or another function takes its place."""
    if isinstance(member, ast.Assign):
        return not isinstance(member.value, ast.Constant)
    given = [node.value for node in ast.walk(member) if isinstance(node, ast.Return)]
    return bool(given) and all(
        isinstance(value, ast.Constant) and value.value in (True, 1) for value in given
    )


def _of_function(node: ast.FunctionDef | ast.ClassDef, names: dict[str, str]) -> Iterator[Seen]:
    if node.name in _GUARDED:
        yield node.name, tables.PATCHES


def _of_constant(node: ast.Constant, names: dict[str, str]) -> Iterator[Seen]:
    for reason, pattern in _texts if isinstance(node.value, str) else ():
        if seen := pattern.search(node.value):
            yield seen.group().strip()[:40], reason


_RULES = {
    ast.Import: _of_import,
    ast.ImportFrom: _of_import,
    ast.Name: _of_name,
    ast.Attribute: _of_name,
    ast.Assign: _of_assignment,
    ast.AugAssign: _of_assignment,
    ast.AnnAssign: _of_assignment,
    ast.Delete: _of_assignment,
    ast.For: _of_assignment,
    ast.Call: _of_call,
    ast.ClassDef: _of_class,
    ast.FunctionDef: _of_function,
    ast.AsyncFunctionDef: _of_function,
    ast.Constant: _of_constant,
}
