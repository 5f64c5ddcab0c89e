"""What every test shares: no network but this machine, the place of the labelled footage, real servers and a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

pytest_plugins = ["tests.servers", "tests.secured_bus", "tests.rtsp", "tests.browser"]


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of labelled real clips; skips where this machine does not have it."""
    folder = SHARED / "footage"
    if not (folder / "catalogue.csv").is_file():
        pytest.skip(f"the labelled footage is not at {folder}")
    return folder
