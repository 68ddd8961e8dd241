"""Damaged files: encodings, cut-off JSON, odd formats, links and devices where a notebook should be."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

from tests.grading.corpus.entry import Entry, Place, as_bytes, cell_of, damaged, full, put, released, solved

LESSON = "00_welcome"
FILE = f"{LESSON}.ipynb"


def encoded(name: str, encoding: str, *, before: bytes = b"", **more: object) -> Entry:
    """A right notebook in another encoding, with a title that needs more than ASCII."""

    def damage(notebook: dict) -> bytes:
        notebook["cells"][0]["source"] = ["# Ähnlichkeit"]
        return before + as_bytes(notebook).decode().encode(encoding, errors="replace")

    return damaged(f"broken-{name}", damage, **more)


ENCODINGS = [
    encoded("bom", "utf-8", before=b"\xef\xbb\xbf"),
    encoded("utf-16", "utf-16"),
    encoded("utf-16-without-bom", "utf-16-le"),
    encoded("utf-16-big-endian", "utf-16-be", before=b"\xfe\xff"),
    encoded("utf-32", "utf-32"),
    encoded("latin-1", "latin-1", noted=True),
    damaged("broken-crlf", lambda notebook: as_bytes(notebook).replace(b"\n", b"\r\n")),
    damaged(
        "broken-utf-8-cut",
        lambda notebook: as_bytes(notebook).replace(b"# 00", b"# \xe2\x82 00", 1),
        noted=True,
    ),
]


def _cut_after(name: str) -> Callable[[dict], bytes]:
    """The upload stopped just behind this cell."""

    def damage(notebook: dict) -> bytes:
        place = notebook["cells"].index(cell_of(notebook, name)) + 1
        whole = as_bytes({**notebook, "cells": notebook["cells"][:place]})
        return whole[: whole.rindex(b"]")] + b',\n  {"cell_type": "code", "id": "x", "sour'

    return damage


def _conflict(notebook: dict) -> bytes:
    """Git's markers around one output line, as after a failed merge."""
    text = as_bytes(notebook).decode()
    mark = '   "execution_count": null,\n'
    theirs = '   "execution_count": 7,\n'
    return text.replace(mark, f"<<<<<<< HEAD\n{mark}=======\n{theirs}>>>>>>> theirs\n", 1).encode()


def _minor_format(**given: object) -> Callable[[dict], None]:
    return lambda notebook: notebook.update(given)


def _old_format(notebook: dict) -> dict:
    """nbformat 3: worksheets, `input` and `prompt_number`; metadata of cells are kept."""
    cells = []
    for cell in notebook["cells"]:
        old = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        if cell["cell_type"] == "code":
            old |= {
                "input": cell["source"],
                "outputs": [],
                "prompt_number": 1,
                "language": "python",
                "collapsed": False,
            }
        else:
            old["source"] = cell["source"]
        cells.append(old)
    return {
        "metadata": {"name": ""},
        "nbformat": 3,
        "nbformat_minor": 0,
        "worksheets": [{"cells": cells, "metadata": {}}],
    }


def _repeated_key(notebook: dict) -> bytes:
    return as_bytes(notebook).replace(b'{\n "cells"', b'{\n "metadata": {}, "nbformat": 4, "cells"', 1)


def _huge_numbers(notebook: dict) -> bytes:
    return as_bytes(notebook).replace(b'"nbformat_minor": 5', b'"nbformat_minor": ' + b"9" * 6000)


def _nested_metadata(notebook: dict) -> bytes:
    return as_bytes(notebook).replace(
        b'"language_info"', b'"deep": ' + b"[" * 50_000 + b"]" * 50_000 + b', "language_info"'
    )


def _large(notebook: dict) -> None:
    """30 MB of outputs."""
    line = "0123456789" * 100 + "\n"
    for cell in notebook["cells"][:6]:
        if cell["cell_type"] == "code":
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [line] * 10_000}]


JSON = [
    damaged(
        "broken-cut-off",
        _cut_after("cosine-rows"),
        earns=full(LESSON, only=("overlap", "cosine-rows")),
        noted=True,
    ),
    damaged("broken-cut-last-byte", lambda notebook: as_bytes(notebook).rstrip()[:-1], noted=True),
    damaged("broken-conflict", _conflict, noted=True),
    damaged(
        "broken-trailing-comma",
        lambda notebook: as_bytes(notebook).replace(b"\n ],\n", b",\n ],\n", 1),
        noted=True,
    ),
    damaged(
        "broken-two-files-in-one",
        lambda notebook: as_bytes(released(LESSON)) + as_bytes(notebook),
        noted=True,
    ),
    damaged("broken-nul-bytes-behind", lambda notebook: as_bytes(notebook) + bytes(4096)),
    damaged("broken-repeated-key", _repeated_key),
    damaged("broken-huge-numbers", _huge_numbers),
    damaged("broken-nested-metadata", _nested_metadata),
    damaged(
        "broken-nan",
        lambda notebook: as_bytes(notebook).replace(b'"execution_count": null', b'"execution_count": NaN'),
    ),
    damaged("broken-large", _large),
    damaged("broken-empty", lambda notebook: b"", earns={}, noted=True),
    damaged("broken-null", lambda notebook: b"null", earns={}, noted=True),
    damaged("broken-list", lambda notebook: b"[[], {}]", earns={}, noted=True),
    damaged(
        "broken-object",
        lambda notebook: {"cells": {"a": 1}, "metadata": [], "nbformat": []},
        earns={},
        noted=True,
    ),
    damaged(
        "broken-no-notebook", lambda notebook: b"%PDF-1.4\n\xff\xfe\x00binary" * 50, earns={}, noted=True
    ),
    damaged("broken-brackets", lambda notebook: b'{"cells": ' + b"[{" * 200_000, earns={}, noted=True),
    damaged("broken-minor-99", _minor_format(nbformat_minor=99)),
    damaged("broken-format-5", _minor_format(nbformat=5)),
    damaged("broken-format-text", _minor_format(nbformat="4", nbformat_minor=None)),
    damaged("broken-nbformat-3", _old_format),
]


