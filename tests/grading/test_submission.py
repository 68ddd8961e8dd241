"""A submission's folder may hold anything: only regular files count, and reading never blocks or fails."""

import json
import os
import random
import socket
import time
from datetime import datetime
from pathlib import Path

import pytest

from coursekit.grading.submission import Submission, handed_in, read_submission
from coursekit.grading.template import Template
from coursekit.lessons.course import Course

LESSON = Course(Path(__file__).parents[2]).lesson("00")
TEMPLATE = Template.of(LESSON)
STUBS = {slot.id: slot.stub for slot in TEMPLATE.slots}
ANSWER = "def overlap(a, b):\n    # 相似\n    return len(set(a) & set(b))"
NAME = f"{LESSON.key}.ipynb"


def notebook():
    found = json.loads(LESSON.released.read_text("utf-8"))
    for cell in found["cells"]:
        if cell["id"] == "overlap":
            cell["source"] = ANSWER
    return json.dumps(found, ensure_ascii=False).encode()


SOLVED = {**STUBS, "overlap": ANSWER}


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "submitted" / "ann" / LESSON.key
    place.mkdir(parents=True)
    return place


def read(folder) -> Submission:
    return read_submission(folder, TEMPLATE)


def test_a_notebook_is_read(folder):
    (folder / NAME).write_bytes(notebook())
    found = read(folder)
    assert (found.answers, found.notes, found.timestamp) == (SOLVED, (), None)


def test_a_relative_folder_is_read(folder, monkeypatch):
    (folder / NAME).write_bytes(notebook())
    monkeypatch.chdir(folder)
    assert read(Path()).answers == SOLVED


def a_pipe(path):
    os.mkfifo(path)


def a_link(path):
    path.symlink_to(LESSON.source)


def a_broken_link(path):
    path.symlink_to("nowhere")


def a_link_to_itself(path):
    path.symlink_to(path.name)


def a_link_to_a_pipe(path):
    os.mkfifo(path.with_name("pipe"))
    path.symlink_to("pipe")


def a_hard_link(path):
    other = path.parent.parent / "other.ipynb"
    other.write_bytes(notebook())
    os.link(other, path)


def a_folder(path):
    path.mkdir()
    (path / NAME).write_bytes(notebook())


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as one:
        here = os.open(path.parent, os.O_RDONLY)
        one.bind(f"/proc/self/fd/{here}/{path.name}")
        os.close(here)


def an_empty_file(path):
    path.write_bytes(b" \n")


def too_large_a_file(path):
    with open(path, "wb") as file:
        file.truncate(handed_in.NOTEBOOK_BYTES + 1)


ODD = [
    a_pipe,
    a_link,
    a_broken_link,
    a_link_to_itself,
    a_link_to_a_pipe,
    a_hard_link,
    a_folder,
    a_socket,
    an_empty_file,
    too_large_a_file,
]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_what_is_no_ordinary_notebook_is_told_and_not_read(folder, make):
    make(folder / NAME)
    found = read(folder)
    assert found.answers == {}
    assert found.notes[0].startswith(f"`{NAME}` ")
    assert "not handed in" in found.notes[-1]


@pytest.mark.timeout(20)
@pytest.mark.parametrize("make", ODD, ids=lambda make: make.__name__)
def test_an_odd_timestamp_file_costs_the_timestamp_alone(folder, make):
    (folder / NAME).write_bytes(notebook())
    make(folder / "timestamp.txt")
    found = read(folder)
    assert found.answers == SOLVED
    assert found.timestamp is None
    assert len(found.notes) == 1
    assert "timestamp.txt" in found.notes[0]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device_is_not_opened(folder):
    try:
        os.mknod(folder / NAME, 0o20666, os.makedev(1, 5))  # /dev/zero
    except PermissionError:
        pytest.skip("this container makes no devices")
    assert "is a device" in read(folder).notes[0]


def test_a_pipe_that_takes_the_files_place_does_not_block(folder, monkeypatch):
    (folder / NAME).write_bytes(notebook())
    os.mkfifo(folder / "pipe")
    look = os.stat

    def swap(*args, **kwargs):
        seen = look(*args, **kwargs)
        if args[0] == NAME:
            os.replace(folder / "pipe", folder / NAME)
        return seen

    monkeypatch.setattr(os, "stat", swap)
    assert "is a pipe" in read(folder).notes[0]


