"""What every test shares: no network but this machine, the place of the labelled footage, real servers and a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared"

# A deadline would measure the machine and not the code: on a busy one any example can take long.
settings.register_profile("busy-machine", deadline=None)
settings.load_profile("busy-machine")

pytest_plugins = ["tests.servers", "tests.secured_bus", "tests.rtsp", "tests.browser"]


def pytest_itemcollected(item: pytest.Item) -> None:
    """Where several workers share the tests, those of a file stay together, for what they share; `spread` ones do not."""
    if item.get_closest_marker("spread") is None:
        item.add_marker(pytest.mark.xdist_group(item.nodeid.partition("::")[0]))


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of labelled real clips; skips where this machine does not have it."""
    folder = SHARED / "footage"
    if not (folder / "catalogue.csv").is_file():
        pytest.skip(f"the labelled footage is not at {folder}")
    return folder