def _special(name: str, make: Callable[[Path, Place], None], **more: object) -> Entry:
    """A folder that is made by hand; nothing can be read from it unless `earns` says so."""
    return Entry(f"broken-{name}", "broken", LESSON, make, **{"earns": {}, "noted": True, **more})


def _in_folder(make: Callable[[Path], object]) -> Callable[[Path, Place], None]:
    def write(folder: Path, place: Place) -> None:
        folder.mkdir(parents=True)
        make(folder)

    return write


def _socket(folder: Path) -> None:
    here = os.getcwd()
    os.chdir(folder)  # the name of a socket may have 108 characters only
    try:
        socket.socket(socket.AF_UNIX).bind(FILE)
    finally:
        os.chdir(here)


def _sparse(folder: Path) -> None:
    with (folder / FILE).open("wb") as file:
        file.truncate(2**32)


def _unreadable(folder: Path) -> None:
    put(folder, {FILE: as_bytes(solved(LESSON))})
    (folder / FILE).chmod(0)


def _files(**files: object) -> Callable[[Path, Place], None]:
    return _in_folder(lambda folder: put(folder, {name: as_bytes(made) for name, made in files.items()}))


def _timestamp(content: bytes) -> Callable[[Path, Place], None]:
    files = {FILE: as_bytes(solved(LESSON)), "timestamp.txt": content}
    return _in_folder(lambda folder: put(folder, files))


def _timestamp_fifo(folder: Path) -> None:
    put(folder, {FILE: as_bytes(solved(LESSON))})
    os.mkfifo(folder / "timestamp.txt")


def _a_file(folder: Path, place: Place) -> None:
    put(folder.parent, {LESSON: as_bytes(solved(LESSON))})


PLACES = [
    _special("fifo", _in_folder(lambda folder: os.mkfifo(folder / FILE))),
    _special("device", _in_folder(lambda folder: os.symlink("/dev/zero", folder / FILE))),
    _special("link-loop", _in_folder(lambda folder: os.symlink(FILE, folder / FILE))),
    _special("link-to-nothing", _in_folder(lambda folder: os.symlink("/nowhere", folder / FILE))),
    _special("folder-for-file", _in_folder(lambda folder: (folder / FILE / FILE).mkdir(parents=True))),
    _special("socket", _in_folder(_socket)),
    _special("four-gigabytes", _in_folder(_sparse)),
    # Root may read everything, so both are right.
    _special("unreadable", _in_folder(_unreadable), unsure=frozenset(full(LESSON)), noted=False),
    _special("empty-folder", _in_folder(lambda folder: None)),
    _special("file-for-folder", _a_file, unsure=frozenset(full(LESSON)), noted=False),
    _special("other-name", _files(**{"My Copy (2).ipynb": solved(LESSON)}), earns=full(LESSON)),
    _special("upper-case", _files(**{"00_WELCOME.IPYNB": solved(LESSON)}), earns=full(LESSON)),
    _special(
        "two-notebooks",
        _files(**{FILE: solved(LESSON), "00_welcome-Copy1.ipynb": released(LESSON)}),
        earns=full(LESSON),
        noted=False,
    ),
    _special("checkpoint-only", _files(**{f".ipynb_checkpoints/{LESSON}-checkpoint.ipynb": solved(LESSON)})),
    _special(
        "timestamp-odd", _timestamp(b"next Tuesday, __import__('os').getcwd() \xff"), earns=full(LESSON)
    ),
    _special("timestamp-far", _timestamp(b"99999-12-31 23:59:59.9 UTC"), earns=full(LESSON)),
    _special("timestamp-large", _timestamp(b"2" * 10**6), earns=full(LESSON)),
    _special("timestamp-fifo", _in_folder(_timestamp_fifo), earns=full(LESSON)),
    _special(
        "timestamp-zone",
        _timestamp(b"2026-02-02 15:58:23.948203 America/Los_Angeles"),
        earns=full(LESSON),
        noted=False,
    ),
]

ENTRIES = [*ENCODINGS, *JSON, *PLACES]