def test_a_file_without_permission_is_told(folder, monkeypatch):
    (folder / NAME).write_bytes(notebook())
    really_open = os.open

    def refuse(path, *args, **kwargs):
        if path == NAME:
            raise PermissionError(13, "Permission denied")
        return really_open(path, *args, **kwargs)

    monkeypatch.setattr(os, "open", refuse)
    assert read(folder).notes[0] == f"`{NAME}` cannot be read (Permission denied)."


def no_folder(folder):
    folder.rmdir()


def a_file_for_a_folder(folder):
    folder.rmdir()
    folder.write_bytes(notebook())


def a_link_for_a_folder(folder):
    folder.rmdir()
    other = folder.with_name("other")
    other.mkdir()
    (other / NAME).write_bytes(notebook())
    folder.symlink_to(other)


def a_link_for_the_learner(folder):
    (folder / NAME).write_bytes(notebook())
    folder.parent.rename(folder.parent.with_name("bob"))
    folder.parent.symlink_to("bob")


@pytest.mark.parametrize(
    "make", [no_folder, a_file_for_a_folder, a_link_for_a_folder, a_link_for_the_learner]
)
def test_only_a_real_folder_is_entered(folder, make):
    make(folder)
    found = read(folder)
    assert (found.answers, found.timestamp) == ({}, None)
    assert "it must be a folder, not a link" in found.notes[0]


@pytest.mark.parametrize(
    "name", ["00_welcome (1).ipynb", "Copy of 00_welcome.ipynb", "my homework.IPYNB", "00_welcome.ipynb.txt"]
)
def test_a_renamed_notebook_is_read_with_a_note(folder, name):
    (folder / name).write_bytes(notebook())
    found = read(folder)
    assert found.answers == SOLVED
    assert f"`{name}` was graded in its place." in found.notes


def test_of_several_notebooks_the_likest_name_counts(folder):
    for name in ("01_data.ipynb", "scratch.ipynb", "._00_welcome.ipynb", ".00_welcome.ipynb"):
        (folder / name).write_bytes(b"{}")
    (folder / "00_welcome-Copy1.ipynb").write_bytes(notebook())
    assert read(folder).answers == SOLVED


def test_beside_an_unreadable_notebook_another_one_counts(folder):
    a_pipe(folder / NAME)
    a_link(folder / "00_welcome2.ipynb")
    (folder / "mine.ipynb").write_bytes(notebook())
    assert read(folder).answers == SOLVED


def test_the_right_name_goes_before_all_others(folder):
    (folder / NAME).write_bytes(notebook())
    (folder / "00_welcome (2).ipynb").write_bytes(b"{}")
    (folder / "numpy.py").write_text("raise SystemExit")
    found = read(folder)
    assert (found.answers, found.notes) == (SOLVED, ())


def test_names_cannot_break_a_note(folder):
    os.rename(folder, folder)
    (folder / ("x\n\x1b[31m" + "y" * 200 + ".ipynb")).write_bytes(notebook())
    with open(os.fsencode(folder) + b"/\xff.ipynb", "wb") as file:
        file.write(b"")
    notes = " ".join(read(folder).notes)
    assert "\n" not in notes
    assert "\x1b" not in notes
    assert len(notes) < 500
    notes.encode("utf-8")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "utf-16-le"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
def test_encodings_and_line_ends_cost_nothing(folder, encoding, end):
    text = json.dumps(json.loads(notebook()), ensure_ascii=False, indent=1).replace("\n", end)
    (folder / NAME).write_bytes(
        text.replace("\\n", end.replace("\r", "\\r").replace("\n", "\\n")).encode(encoding)
    )
    found = read(folder)
    assert (found.answers, found.notes) == (SOLVED, ())


TIMES = {
    "2015-02-02 15:58:23.948203 UTC": datetime(2015, 2, 2, 15, 58, 23, 948203),
    "2015-02-02 15:58:23.948203 America/Los_Angeles": datetime(2015, 2, 2, 23, 58, 23, 948203),
    "2015-02-02T15:58:23+01:00": datetime(2015, 2, 2, 14, 58, 23),
    "2015-02-02 15:58:23 +0100": datetime(2015, 2, 2, 14, 58, 23),
    "2015-02-02T15:58:23Z\n": datetime(2015, 2, 2, 15, 58, 23),
    "  2015-02-02 15:58\r\n": datetime(2015, 2, 2, 15, 58),
}


