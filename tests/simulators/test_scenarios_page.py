"""docs/scenarios.md lists exactly what is shipped and what that expects."""

import re
from pathlib import Path

import pytest

from alerts.model import AlertKind
from simulators.cuts import STATES
from simulators.expectations import ALERT_KINDS
from simulators.scenario import load

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "simulators" / "scenarios").glob("*.yaml"))
PAGE = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
NOW_MS = 1_795_400_000_000


def test_page_lists_every_shipped_scenario_once_and_no_other():
    """Whoever adds one runs it and writes the page anew."""
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE, re.MULTILINE) == sorted(path.stem for path in FILES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_page_tells_what_the_scenario_expects(path):
    """An expectation that changed since the run is noticed."""
    scenario = load(path, NOW_MS)
    for expectation in (*scenario.expectations, *scenario.cuts):
        assert f"| {expectation.place}, {expectation.within_s:g} s |" in PAGE


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_scenario_is_called_as_its_file(path):
    """Reports and files are found by one name."""
    assert load(path, NOW_MS).name == path.stem


def test_library_is_as_large_as_it_says():
    """At least 45 in the table, calm ones among them."""
    calm = [path.stem for path in FILES if not load(path, NOW_MS).expectations]
    assert len(FILES) >= 45
    assert {"calm-day", "winter-night", "rainy-rush-hour", "delivery-day", "festival-week"} <= set(calm)


def test_every_kind_of_alert_has_a_scenario():
    """What no scenario expects nobody has seen to work."""
    expected = {it.place.kind for path in FILES for it in load(path, NOW_MS).expectations}
    assert expected == set(AlertKind) == ALERT_KINDS


def test_every_end_of_a_cut_has_a_scenario():
    """By people and by policy; proved, taken to the breaker, and failed."""
    cuts = [cut for path in FILES for cut in load(path, NOW_MS).cuts]
    assert {cut.state for cut in cuts} == set(STATES)
    assert {"people", "policy"} <= {cut.by for cut in cuts}
