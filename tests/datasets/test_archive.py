import io
import stat
import struct
import zipfile

import pytest

from coursekit.datasets import DataError
from coursekit.datasets.archive import unpack


@pytest.fixture
def unpacked(tmp_path, zipped):
    """Unpack an archive of these files (or these bytes) as tmp_path/target."""

    def make(files, **options):
        archive = tmp_path / "a.zip"
        archive.write_bytes(files if isinstance(files, bytes) else zipped(files))
        return unpack(archive, tmp_path / "target", **{"limit": 10_000} | options)

    return make


@pytest.fixture
def untouched(tmp_path):
    """What a refused archive must leave: itself and what was there before."""

    def check():
        assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
        assert not (tmp_path.parent / "evil.txt").exists()

    return check


def contents(folder):
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_folder_around_all_files_is_taken_off(unpacked, tmp_path):
    folder = unpacked({"ml-100k/u.data": "1", "ml-100k/more/u.item": "2"})
    assert folder == tmp_path / "target"
    assert contents(folder) == {"u.data": "1", "more/u.item": "2"}


def test_files_without_a_folder_stay_as_they_are(unpacked):
    assert contents(unpacked({"u.data": "1", "u.item": "2"})) == {"u.data": "1", "u.item": "2"}


def test_nothing_but_the_target_stays(unpacked, tmp_path):
    unpacked({"x/u.data": "1"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "target"]


@pytest.mark.parametrize(
    "name",
    [
        "../evil.txt",
        "x/../../evil.txt",
        "/evil.txt",
        "C:/evil.txt",
        "C:evil.txt",
        "..\\evil.txt",
        "\\evil.txt",
    ],
)
def test_name_that_leads_out_is_refused_and_nothing_is_unpacked(unpacked, untouched, name):
    with pytest.raises(DataError, match=r"a\.zip: member .* (leads out|absolute).*Remedy: delete it"):
        unpacked({"x/good.txt": "1", name: "evil"})
    untouched()


def link(name, to):
    member = zipfile.ZipInfo(name)
    member.create_system = 3
    member.external_attr = (stat.S_IFLNK | 0o777) << 16
    return member, to


@pytest.mark.parametrize("to", ["/etc/passwd", "../..", "good.txt"])
def test_link_is_refused(unpacked, untouched, to):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("good.txt", "1")
        archive.writestr(*link("door", to))
        archive.writestr("door/evil.txt", "evil")
    with pytest.raises(DataError, match="member 'door' is a link or a special file; nothing was unpacked"):
        unpacked(buffer.getvalue())
    untouched()


def test_more_content_than_the_limit_is_refused(unpacked, untouched):
    with pytest.raises(DataError, match=r"unpacks to more than 10,000 bytes; nothing was kept"):
        unpacked({"a": b"0" * 6_000, "b": b"0" * 6_000})
    untouched()


def test_content_at_the_limit_is_accepted(unpacked):
    assert (unpacked({"a": b"0" * 6_000, "b": b"0" * 4_000}) / "b").stat().st_size == 4_000


def test_archive_that_lies_about_sizes_is_refused(unpacked, untouched, zipped):
    data = bytearray(zipped({"a": b"0" * 50_000}))
    directory = data.index(b"PK\x01\x02")
    for place in (22, directory + 24):  # the uncompressed size, in the local and the central header
        data[place : place + 4] = struct.pack("<I", 10)
    with pytest.raises(DataError):
        unpacked(bytes(data))
    untouched()


@pytest.mark.parametrize("damage", ["truncated", "bit", "empty", "text"])
def test_damaged_archive_is_refused(unpacked, untouched, zipped, damage):
    data = bytearray(zipped({"a.txt": bytes(range(256)) * 20}))
    data[60] ^= 0xFF
    broken = {"truncated": data[:-30], "bit": data, "empty": b"", "text": b"<html></html>"}[damage]
    with pytest.raises(DataError, match="not an intact ZIP archive"):
        unpacked(bytes(broken))
    untouched()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_name_that_occurs_twice_is_refused(unpacked, untouched):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.txt", "1")
        archive.writestr("A.txt", "2")  # one file on Windows and macOS
    with pytest.raises(DataError, match=r"'a\.txt' twice"):
        unpacked(buffer.getvalue())
    untouched()


def test_file_that_is_also_a_folder_is_refused(unpacked, untouched):
    with pytest.raises(DataError, match="not an intact ZIP archive"):
        unpacked({"a": "1", "a/b": "2"})
    untouched()


def test_encrypted_member_is_refused(unpacked, untouched, zipped):
    data = bytearray(zipped({"a": "1"}))
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match="'a' is encrypted"):
        unpacked(bytes(data))
    untouched()


def test_required_file_that_is_missing_is_named(unpacked, untouched):
    with pytest.raises(DataError, match=r"holds no u\.item"):
        unpacked({"x/u.data": "1"}, required=("u.data", "u.item"))
    untouched()
