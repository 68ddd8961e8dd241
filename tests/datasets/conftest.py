import io
import os
import sys
import zipfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import unreliable_server as web

from coursekit.datasets import download as downloading


@pytest.fixture
def server(monkeypatch):
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with web.running() as started:
        yield started


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Impatient downloads."""
    monkeypatch.setattr(downloading, "TIMEOUT", (2.0, 0.3))
    monkeypatch.setattr(downloading, "PAUSE", 0.0)


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty machine: no data anywhere."""
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "user"))
    monkeypatch.setenv("COURSEKIT_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def zipped():
    """Make a ZIP archive in memory from {name: content}."""

    def make(files: dict[str, bytes | str]) -> bytes:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return buffer.getvalue()

    return make


def real_folder(name: str) -> Path:
    """The folder of a real data set, or skip."""
    folder = Path(os.environ.get("COURSEKIT_DATA") or "nowhere") / name
    if not folder.is_dir():
        pytest.skip(f"{name} is not in COURSEKIT_DATA")
    return folder


@pytest.fixture
def ml_100k():
    return real_folder("ml-100k")


@pytest.fixture
def ml_1m_ncf():
    return real_folder("ml-1m-ncf")
