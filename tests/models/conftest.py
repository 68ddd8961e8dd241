"""Let model tests import `contract` from whatever folder pytest is started, and say where they compute."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("contract")


@pytest.fixture(scope="package", autouse=True)
def _on_the_cpu():
    """Equal to the last bit is promised on the CPU alone; tests marked `gpu` name their device."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSEKIT_DEVICE", os.environ.get("COURSEKIT_DEVICE", "cpu"))
        yield
