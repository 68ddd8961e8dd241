import pickle

import numpy as np
import pytest
import torch

from coursekit.training import checkpoint


def test_what_is_read_is_what_was_written(tmp_path):
    content = {
        "t": torch.arange(3.0),
        "n": np.float64(0.1),
        "deep": [(1, None), {"s": "x", 5: True}],
        "big": 2**127,
    }
    checkpoint.write(content, tmp_path / "sub" / "a.pt")
    read = checkpoint.read(tmp_path / "sub" / "a.pt")
    assert torch.equal(read.pop("t"), content.pop("t"))
    assert read == content | {"format": 1}
    assert type(read["n"]) is float


def test_what_is_not_plain_is_named_and_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.pt"
    checkpoint.write({"n": 1}, path)
    with pytest.raises(TypeError, match=r"checkpoint\['rows'\]\[1\] is a set and cannot be kept"):
        checkpoint.write({"rows": [1, {2}]}, path)
    assert checkpoint.read(path)["n"] == 1


def test_a_write_that_breaks_off_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "a.pt"
    checkpoint.write({"n": 1}, path)

    def full_disk(content, file):
        file.write(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(torch, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write({"n": 2}, path)
    assert checkpoint.read(path)["n"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["a.pt"]


@pytest.mark.parametrize("content", [b"", b"nonsense", pickle.dumps({"format": 1, "bad": print}, 2)])
def test_a_damaged_or_foreign_file_is_refused(tmp_path, content):
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.pt is no checkpoint, or a damaged one; delete it"):
        checkpoint.read(path)


def test_reading_runs_no_code(tmp_path):
    class Harm:
        def __reduce__(self):
            return (tmp_path.joinpath("harm").touch, ())

    path = tmp_path / "a.pt"
    torch.save({"format": 1, "harm": Harm()}, path)
    with pytest.raises(ValueError, match="is no checkpoint"):
        checkpoint.read(path)
    assert not (tmp_path / "harm").exists()


def test_a_file_of_another_format_is_refused(tmp_path):
    torch.save({"model": {}}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="not a checkpoint of format 1"):
        checkpoint.read(tmp_path / "a.pt")
