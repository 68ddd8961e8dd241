"""The two small files that `nbgrader release_feedback` wants beside each feedback page.

One submission without them, or with odd ones, would end the release for everybody who comes after it.
"""

from __future__ import annotations

import os
import re
import secrets
import stat
from datetime import UTC, datetime
from pathlib import Path

from coursekit.files import whole_file

_SECRET = re.compile(rb"[A-Za-z0-9_-]{16,256}")
# No link is followed, and a pipe is not waited for.
_CAREFUL = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


def write_receipts(submitted: str | Path, handed_in: str | None, *folders: str | Path) -> None:
    """Write `timestamp.txt` and `submission_secret.txt` into each of `folders`.

    The secret names the page that a learner fetches from nbgrader's exchange; `nbgrader submit` made it.
    Where there is none, as in a class without an exchange, or an odd one, a random one stands in.

    Args:
        submitted: the folder that was handed in. Its secret is not taken when the folder is a link: it
            would be somebody else's, and so would be the page that is replaced.
        handed_in: `Result.handed_in`; None leaves the time empty.
        folders: `autograded/<student>/<lesson>` and `feedback/<student>/<lesson>`; they are made.
    """
    secret = _secret(Path(submitted)) or secrets.token_hex(64)
    for folder in map(Path, folders):
        for name, text in (("timestamp.txt", _time(handed_in)), ("submission_secret.txt", secret)):
            with whole_file(folder / name) as draft:
                draft.write_text(text, "utf-8")


def _time(handed_in: str | None) -> str:
    """As nbgrader writes it; a time without a zone is in UTC."""
    if handed_in is None:
        return ""
    time = datetime.fromisoformat(handed_in)
    if time.tzinfo is not None:
        time = time.astimezone(UTC).replace(tzinfo=None)
    return f"{time.isoformat(sep=' ', timespec='microseconds')} UTC"


def _secret(submitted: Path) -> str | None:
    """The secret that `nbgrader submit` left, if it is one."""
    if submitted.is_symlink() or submitted.parent.is_symlink():
        return None
    try:
        with open(os.open(submitted / "submission_secret.txt", _CAREFUL), "rb") as file:
            status = os.fstat(file.fileno())
            alone = stat.S_ISREG(status.st_mode) and status.st_nlink == 1
            data = file.read(300).strip() if alone else b""
    except OSError:
        return None
    return data.decode() if _SECRET.fullmatch(data) else None
