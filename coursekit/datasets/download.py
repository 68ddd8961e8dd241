"""Download one file so that it is either whole and verified or not there.

Bytes stream into `<target>.part` while their SHA-256 is computed; only a part with the right
checksum is renamed to `<target>`. An interrupted part stays and the next call continues it.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from coursekit.datasets.errors import DataError

if TYPE_CHECKING:
    import requests
    from tqdm import tqdm

CHUNK = 1 << 16
TIMEOUT = (10.0, 30.0)  # seconds to connect, seconds between two pieces of data
TRIES = 3  # attempts an address gets while the fault looks passing
PAUSE = 0.5  # seconds before a second attempt, twice that before a third
MAX_REDIRECTS = 5


class _Passing(Exception):
    """A fault after which the same address deserves another attempt; the part is kept."""


class _Lasting(Exception):
    """A fault of this address; the next address is tried."""


def download(
    urls: Sequence[str],
    target: Path,
    *,
    sha256: str,
    size: int,
    progress: bool = True,
    timeout: tuple[float, float] | None = None,
) -> Path:
    """Fetch `target` from the first address that yields the right bytes.

    Args:
        urls: addresses of byte-identical copies, in order of preference.
        target: file to create; `<target>.part` beside it holds unfinished data.
        sha256: hex digest of the whole file.
        size: its bytes; a longer answer is cut off, a shorter one continued.
        progress: show a bar.
        timeout: seconds to connect and seconds between two pieces of data (default 10 and 30).

    Returns:
        `target`. When it exists nothing is fetched.

    Raises:
        DataError: when no address yields the file; names each address with what went wrong.
    """
    if target.exists():
        return target
    part = target.with_name(target.name + ".part")
    faults = []
    for url in urls:
        try:
            _from_one_address(url, part, sha256, size, progress, timeout or TIMEOUT)
        except _Lasting as fault:
            faults.append(f"  {url}: {fault}")
        else:
            os.replace(part, target)
            return target
    raise DataError(f"{target.name} could not be downloaded:\n" + "\n".join(faults))


def _from_one_address(
    url: str, part: Path, sha256: str, size: int, progress: bool, timeout: tuple[float, float]
) -> None:
    """Leave the whole, verified file in `part`, or raise `_Lasting`."""
    for attempt in range(TRIES):
        time.sleep(PAUSE * attempt)
        continued = _size_of(part) > 0
        try:
            with _readable_faults():
                digest = _stream(url, part, size, progress, timeout)
        except _Passing as fault:
            have = _size_of(part)
            last = str(fault)
            last += f" after {have:,} of {size:,} bytes (kept: the next call goes on there)" if have else ""
            continue
        if digest == sha256:
            return
        part.unlink()
        last = f"wrong checksum: SHA-256 {digest[:12]}… where {sha256[:12]}… is published (deleted)"
        # A continued part may have been bad from its start: such a file gets one fresh attempt here.
        if not continued:
            break
    raise _Lasting(last)


def _stream(url: str, part: Path, size: int, progress: bool, timeout: tuple[float, float]) -> str:
    """Append what is missing to `part`; the SHA-256 of the whole."""
    if _size_of(part) > size:
        part.unlink()
    if _size_of(part) == size:
        return _hash_of(part).hexdigest()
    with _answer(url, _size_of(part), timeout) as response:
        _refuse_errors(response, part)
        if response.status_code == 200:  # the whole file: a server may ignore Range
            part.unlink(missing_ok=True)
        digest = _append(response, part, size, progress)
        if _size_of(part) != size:
            _refuse_wrong_content(response, part, size)
            raise _Passing("stopped")
    return digest.hexdigest()


def _append(response: requests.Response, part: Path, size: int, progress: bool) -> hashlib._Hash:
    """Write the answer's bytes to `part`, at most one chunk beyond `size`."""
    digest = _hash_of(part)
    have = _size_of(part)
    with open(part, "ab") as sink, _bar(part, size, progress) as bar:
        for chunk in response.iter_content(CHUNK):
            sink.write(chunk)
            digest.update(chunk)
            bar.update(len(chunk))
            have += len(chunk)
            if have > size:
                break
    return digest


@contextmanager
def _answer(url: str, have: int, timeout: tuple[float, float]) -> Iterator[requests.Response]:
    import requests

    # identity: byte counts and ranges mean the file itself, not a compressed form of it.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.Session() as session:
        session.max_redirects = MAX_REDIRECTS
        with session.get(url, headers=headers, stream=True, timeout=timeout) as response:
            yield response


def _refuse_errors(response: requests.Response, part: Path) -> None:
    status = response.status_code
    if status == 416 or (status == 206 and not _continues(response, _size_of(part))):
        # What we have is not the beginning of what they have, or they send another piece: start over.
        part.unlink(missing_ok=True)
        raise _Passing("does not continue where the unfinished file ends")
    if status == 429 or status >= 500:
        raise _Passing(f"answered {status} {response.reason}")
    if status not in (200, 206):
        raise _Lasting(f"answered {status} {response.reason}")


def _continues(response: requests.Response, have: int) -> bool:
    """Whether the answer goes on exactly where the part ends."""
    start = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return start is not None and int(start[1]) == have


def _refuse_wrong_content(response: requests.Response, part: Path, size: int) -> None:
    """Too many bytes or a web page: this is another thing, not a truncated archive; keep none of it."""
    kind = response.headers.get("Content-Type", "")
    page = f"; it is a web page ({kind}), perhaps a login page" if kind.startswith("text/html") else ""
    if _size_of(part) > size or page:
        part.unlink()
        raise _Lasting(f"does not send the {size:,} bytes expected{page}")


@contextmanager
def _readable_faults() -> Iterator[None]:
    """Turn what requests raises into one short clause, and sort passing faults from lasting ones."""
    import requests
    import urllib3

    try:
        yield
    except requests.exceptions.SSLError as error:
        raise _Lasting(f"its certificate is not valid ({_innermost(error)})") from error
    except requests.exceptions.ConnectTimeout as error:
        raise _Lasting("no connection in time") from error
    except requests.exceptions.ReadTimeout as error:
        raise _Passing("stalled") from error
    except (requests.exceptions.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
        stalled = "timed out" in str(error).lower()
        raise _Passing("stalled" if stalled else f"connection lost ({_innermost(error)})") from error
    except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _Lasting(_innermost(error)) from error


def _innermost(error: BaseException) -> str:
    # "HTTPSConnectionPool(host=…): Max retries exceeded with url: … (Caused by …)" helps nobody.
    while error.args and isinstance(error.args[0], BaseException):
        error = error.args[0]
    reason = getattr(error, "reason", None)
    return _innermost(reason) if isinstance(reason, BaseException) else str(error)


def _bar(part: Path, size: int, progress: bool) -> tqdm:
    from tqdm.auto import tqdm

    label = part.name.removesuffix(".part")
    return tqdm(
        total=size, initial=_size_of(part), desc=label, unit="B", unit_scale=True, disable=not progress
    )


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _hash_of(path: Path) -> hashlib._Hash:
    digest = hashlib.sha256()
    if path.exists():
        with open(path, "rb") as source:
            while chunk := source.read(CHUNK):
                digest.update(chunk)
    return digest
