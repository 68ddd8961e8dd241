"""Damaged and foreign files: always one clear error, never half a file."""

import numpy as np
import pytest
from contract import taste_data

from coursekit.models import ItemKNN, Popularity, Recommender, storage


@pytest.fixture
def saved(tmp_path):
    return ItemKNN("jaccard", 7, 1.5).fit(taste_data()).save(tmp_path / "model.npz")


def test_options_come_back(saved):
    model = ItemKNN.load(saved)
    assert (model.similarity, model.n_neighbours, model.shrinkage) == ("jaccard", 7, 1.5)


@pytest.mark.parametrize("keep", [0, 1, 100, 0.5, 0.99])
def test_truncated_file_is_called_damaged(saved, keep):
    whole = saved.read_bytes()
    saved.write_bytes(whole[: int(keep * len(whole)) if isinstance(keep, float) else keep])
    with pytest.raises(ValueError, match=r"model.npz is not a whole coursekit-model/1 file"):
        ItemKNN.load(saved)


def test_flipped_bit_is_noticed(saved):
    broken = bytearray(saved.read_bytes())
    broken[len(broken) // 2] ^= 0x10
    saved.write_bytes(broken)
    with pytest.raises(ValueError, match="is not a whole"):
        ItemKNN.load(saved)


def test_pickle_is_never_opened(tmp_path):
    path = tmp_path / "evil.npz"
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    with pytest.raises(ValueError, match="is not a whole"):
        Recommender.load(path)


@pytest.mark.parametrize("header", ['{"format": "other"}', "[]", "no json", "{}"])
def test_foreign_file_is_refused(tmp_path, header):
    path = tmp_path / "foreign.npz"
    np.savez(path, header=np.array(header))
    with pytest.raises(ValueError, match="is not a whole"):
        Recommender.load(path)


def test_plain_array_file_is_refused(tmp_path):
    np.save(tmp_path / "array.npy", np.eye(2))
    with pytest.raises(ValueError, match="is not a whole"):
        Recommender.load(tmp_path / "array.npy")


def test_file_of_another_model_is_refused(saved):
    with pytest.raises(ValueError, match=r"holds a ItemKNN, not a Popularity; load it with ItemKNN.load"):
        Popularity.load(saved)


def test_missing_file_is_called_missing(tmp_path):
    with pytest.raises(FileNotFoundError):
        ItemKNN.load(tmp_path / "nothing.npz")


def test_failed_save_leaves_the_old_file_whole(saved, monkeypatch):
    before = saved.read_bytes()

    def full_disk(file, **arrays):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(storage.np, "savez", full_disk)
    with pytest.raises(OSError, match="no space"):
        Popularity().fit(taste_data()).save(saved)
    assert saved.read_bytes() == before
    assert [file.name for file in saved.parent.iterdir()] == ["model.npz"]
