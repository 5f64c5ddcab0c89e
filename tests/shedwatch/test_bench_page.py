"""How soon the page shows what a charger reports: that it is measured to its end (never how fast)."""

from __future__ import annotations

import pytest

from shedwatch.bench import page_way
from tests.servers import find_server


@pytest.mark.servers
@pytest.mark.slow
def test_what_a_charger_reports_is_looked_for_on_the_page():
    """A whole service beside a broker; each figure is waited for until it stands in the answer."""
    find_server("mosquitto")

    figures = page_way.measure(page_way.PageScale(warm_up_s=0.5, looks=5, rate=100.0))

    assert 0.0 < figures["page_p50_ms"] <= figures["page_p99_ms"]
