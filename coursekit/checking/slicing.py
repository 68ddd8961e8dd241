"""Find the few statements of a lesson that one exercise depends on.

A lesson may train for a minute, an exercise needs five numbers of it. Starting from the names that the
exercise uses, every top-level statement that sets or may change one of them is kept. What this overlooks
(a name made by `globals()`, say) shows when the exercise's solution fails, see `replay`.
"""

from __future__ import annotations

import ast
import builtins
import copy
import functools
import re
import symtable
from collections.abc import Iterator, Sequence

# A lesson's story is looked at again for every learner: what is known of a statement is kept.
_remembered = functools.lru_cache(maxsize=4096)
_SEEDING = {"seed", "manual_seed", "seed_everything"}


def python_of(source: str) -> str:
    """A cell without IPython's magics: none of them makes a name that a test could need."""
    if source.startswith("%%") and not source.startswith(("%%time", "%%capture")):
        return "pass"
    return "\n".join(re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in source.split("\n"))


def statements(sources: Sequence[str]) -> list[ast.stmt]:
    """The top-level statements of these cells, in order."""
    return [statement for source in sources for statement in ast.parse(python_of(source)).body]


def needed(story: Sequence[ast.stmt], own: Sequence[ast.stmt]) -> list[ast.stmt]:
    """The statements of `story` on which those in `own` (the exercise's) depend, in order."""
    modules = frozenset(name for statement in story for name in _imported(statement))
    changed = [_changed(statement, modules) for statement in story]
    used = _used_from_outside(own)
    before: set[str] = set()
    # More than one round: a function may use a name that is set only after its definition.
    while used != before:
        before = set(used)
        for statement, names in zip(story, changed, strict=True):
            if names & used:
                used |= _used(statement)
    return [statement for statement, names in zip(story, changed, strict=True) if names & used]


def _used_from_outside(own: Sequence[ast.stmt], set_before: frozenset[str] = frozenset()) -> set[str]:
    """Names that these statements read before they set them; inside loops and branches as well."""
    found: set[str] = set()
    set_here = set(set_before)
    for statement in own:
        found |= _used_by(statement, frozenset(set_here)) - set_here
        set_here |= _set(statement)
    return found


def _used_by(statement: ast.stmt, set_before: frozenset[str]) -> set[str]:
    if not isinstance(statement, ast.For | ast.With | ast.If):
        return _used(statement)
    # The head runs first and may set names (a loop's variable), then the body, line by line.
    head = copy.copy(statement)
    head.body, head.orelse = [ast.Pass()], []
    found = _used(head)
    known = set_before | _set(head)
    for block in (statement.body, getattr(statement, "orelse", [])):
        found |= _used_from_outside(block, known) - known
    return found


@_remembered
def _used(statement: ast.stmt) -> frozenset[str]:
    """Global names that the statement reads, in functions too; their local names do not count."""
    found = {node.target.id for node in ast.walk(statement) if _adds_to_name(node)}
    tables = [symtable.symtable(ast.unparse(statement), "<cell>", "exec")]
    while tables:
        table = tables.pop()
        outermost = table.get_type() == "module"
        tables += table.get_children()
        for symbol in table.get_symbols():
            if symbol.is_referenced() and (outermost or symbol.is_global()):
                found.add(symbol.get_name())
    return frozenset(found)


def _adds_to_name(node: ast.AST) -> bool:
    return isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name)


@_remembered
def _set(statement: ast.stmt) -> frozenset[str]:
    table = symtable.symtable(ast.unparse(statement), "<cell>", "exec")
    return frozenset(
        symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()
    )


@_remembered
def _changed(statement: ast.stmt, modules: frozenset[str]) -> frozenset[str]:
    """Names that the statement sets, or whose insides it changes or may change."""
    found = set(_set(statement))
    for node in ast.walk(statement):
        if isinstance(getattr(node, "ctx", None), (ast.Store, ast.Del)) and not isinstance(node, ast.Name):
            found.add(_root(node))
        elif isinstance(node, ast.Expr):  # a call whose result is dropped is there for what it changes
            found |= _perhaps_changed(node.value, modules)
    return frozenset(found - {""})


def _perhaps_changed(value: ast.expr, modules: frozenset[str]) -> set[str]:
    if not isinstance(value, ast.Call):
        return set()
    function = value.func
    name = function.attr if isinstance(function, ast.Attribute) else _root(function)
    own = {_root(function)} if isinstance(function, ast.Attribute) else set()
    if name in _SEEDING:  # np.random.seed changes what the module gives next
        return own | {"np", "random", "torch"}
    given = {inner for part in (*value.args, *value.keywords) for inner in _names(part)}
    return (own | given) - modules - set(dir(builtins))


def _names(tree: ast.AST) -> Iterator[str]:
    return (node.id for node in ast.walk(tree) if isinstance(node, ast.Name))


def _root(node: ast.AST) -> str:
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


@_remembered
def _imported(statement: ast.stmt) -> frozenset[str]:
    nodes = [node for node in ast.walk(statement) if isinstance(node, (ast.Import, ast.ImportFrom))]
    names = [alias.asname or alias.name for node in nodes for alias in node.names]
    return frozenset(name.split(".")[0] for name in names)
