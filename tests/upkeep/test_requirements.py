"""environment.yml and what is installed, against pyproject.toml."""

from importlib import metadata
from pathlib import Path

import pytest

from coursekit.upkeep import environment_differences
from coursekit.upkeep.requirements import unmet

PYPROJECT = """
[build-system]
requires = ["hatchling>=1.25"]
[project]
requires-python = ">=3.11,<3.14"
dependencies = ["numpy>=2.0", "torch>=2.5"]
[project.optional-dependencies]
lab = ["jupyterlab>=4.2"]
test = ["ruff>=0.9"]
bench = ["ranx>=0.3"]
"""
ENVIRONMENT = """
dependencies:
  - python<3.14,>=3.11
  - pip
  - numpy>=2.0
  - pytorch>=2.5
  - jupyterlab>=4.2
  - ruff>=0.9
  - hatchling>=1.25
  - pip:
      - --editable .
"""


@pytest.fixture
def compare(tmp_path):
    def run(pyproject: str = PYPROJECT, environment: str = ENVIRONMENT) -> list[str]:
        (tmp_path / "pyproject.toml").write_text(pyproject, "utf-8")
        (tmp_path / "environment.yml").write_text(environment, "utf-8")
        return environment_differences(tmp_path)

    return run


def test_equal_requirements_differ_in_nothing(compare):
    assert compare() == []


@pytest.mark.parametrize(
    ("line", "other", "words"),
    [
        ("  - numpy>=2.0\n", "", "environment.yml lacks numpy>=2.0, which pyproject.toml asks for"),
        ("numpy>=2.0", "numpy>=1.26", "environment.yml asks for numpy>=1.26, pyproject.toml for numpy>=2.0"),
        ("numpy>=2.0", "numpy", "environment.yml asks for numpy, pyproject.toml for numpy>=2.0"),
        (
            "  - ruff",
            "  - black\n  - ruff",
            "environment.yml lists black, which pyproject.toml",
        ),
        (
            "<3.14",
            "<3.15",
            "environment.yml asks for python>=3.11,<3.15, pyproject.toml for",
        ),
    ],
)
def test_each_difference_is_a_sentence(compare, line, other, words):
    (sentence,) = compare(environment=ENVIRONMENT.replace(line, other))
    assert sentence.startswith(words)


def test_this_repository_agrees_with_itself():
    assert environment_differences(Path(__file__).parents[2]) == []


def test_a_missing_and_an_old_package_are_unmet_and_other_extras_do_not_count(monkeypatch):
    wanted = [
        "nonesuch>=1",
        "numpy>=999",
        "pytest",
        'alien>=1; extra == "bench"',
        'missing>=2; extra == "lab"',
    ]
    monkeypatch.setattr(metadata, "requires", lambda package: wanted)
    rows = unmet()
    assert [(asked, extra) for asked, extra, _, _ in rows] == [
        ("nonesuch>=1", ""),
        ("numpy>=999", ""),
        ("missing>=2", "lab"),
    ]
    assert rows[0][2] is None
    assert rows[1][2] == metadata.version("numpy")
    assert rows[0][3] == 'python -m pip install "nonesuch>=1"'