@pytest.mark.parametrize("text", TIMES)
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_times_are_read_in_utc(folder, text, encoding):
    (folder / NAME).write_bytes(notebook())
    (folder / "timestamp.txt").write_bytes(text.encode(encoding)[: handed_in.TIMESTAMP_BYTES])
    found = read(folder)
    assert (found.timestamp, found.notes) == (TIMES[text], ())


@pytest.mark.parametrize("zone", ["PST", "Mars/Base", "America/../../passwd", "America", "x" * 50])
def test_an_unknown_time_zone_is_taken_as_utc_with_a_note(folder, zone):
    (folder / NAME).write_bytes(notebook())
    (folder / "timestamp.txt").write_text(f"2015-02-02 15:58:23 {zone}")
    found = read(folder)
    assert found.timestamp == datetime(2015, 2, 2, 15, 58, 23)
    assert "taken as UTC" in found.notes[0]


@pytest.mark.parametrize(
    "data",
    [
        b"yesterday",
        b"\0\0",
        b"0001-01-01 00:00:00 Asia/Tokyo",
        b"9999-12-31 23:59-12:00",
        b"2015-02-31",
        b"{}",
        b"2015-02-02 15:58 /etc/passwd",
        b"\xff",
    ],
)
def test_what_is_no_time_is_told(folder, data):
    (folder / NAME).write_bytes(notebook())
    (folder / "timestamp.txt").write_bytes(data)
    found = read(folder)
    assert found.answers == SOLVED
    assert found.timestamp is None
    assert len(found.notes) == 1
    assert "time of handing in is not known" in found.notes[0]


def test_the_digest_changes_with_what_is_read_and_with_nothing_else(folder):
    (folder / NAME).write_bytes(notebook())
    digests = [read(folder).digest]
    (folder / "other.txt").write_text("x")
    assert read(folder).digest == digests[0]
    (folder / "timestamp.txt").write_text("2015-02-02 UTC")
    digests.append(read(folder).digest)
    (folder / NAME).write_bytes(notebook() + b" ")
    digests.append(read(folder).digest)
    (folder / NAME).unlink()
    digests.append(read(folder).digest)
    a_pipe(folder / NAME)
    digests.append(read(folder).digest)
    assert len(set(digests)) == len(digests)


def test_no_descriptor_stays_open(folder):
    a_pipe(folder / NAME)
    (folder / "b.ipynb").write_bytes(notebook())
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        read(folder)
    assert len(os.listdir("/proc/self/fd")) == before


def mutated(data: bytes, chance: random.Random) -> bytes:
    """Some bytes flipped, cut out, doubled, swapped or set in, as one of five accidents."""
    start, length = chance.randrange(len(data)), chance.choice([1, 3, 50, 5000])
    piece = data[start : start + length]
    new = {
        "flip": bytes(chance.randrange(256) for _ in piece),
        "cut": b"",
        "double": piece * 2,
        "reverse": piece[::-1],
        "insert": chance.choice([b'"', b"{", b"]", b"\0", b"\xff\xfe", b"\n<<<<<<< a\n", b'{"id":', b"\\"])
        + piece,
    }
    return data[:start] + chance.choice(list(new.values())) + data[start + length :]


@pytest.mark.parametrize("seed", range(6))
def test_fifty_random_damages_never_fail_and_never_take_long(folder, seed):
    chance = random.Random(seed)
    whole = notebook()
    for _ in range(50):
        data = whole
        for _ in range(chance.choice([1, 1, 2, 8])):
            data = mutated(data, chance)
        (folder / NAME).write_bytes(data)
        begun = time.process_time()
        found = read(folder)
        assert time.process_time() - begun < 2
        assert set(found.answers) <= set(SOLVED)
        json.dumps([found.answers, found.notes]).encode()
        "".join([*found.answers.values(), *found.notes]).encode("utf-8")


@pytest.mark.parametrize("seed", range(3))
def test_one_damaged_byte_leaves_most_answers(folder, seed):
    chance = random.Random(seed)
    kept = []
    for _ in range(30):
        data = bytearray(notebook())
        data[chance.randrange(len(data))] = chance.randrange(256)
        (folder / NAME).write_bytes(data)
        kept.append(len(read(folder).answers))
    assert min(kept) >= len(SOLVED) - 2
