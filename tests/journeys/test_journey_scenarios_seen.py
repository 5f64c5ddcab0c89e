"""The shipped scenarios of what cameras see: what is expected comes in time, and nothing else alarms."""

from __future__ import annotations

import pytest

from tests.journeys.scenarios import alarms_as_expected, cases

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize("name", cases("seen"))
def test_scenario_alarms_as_expected_and_nothing_else_does(name):
    """Judged by the public API, and by the notices that reached the rehearsal's channels."""
    alarms_as_expected(name)
