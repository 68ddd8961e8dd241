"""Open a downloaded archive without trusting it."""

from __future__ import annotations

import stat
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from coursekit.datasets.errors import DataError, in_file

CHUNK = 1 << 20
MAX_MEMBERS = 10_000
REMEDY = "delete it and fetch it again from the official address"


def unpack(archive: Path, target: Path, *, limit: int, required: tuple[str, ...] = ()) -> Path:
    """Unpack a ZIP archive as the new folder `target`, all of it or nothing.

    Everything goes into a temporary folder beside `target`, which takes its final name at the
    very end. A single folder around all files (`ml-100k/u.data`) is taken off.

    Args:
        archive: the ZIP file.
        target: folder to create; must not exist.
        limit: bytes that may be written in all, whatever sizes the archive claims.
        required: files that must have come out.

    Raises:
        DataError: for a damaged archive, an absolute name, a name with `..`, a link, an
            encrypted member, too much content, or a required file that is missing.
    """
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as temporary:
        inside = Path(temporary) / "content"
        inside.mkdir()
        try:
            with zipfile.ZipFile(archive) as opened:
                _write_members(opened, _checked_members(opened, archive), inside, archive, limit)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, FileExistsError) as error:
            raise in_file(archive, f"not an intact ZIP archive ({error})", REMEDY) from error
        root = _without_wrapping_folder(inside)
        missing = [name for name in required if not (root / name).is_file()]
        if missing:
            raise in_file(archive, f"holds no {', '.join(missing)}", REMEDY)
        root.rename(target)
    return target


def _checked_members(opened: zipfile.ZipFile, archive: Path) -> list[zipfile.ZipInfo]:
    members = opened.infolist()
    if len(members) > MAX_MEMBERS:
        raise in_file(archive, f"holds {len(members):,} members, more than {MAX_MEMBERS:,}", REMEDY)
    names = [member.filename.rstrip("/").casefold() for member in members]
    for member in members:
        problem = _problem(member)
        if problem:
            raise in_file(archive, f"member {member.filename!r} {problem}; nothing was unpacked", REMEDY)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise in_file(archive, f"holds {twice!r} twice; nothing was unpacked", REMEDY)
    return [member for member in members if not member.is_dir()]


def _problem(member: zipfile.ZipInfo) -> str | None:
    """Why this member must not be unpacked, or None."""
    # orig_filename is what the archive says: zipfile cuts names at NUL and turns backslashes on Windows.
    name = member.orig_filename
    if name.startswith("/") or any(mark in name for mark in ("\\", ":", "\0")):
        return "is an absolute path or has a character that is not allowed"
    if ".." in PurePosixPath(name).parts:
        return "leads out of its folder ('..')"
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "is a link or a special file"
    return "is encrypted" if member.flag_bits & 0x1 else None


def _write_members(
    opened: zipfile.ZipFile, members: list[zipfile.ZipInfo], folder: Path, archive: Path, limit: int
) -> None:
    left = limit
    for member in members:
        path = folder / member.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        # "x": a file is never written through something that lies there already.
        with opened.open(member) as source, open(path, "xb") as sink:
            while chunk := source.read(CHUNK):
                left -= len(chunk)
                if left < 0:
                    raise _too_large(archive, limit)
                sink.write(chunk)


def _too_large(archive: Path, limit: int) -> DataError:
    return in_file(archive, f"unpacks to more than {limit:,} bytes; nothing was kept", REMEDY)


def _without_wrapping_folder(folder: Path) -> Path:
    # macOS adds a folder of its own beside the real one.
    entries = [path for path in folder.iterdir() if path.name != "__MACOSX"]
    return entries[0] if len(entries) == 1 and entries[0].is_dir() else folder
