"""What lies beside a feedback page for `nbgrader release_feedback`, whatever was handed in."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nbgrader.utils import parse_utc

from coursekit.grading.pages.receipt import write_receipts

SECRET = "0a" * 64


@pytest.fixture
def submitted(tmp_path) -> Path:
    folder = tmp_path / "submitted" / "ada" / "00_welcome"
    folder.mkdir(parents=True)
    (folder / "submission_secret.txt").write_text(SECRET)
    return folder


def written(submitted: Path, folder: Path) -> str:
    write_receipts(submitted, None, folder)
    return (folder / "submission_secret.txt").read_text()


def test_nbgraders_own_secret_is_kept_in_every_folder(submitted, tmp_path):
    write_receipts(submitted, None, tmp_path / "a" / "b", tmp_path / "c")
    assert (tmp_path / "a" / "b" / "submission_secret.txt").read_text() == SECRET
    assert (tmp_path / "c" / "submission_secret.txt").read_text() == SECRET


@pytest.mark.parametrize("odd", ["", "../../etc/passwd", "a" * 300, "\x00" * 40, "short", "é" * 40])
def test_an_odd_secret_is_replaced_by_a_random_one(submitted, tmp_path, odd):
    (submitted / "submission_secret.txt").write_text(odd, "utf-8")
    assert len(written(submitted, tmp_path / "a")) == 128


def test_a_submission_without_a_secret_gets_a_random_one(tmp_path):
    one, two = (written(tmp_path / "nowhere", tmp_path / name) for name in "ab")
    assert len(one) == len(two) == 128
    assert one != two


@pytest.mark.parametrize("kind", ["link", "hard link", "pipe", "folder", "linked folder", "linked learner"])
def test_nobody_takes_the_secret_of_somebody_else(submitted, tmp_path, kind):
    theirs = tmp_path / "submitted" / "eve" / "00_welcome"
    theirs.parent.mkdir()
    if kind == "linked folder":
        theirs.symlink_to(submitted)
    elif kind == "linked learner":
        theirs.parent.rmdir()
        theirs.parent.symlink_to(submitted.parent)
    else:
        theirs.mkdir()
        file = theirs / "submission_secret.txt"
        make = {"link": file.symlink_to, "hard link": file.hardlink_to}
        make |= {"pipe": lambda _: os.mkfifo(file), "folder": lambda _: file.mkdir()}
        make[kind](submitted / "submission_secret.txt")
    assert written(theirs, tmp_path / "feedback") != SECRET


@pytest.mark.parametrize(
    "time", ["2026-02-03T04:05:06.000078", "2026-02-03T04:05:06-08:00", "0042-02-03T04:05:06"]
)
def test_nbgrader_reads_the_time_of_handing_in(submitted, tmp_path, time):
    write_receipts(submitted, time, tmp_path)
    assert parse_utc((tmp_path / "timestamp.txt").read_text()) == parse_utc(time)


def test_an_unknown_time_is_left_empty(submitted, tmp_path):
    write_receipts(submitted, None, tmp_path)
    assert (tmp_path / "timestamp.txt").read_text() == ""
