"""What a stranger gets from `pip install`: the wheel, its data, and pins that fit its requirements."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import coursekit
from coursekit import models

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _requirements() -> list[Requirement]:
    groups = [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    return [Requirement(text) for group in groups for text in group]


def _pins() -> dict[str, Version]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {pin.name: Version(next(iter(pin.specifier)).version) for pin in found}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> zipfile.ZipFile:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (path,) = folder.glob("*.whl")
    assert path.stat().st_size < 15_000_000
    return zipfile.ZipFile(path)


def test_every_requirement_has_only_a_lower_bound():
    for requirement in _requirements():
        assert [part.operator for part in requirement.specifier] == [">="], str(requirement)


@pytest.mark.parametrize("requirement", _requirements(), ids=lambda requirement: requirement.name)
def test_every_requirement_is_pinned_within_its_bound(requirement):
    assert _pins()[requirement.name] in requirement.specifier


def test_wheel_brings_the_campus_data_byte_for_byte(wheel):
    shipped = sorted((ROOT / "datasets" / "campus").glob("*.csv"))
    assert len(shipped) == 4
    for path in shipped:
        assert wheel.read(f"coursekit/_data/campus/{path.name}") == path.read_bytes()


def test_wheel_brings_every_file_of_the_library(wheel):
    files = [
        path for path in (ROOT / "coursekit").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    missing = {path.relative_to(ROOT).as_posix() for path in files} - set(wheel.namelist())
    assert not missing


def test_wheel_holds_neither_solutions_nor_mutants(wheel):
    assert not [
        name for name in wheel.namelist() if "solutions" in name or "mutants" in name or "tests/" in name
    ]


def test_version_is_written_the_same_in_both_places():
    assert coursekit.__version__ == PROJECT["version"]


def test_every_public_name_can_be_imported():
    for name in coursekit.__all__:
        assert getattr(coursekit, name) is not None


def test_unknown_public_name_lists_those_there_are():
    with pytest.raises(AttributeError, match=r"no public name 'cosin'; it has .*Interactions"):
        _ = coursekit.cosin


def test_importing_coursekit_loads_neither_torch_nor_network_libraries():
    code = "import coursekit, sys; print([m for m in ('torch', 'requests', 'pandas') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


MODELS_WITH_TORCH = (
    *("attention", "bert", "content", "factorization", "finetuning", "multihead", "ncf", "sequence"),
)
NEED_TORCH = set(coursekit._ROOMS["training"]).union(*(models._MODULES[name] for name in MODELS_WITH_TORCH))


def test_names_of_the_first_lessons_do_not_import_torch():
    code = (
        "import sys, coursekit as ck\n"
        f"for name in set(ck.__all__) - {NEED_TORCH}: getattr(ck, name)\n"
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
