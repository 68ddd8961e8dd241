"""The doctor names each trouble with its remedy, and reaches the end on any machine."""

import pytest

from coursekit.upkeep import doctor
from coursekit.upkeep.doctor import Finding


@pytest.fixture
def only(monkeypatch):
    """Let the doctor examine nothing but what is given."""

    def choose(*examinations):
        for name in ("_python", "_packages", "_programs", "_device", "_data", "_sandbox", "_checkout"):
            monkeypatch.setattr(doctor, name, lambda: iter(()))
        for name, examination in zip(("_python", "_packages"), examinations, strict=False):
            monkeypatch.setattr(doctor, name, examination)

    return choose


def test_status_is_1_when_something_is_wrong_and_0_for_a_note(only, capsys):
    only(lambda: iter([Finding("x", "note", "odd", "do that")]))
    assert doctor.report() == 0
    only(lambda: iter([Finding("x", "wrong", "broken", "do this")]))
    assert doctor.report() == 1
    assert "!!   x: broken\n     to mend it: do this" in capsys.readouterr().out


def test_an_examination_that_breaks_is_a_finding_and_the_next_goes_on(only):
    def breaks():
        raise ImportError("no module")
        yield

    only(breaks, lambda: iter([Finding("next", "well", "fine")]))
    states = [(finding.topic, finding.state) for finding in doctor.examine()]
    assert states == [("breaks", "wrong"), ("next", "well")]


def test_programs_that_path_does_not_lead_to_are_wrong(monkeypatch):
    monkeypatch.setenv("PATH", "")
    findings = list(doctor._programs())
    assert [(finding.topic, finding.state) for finding in findings] == [
        ("nbgrader", "wrong"),
        ("alembic", "wrong"),
    ]
    assert all("PATH" in finding.remedy for finding in findings)


def test_a_data_folder_that_is_none_is_wrong(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "nowhere"))
    wrong = [finding for finding in doctor._data() if finding.state == "wrong"]
    assert len(wrong) == 1
    assert "nowhere" in wrong[0].words


def test_drift_is_wrong_with_the_remedy(monkeypatch):
    from coursekit import lessons

    monkeypatch.setattr(
        lessons, "release", lambda course, check: [lessons.Drift("lessons/a.ipynb", "missing")]
    )
    findings = list(doctor._checkout())
    assert [(finding.words, finding.remedy) for finding in findings] == [
        ("lessons/a.ipynb: missing", "python -m coursekit release")
    ]


def test_a_sandbox_that_works_is_well(monkeypatch):
    from coursekit.grading import sandbox

    monkeypatch.setattr(sandbox, "sandbox_problem", lambda: None)
    assert [finding.state for finding in doctor._sandbox()] == ["well"]


def test_a_missing_sandbox_is_a_note_with_the_way_out(monkeypatch):
    from coursekit.grading import sandbox

    monkeypatch.setattr(sandbox, "sandbox_problem", lambda: "bubblewrap is not installed; get it with `apt`")
    (finding,) = doctor._sandbox()
    assert finding.state == "note"
    assert "bubblewrap is not installed" in finding.words
    assert finding.remedy == "get it with `apt`"
