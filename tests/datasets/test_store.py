import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from unreliable_server import status, truncated, whole

from coursekit.datasets import DATASETS, DataError, Dataset, data_home, fetch, find

FILES = {"tiny/u.data": "1\t2\t3\t4\n", "tiny/README": "hello"}


@pytest.fixture
def tiny(server, zipped):
    """A data set on the local server; `.urls` can be replaced."""
    content = zipped(FILES)
    return Dataset(
        name="tiny",
        description="one rating",
        licence="anything goes",
        citation="nobody",
        files=("u.data",),
        urls=(server.at("/tiny.zip", whole(content)),),
        size=len(content),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def names(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_fetched_folder_holds_the_files_and_nothing_else_stays(home, tiny):
    folder = fetch(tiny, progress=False)
    assert folder == home / "tiny"
    assert names(folder) == ["README", "u.data"]
    assert names(home) == ["tiny"]


def test_licence_is_shown_before_a_download_only(home, tiny, capsys):
    fetch(tiny, progress=False)
    shown = capsys.readouterr().out
    assert "Licence: anything goes." in shown
    assert "Cite: nobody" in shown
    fetch(tiny, progress=False)
    assert capsys.readouterr().out == ""


def test_second_fetch_asks_nobody(home, tiny, server):
    assert fetch(tiny, progress=False) == fetch(tiny, progress=False)
    assert len(server.calls) == 1


def test_folder_argument_wins(home, tiny, tmp_path):
    assert fetch(tiny, tmp_path / "elsewhere", progress=False) == tmp_path / "elsewhere" / "tiny"
    assert not home.exists()


def test_files_in_coursekit_data_are_found_without_a_download(home, tiny, server):
    (home / "tiny").mkdir(parents=True)
    (home / "tiny" / "u.data").write_text("mine")
    assert fetch(tiny) == home / "tiny"
    assert server.calls == []


def test_files_fetched_earlier_are_found_when_coursekit_data_points_elsewhere(
    home, tiny, monkeypatch, tmp_path
):
    monkeypatch.delenv("COURSEKIT_DATA")
    first = fetch(tiny, progress=False)
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "other"))
    assert fetch(tiny, progress=False) == first


def test_data_home_is_the_variable_or_a_folder_in_the_users_home(home, monkeypatch):
    assert data_home() == home
    for nothing in ("", "  "):
        monkeypatch.setenv("COURSEKIT_DATA", nothing)
        assert data_home() == Path.home() / ".coursekit" / "data"
    monkeypatch.setenv("COURSEKIT_DATA", "~/sets")
    assert data_home() == Path.home() / "sets"


def test_failed_download_says_what_to_do_and_a_retry_succeeds(home, tiny, server, zipped):
    content = zipped(FILES)
    server.at("/tiny.zip", truncated(content, 100, announce=False))
    with pytest.raises(DataError) as caught:
        fetch(tiny, progress=False)
    assert f"put it at {home / 'tiny.zip'}" in str(caught.value)
    assert "COURSEKIT_DATA" in str(caught.value)
    assert names(home) == ["tiny.zip.part"]
    assert find(tiny) is None
    server.at("/tiny.zip", whole(content))
    assert names(fetch(tiny, progress=False)) == ["README", "u.data"]
    assert names(home) == ["tiny"]


def test_mirror_is_used_when_the_official_address_fails(home, tiny, server):
    both = replace(tiny, urls=(server.at("/gone", status(404)), *tiny.urls))
    assert (fetch(both, progress=False) / "u.data").read_text() == FILES["tiny/u.data"]


def test_archive_put_there_by_hand_is_unpacked_and_kept(home, tiny, server, zipped):
    home.mkdir()
    (home / "tiny.zip").write_bytes(zipped(FILES))
    fetch(tiny)
    assert names(home) == ["tiny", "tiny.zip"]
    assert server.calls == []


def test_wrong_archive_put_there_by_hand_is_refused(home, tiny, zipped):
    home.mkdir()
    (home / "tiny.zip").write_bytes(zipped({"tiny/u.data": "other"}))
    with pytest.raises(DataError, match=rf"tiny\.zip: SHA-256 is .*, {tiny.sha256} is published"):
        fetch(tiny)
    assert names(home) == ["tiny.zip"]


def test_folder_with_missing_files_is_never_overwritten(home, tiny):
    (home / "tiny").mkdir(parents=True)
    (home / "tiny" / "notes.txt").write_text("mine")
    with pytest.raises(DataError, match=r"tiny: lacks u\.data\. Remedy: complete or delete this folder"):
        fetch(tiny)
    assert names(home / "tiny") == ["notes.txt"]


def test_folder_that_cannot_be_made_is_named(tiny, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"cannot store tiny here .* COURSEKIT_DATA"):
        fetch(tiny, tmp_path / "file" / "below")


def test_four_fetches_at_once_download_once(home, tiny, server):
    # Threads stand in for notebooks: the lock belongs to the open file, not to the process.
    with ThreadPoolExecutor(4) as pool:
        folders = list(pool.map(lambda _: fetch(tiny, progress=False), range(4)))
    assert folders == [home / "tiny"] * 4
    assert len(server.calls) == 1
    assert names(home) == ["tiny"]


def test_unknown_name_is_answered_with_the_names_there_are(home):
    with pytest.raises(DataError, match=r"'ml100k'; there are campus, ml-100k, .*Did you mean 'ml-100k'\?"):
        fetch("ml100k")


def test_set_without_an_address_says_where_to_put_it(home):
    with pytest.raises(
        DataError, match=r"ml-1m-ncf cannot be downloaded.*COURSEKIT_DATA.*ml-1m-ncf/ml-1m-ncf\.npz"
    ):
        fetch("ml-1m-ncf")


def test_registry_is_complete_and_cannot_be_changed():
    assert list(DATASETS) == ["campus", "ml-100k", "ml-1m", "ml-latest-small", "ml-25m", "ml-1m-ncf"]
    with pytest.raises(TypeError):
        DATASETS["new"] = DATASETS["campus"]
    for name, dataset in DATASETS.items():
        assert dataset.name == name
        assert dataset.licence
        assert dataset.citation
        if dataset.urls:
            assert dataset.urls[0] == f"https://files.grouplens.org/datasets/movielens/{name}.zip"
            assert all(url.startswith("https://") for url in dataset.urls)
            assert len(bytes.fromhex(dataset.sha256)) == 32
            assert 100_000 < dataset.size < dataset.unpacked_limit


def test_every_checksum_stands_in_the_readme_for_humans():
    readme = Path(__file__).parents[2] / "datasets" / "README.md"
    text = readme.read_text(encoding="utf-8")
    for dataset in DATASETS.values():
        assert f"`{dataset.name}`" in text
        assert dataset.sha256 is None or dataset.sha256 in text
        assert all(url in text for url in dataset.urls)
