"""What every test shares: no network but this machine, the place of the labelled footage, and real servers."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

pytest_plugins = ["tests.servers"] if (ROOT / "tests" / "servers.py").exists() else []


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of labelled real clips; skips where this machine does not have it."""
    folder = SHARED / "footage"
    if not (folder / "catalogue.csv").is_file():
        pytest.skip(f"the labelled footage is not at {folder}")
    return folder
