"""The way of a child from silence to people: one notice for its shed, and one of its own when the shed is back and it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from alarm_doubles import StillClock, service, until
from alarm_samples import C1, C2, reading
from test_alerts_notifier import Phone, notifier, settle


@pytest.mark.slow
async def test_a_child_that_is_still_silent_when_its_shed_is_back_gets_a_notice_of_its_own(tmp_path: Path) -> None:
    """Suppression does not eat its only notification; the one that came back with the shed is never told of."""
    clock, phone = StillClock(), Phone()
    url = f"sqlite:///{tmp_path / 'alerts.db'}"

    def told() -> list[tuple[str, str]]:
        return [(notice.alert.device, str(notice.event_action)) for notice in phone.told]

    async with service(url, clock, charger_offline={"enabled": True}) as desk, notifier(desk, clock, phone):
        await desk.submit_readings([reading(C1, voltage_v=220.0), reading(C2, voltage_v=220.0)])
        await settle(clock)
        await desk.submit_readings([reading(C1, online=False), reading(C2, online=False)])
        await until(lambda: len(desk.open_alerts()) == 3, clock, 1.0)
        await settle(clock, 30)
        assert told() == [("shed", "trigger")]

        await desk.submit_readings([reading(C1, voltage_v=220.0)])
        await until(lambda: len(phone.told) >= 3, clock, 1.0)

        assert told() == [("shed", "trigger"), ("shed", "resolve"), ("c2", "trigger")]
        states = {alert.device: str(alert.state) for alert in desk.open_alerts()}
        assert states == {"shed": "returned_unacknowledged", "c2": "unacknowledged"}
