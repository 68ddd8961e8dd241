"""One model, one file: arrays as NumPy's .npz, everything else as JSON beside them, never a pickle."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
from scipy import sparse

from coursekit.files import whole_file

FORMAT = "coursekit-model/1"
_CSR_PARTS = ("data", "indices", "indptr")


def write_model(path: str | Path, name: str, options: dict[str, object], state: dict[str, object]) -> Path:
    """Write a model and return the path.

    The bytes go to a temporary file in the same folder that then takes the place of `path`, so a
    reader meets the old file or the new one and never half of one.

    Args:
        path: the file's name, by custom ending in .npz.
        name: the model's class.
        options: what the class is built with. Values JSON cannot hold are written as null.
        state: what it learned: NumPy arrays, sparse CSR arrays, numbers, strings.
    """
    arrays: dict[str, np.ndarray] = {}
    header = {"format": FORMAT, "model": name, "options": options, "sparse": {}, "plain": {}}
    for key, value in state.items():
        if sparse.issparse(value):
            header["sparse"][key] = value.shape
            arrays |= {f"{key}.{part}": getattr(value, part) for part in _CSR_PARTS}
        elif isinstance(value, np.ndarray):
            arrays[key] = value
        else:
            header["plain"][key] = value
    arrays["header"] = np.array(json.dumps(header, default=lambda _: None))
    return _replace_whole(Path(path), arrays)


def read_model(path: str | Path) -> tuple[str, dict[str, object], dict[str, object]]:
    """Read what `write_model` wrote: the class's name, its options, its state.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when the file is damaged or was not written by `write_model`.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        header = json.loads(str(arrays.pop("header")))
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}")
        state = {**header["plain"], **arrays}
        for key, shape in header["sparse"].items():
            parts = tuple(state.pop(f"{key}.{part}") for part in _CSR_PARTS)
            state[key] = sparse.csr_array(parts, shape=tuple(shape))
        return header["model"], header["options"], state
    except FileNotFoundError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"{path} is not a whole {FORMAT} file ({error}); write it again with model.save(path)"
        ) from error


def _replace_whole(path: Path, arrays: dict[str, np.ndarray]) -> Path:
    with whole_file(path) as draft, open(draft, "wb") as file:  # a name would get .npz added
        np.savez(file, **arrays)
    return path
