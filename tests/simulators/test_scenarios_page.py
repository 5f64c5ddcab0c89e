"""docs/scenarios.md lists exactly what is shipped and what that expects."""

import re
from pathlib import Path

import pytest

from simulators.scenario import load

ROOT = Path(__file__).resolve().parents[2]
LONG = {"demo", "blind-cameras", "quiet-evening"}
FILES = sorted(path for path in (ROOT / "simulators" / "scenarios").glob("*.yaml") if path.stem not in LONG)
PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
NOW_MS = 1_795_400_000_000


def test_page_lists_every_shipped_scenario_once_and_no_other():
    """Whoever adds one runs it and writes the page anew."""
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE, re.MULTILINE) == sorted(path.stem for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_page_tells_what_the_scenario_expects(path):
    """An expectation that changed since the run is noticed."""
    for expectation in load(path, NOW_MS).expectations:
        assert f"| {expectation.place}, {expectation.within_s:g} s |" in PAGE


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario_is_called_as_its_file(path):
    """Reports and files are found by one name."""
    assert load(path, NOW_MS).name == path.stem


def test_library_is_as_large_as_it_says():
    """At least 25 in the table, calm ones among them."""
    calm = [path.stem for path in FILES if not load(path, NOW_MS).expectations]
    assert len(FILES) >= 25
    assert {"calm-day", "winter-night", "rainy-rush-hour", "delivery-day", "festival-week"} <= set(calm)
