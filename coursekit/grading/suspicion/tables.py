"""What an honest answer has no use for, and why an instructor should look at it."""

from __future__ import annotations

import re

_LOOKS = "looks into running code"
_TRACES = "watches or changes code while it runs"
_STARTS = "starts other processes or threads"
_TALKS = "talks to other machines"
_IMPORTS = "changes how code is imported"
_NOTEBOOK = "reaches into the notebook's machinery"
_TESTS = "reaches into the tests"
_LATER = "runs code when the process ends"
_READS = "names files that an answer has no use for"
_EQUAL = "makes an object that can equal anything"
_SHOWS = "sends its own output in place of the notebook's"
_GRADER = "is meant for the grader and not for a reader"
PATCHES = "changes a library for everybody"
COMPUTES = "runs or reaches something whose name is computed"
SHELL = "runs a command of the system's shell"

MODULES = {
    _LOOKS: "inspect gc ctypes dis linecache tracemalloc faulthandler code codeop",
    _STARTS: "subprocess multiprocessing threading _thread _posixsubprocess concurrent signal pty",
    _TALKS: "socket _socket ssl http urllib urllib3 requests ftplib smtplib telnetlib xmlrpc webbrowser zmq",
    _IMPORTS: "importlib imp pkgutil runpy zipimport site sitecustomize usercustomize",
    _NOTEBOOK: "IPython ipykernel jupyter_client jupyter_core nbformat nbclient nbconvert nbgrader papermill",
    _TESTS: "coursekit.checking coursekit.grading unittest.mock",
    _READS: "sqlite3 sqlalchemy",
    _LATER: "atexit",
}
# Names with their module: regular expressions for the whole dotted name.
DOTTED = {
    _TRACES: r"sys\.(settrace|setprofile|monitoring|addaudithook|call_tracing)|threading\.set(trace|profile)",
    _LOOKS: r"sys\.(_getframe|_getframemodulename|_current_frames|_current_exceptions|exc_info)"
    r"|traceback\.(walk_stack|walk_tb|extract_stack)",
    _IMPORTS: r"sys\.(modules|meta_path|path_hooks|path_importer_cache|path)",
    _STARTS: r"(os|posix)\.(system|popen|fork\w*|exec[lv]\w*|(posix_)?spawn\w*|kill\w*|_exit|abort|dup2?)",
    _READS: r"os\.(f?walk|scandir)",
    _SHOWS: r"sys\.displayhook|IPython\.display\.(publish_\w+|(display_j|J)avascript)|publish_\w+_data",
    _NOTEBOOK: r"get_ipython|_ih|_oh|_dh",
    COMPUTES: r"(builtins\.)?(eval|exec|compile|__import__)",
}
# Attributes of whatever object.
ATTRIBUTES = {
    _LOOKS: "f_back f_locals f_globals f_builtins f_code tb_frame tb_next gi_frame cr_frame ag_frame "
    "__globals__ __closure__ cell_contents __code__ co_consts co_code __subclasses__ __mro__ mro __bases__ "
    "__base__ __builtins__ __loader__ __traceback__",
    _NOTEBOOK: "ast_transformers input_transformers_cleanup input_transformers_post run_cell run_cell_async "
    "run_line_magic run_cell_magic user_ns user_global_ns display_pub set_custom_exc showtraceback "
    "_render_traceback_ input_transformer_manager register_post_execute",
}
# Methods that an own class has no use for, unless it wants to trick a comparison.
METHODS = {
    _EQUAL: "__array_ufunc__ __array_function__ __array__ __array_priority__ __torch_function__ "
    "__instancecheck__ __subclasscheck__ __subclasshook__ __getattribute__",
    _LATER: "__del__",
    COMPUTES: "__reduce__ __reduce_ex__",
    _SHOWS: "_repr_html_ _repr_mimebundle_ _repr_javascript_ _ipython_display_",
}
COMPARISONS = {"__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__bool__", "__contains__"}
EQUAL = _EQUAL
# Found in a text constant, wherever it stands.
TEXTS = {
    _READS: r"\.ipynb|gradebook|nbgrader_config|(^|[/\\])(solutions?|submitted|autograded|release)[/\\]"
    r"|(^|[\s\"'])/(proc|etc|root|home|sys|dev)/|\.\./|^\.\.$",
    _NOTEBOOK: r"\.ipython|ipython_config|jupyter_\w{0,30}config|execute_result|get_ipython",
    _IMPORTS: r"(site|user)customize|\.pth$",
    _TESTS: r"coursekit[./\\](checking|grading)",
    _LOOKS: r"__(globals|closure|code|subclasses|mro|bases|builtins|import)__|\b(f_back|tb_frame|gi_frame)\b",
    _EQUAL: r"^__(eq|ne|array_ufunc|array_function|torch_function|instancecheck)__$",
}
# Found anywhere, in comments too.
ANYWHERE = {_GRADER: r"###\s*(BEGIN|END)\s+(SOLUTION|HIDDEN TESTS|MARK SCHEME)"}


def by_name(table: dict[str, str]) -> dict[str, str]:
    """The reason for each of the names that a table lists."""
    return {name: reason for reason, names in table.items() for name in names.split()}


def patterns(table: dict[str, str]) -> list[tuple[str, re.Pattern]]:
    """Each reason with its regular expression, compiled."""
    return [(reason, re.compile(pattern)) for reason, pattern in table.items()]


def words() -> list[tuple[str, re.Pattern]]:
    """For text that is not Python: regular expressions for the same names, as far as words can tell."""
    found = {reason: [pattern] for reason, pattern in DOTTED.items()}
    found[COMPUTES] = [r"(eval|exec|__import__)\s*\("]
    for reason, names in MODULES.items():
        found.setdefault(reason, []).append(rf"(import|from)\s+({_any(names)})\b")
    for reason, names in ATTRIBUTES.items():
        found.setdefault(reason, []).append(rf"\w+\.({_any(names)})\b")
    return [(reason, re.compile(rf"(?<![\w.])({'|'.join(each)})")) for reason, each in found.items()]


def _any(names: str) -> str:
    return "|".join(map(re.escape, names.split()))
