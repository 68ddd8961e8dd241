"""Where data lies on this machine, and how it gets there."""

from __future__ import annotations

import os
from pathlib import Path

from coursekit.datasets.archive import unpack
from coursekit.datasets.download import download
from coursekit.datasets.errors import DataError
from coursekit.datasets.registry import CAMPUS, Dataset, entry
from coursekit.files import campus_folders, locked

VARIABLE = "COURSEKIT_DATA"


def data_home() -> Path:
    """Folder that holds one folder per data set: `$COURSEKIT_DATA`, else `~/.coursekit/data`."""
    chosen = os.environ.get(VARIABLE, "").strip()
    return Path(chosen).expanduser() if chosen else _default_home()


def _default_home() -> Path:
    return Path.home() / ".coursekit" / "data"


def find(name: str | Dataset, folder: Path | str | None = None) -> Path | None:
    """The folder in which all files of a data set already lie, or None.

    Looks in `folder` when given; otherwise in `$COURSEKIT_DATA`, then in `~/.coursekit/data`.
    Campus is found where it was shipped: inside the installed package, or in the checkout.
    """
    dataset = entry(name)
    if folder is not None:
        homes = [Path(folder)]
    elif dataset is CAMPUS:
        return next(filter(lambda place: _complete(dataset, place), campus_folders()), None)
    else:
        homes = [data_home(), _default_home()]
    return next((home / dataset.name for home in homes if _complete(dataset, home / dataset.name)), None)


def fetch(name: str | Dataset, folder: Path | str | None = None, progress: bool = True) -> Path:
    """Make sure that a data set lies on this machine.

    What is there is used as it is. Otherwise its licence is printed, and its archive is
    downloaded from the first address that yields the published SHA-256 (interrupted downloads
    continue), unpacked into a temporary folder and renamed: never a half file. An archive that
    you put beside yourself (`<home>/ml-100k.zip`) is checked and unpacked instead.

    Args:
        name: a name from `DATASETS`, or a `Dataset` of your own.
        folder: where data sets go; by default `data_home()`.
        progress: show a progress bar.

    Returns:
        The folder with the data set's files, `<folder>/<name>`.

    Raises:
        DataError: when the name is unknown, no address works, or the folder cannot be written;
            says what to do.
    """
    dataset = entry(name)
    found = find(dataset, folder)
    if found is not None:
        return found
    home = Path(folder) if folder is not None else data_home()
    target = home / dataset.name
    if not dataset.urls:
        raise DataError(_how_to_get(dataset, target))
    try:
        home.mkdir(parents=True, exist_ok=True)
        with locked(home / f".{dataset.name}"):
            # Another process may have finished it while this one waited.
            return target if _complete(dataset, target) else _download_and_unpack(dataset, target, progress)
    except OSError as error:
        remedy = f"choose a folder you may write to, with fetch({dataset.name!r}, folder=...) or {VARIABLE}"
        raise DataError(f"{home}: cannot store {dataset.name} here ({error}). Remedy: {remedy}") from error


def _download_and_unpack(dataset: Dataset, target: Path, progress: bool) -> Path:
    if target.exists():
        missing = [file for file in dataset.files if not (target / file).is_file()]
        raise DataError(f"{target}: lacks {', '.join(missing)}. Remedy: complete or delete this folder")
    archive = target.with_name(dataset.archive)
    by_hand = archive.exists()
    if by_hand:
        _verify(archive, dataset)
    else:
        print(
            f"{dataset.name}: {dataset.description}.\nLicence: {dataset.licence}.\nCite: {dataset.citation}"
        )
        try:
            download(dataset.urls, archive, sha256=dataset.sha256, size=dataset.size, progress=progress)
        except DataError as error:
            raise DataError(f"{error}\n{_by_hand(dataset, archive)}") from None
    unpack(archive, target, limit=dataset.unpacked_limit, required=dataset.files)
    if not by_hand:
        archive.unlink()
    return target


def _verify(archive: Path, dataset: Dataset) -> None:
    import hashlib

    with open(archive, "rb") as source:
        digest = hashlib.file_digest(source, "sha256").hexdigest()
    if digest != dataset.sha256:
        raise DataError(
            f"{archive}: SHA-256 is {digest}, {dataset.sha256} is published for {dataset.archive}. "
            "Remedy: delete it and call again"
        )


def _by_hand(dataset: Dataset, archive: Path) -> str:
    return (
        f"Remedy: try again later; or download {dataset.urls[0]} by another way, put it at {archive} "
        f"and call again; or point {VARIABLE} to a folder that holds {dataset.name}/{dataset.files[0]}"
    )


def _how_to_get(dataset: Dataset, target: Path) -> str:
    if dataset is CAMPUS:
        places = ", ".join(str(place) for place in campus_folders())
        return f"campus: its files are missing from {places}. Remedy: install coursekit again"
    return (
        f"{dataset.name} cannot be downloaded and {target} does not hold {', '.join(dataset.files)}. "
        f"Remedy: point {VARIABLE} to a folder that holds {dataset.name}/{dataset.files[0]}; "
        "datasets/README.md says where it comes from"
    )


def _complete(dataset: Dataset, folder: Path) -> bool:
    return all((folder / file).is_file() for file in dataset.files)
