"""What pyproject.toml asks for, compared with environment.yml and with what is installed."""

import tomllib
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

EXTRAS = ("lab", "bert", "test")
# conda-forge's name for what pyproject calls otherwise.
CONDA_NAMES = {"torch": "pytorch"}


def environment_differences(root: Path) -> list[str]:
    """How environment.yml departs from pyproject.toml, a sentence each; empty when they agree.

    Both must ask for the same Python and the same bounds of everything in the core, the extras `lab`,
    `bert` and `test`, and the build system.
    """
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    wanted = _wanted(project)
    found = _conda(root / "environment.yml")
    lines = []
    for name in sorted(wanted.keys() | found.keys()):
        if name not in found:
            lines.append(f"environment.yml lacks {name}{wanted[name]}, which pyproject.toml asks for")
        elif name not in wanted:
            lines.append(f"environment.yml lists {name}, which pyproject.toml does not ask for")
        elif found[name] != wanted[name]:
            asks = f"{name}{found[name]}", f"{name}{wanted[name]}"
            lines.append(f"environment.yml asks for {asks[0]}, pyproject.toml for {asks[1]}")
    return lines


def _wanted(project: dict) -> dict[str, str]:
    """conda name: bounds, for all that pyproject asks for."""
    table = project["project"]
    extras = table.get("optional-dependencies", {})
    lines = [*table["dependencies"], *(line for extra in EXTRAS for line in extras.get(extra, []))]
    requirements = [Requirement(line) for line in [*lines, *project["build-system"]["requires"]]]
    names = {CONDA_NAMES.get(each.name, each.name): _bounds(str(each.specifier)) for each in requirements}
    return names | {"python": _bounds(table["requires-python"])}


def _conda(file: Path) -> dict[str, str]:
    """name: bounds, for what environment.yml lists; pip itself, and what pip installs, aside."""
    import yaml

    listed = yaml.safe_load(file.read_text("utf-8"))["dependencies"]
    requirements = [Requirement(line) for line in listed if isinstance(line, str) and line != "pip"]
    return {canonicalize_name(each.name): _bounds(str(each.specifier)) for each in requirements}


def _bounds(text: str) -> str:
    """Bounds in one order, so that `<4,>=3` equals `>=3, <4`."""
    return ",".join(sorted((part.strip() for part in text.split(",")), reverse=True))


def unmet(package: str = "coursekit") -> list[tuple[str, str, str | None, str]]:
    """What is not installed as asked for: (requirement, extra or "", version found, how to mend it)."""
    rows = []
    for line in metadata.requires(package) or []:
        requirement = Requirement(line)
        extra = _extra_of(requirement)
        if extra not in ("", *EXTRAS):
            continue
        found = _version(requirement.name)
        if found is None or not requirement.specifier.contains(found, prereleases=True):
            asked = f"{requirement.name}{requirement.specifier}"
            rows.append((asked, extra, found, f'python -m pip install "{asked}"'))
    return rows


def _extra_of(requirement: Requirement) -> str:
    if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
        return ""
    return next((name for name in EXTRAS if requirement.marker.evaluate({"extra": name})), "other")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
