"""The way of a child from silence to people: one notice for its shed, and one of its own when the shed is back and it is not."""

from __future__ import annotations

from pathlib import Path

import pytest
from alarm_doubles import StillClock, service, until
from alarm_samples import C1, C2, reading
from test_alerts_notifier import Phone, notifier, settle

from alerts.rules.service_health import HealthState
from ingest.model import DeviceRef


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


@pytest.mark.slow
async def test_a_charger_that_dies_just_after_the_link_is_back_is_told_of_in_its_own_time(tmp_path: Path) -> None:
    """The link was away for a minute; both chargers were heard over it again, and one of them then falls silent."""
    clock, phone = StillClock(), Phone()
    url = f"sqlite:///{tmp_path / 'alerts.db'}"

    def told() -> list[tuple[str, str]]:
        return [(notice.alert.device, str(notice.event_action)) for notice in phone.told]

    async with service(url, clock, charger_offline={"enabled": True}) as desk, notifier(desk, clock, phone):

        async def live(seconds: int, *heard: DeviceRef, link: HealthState = "ok") -> None:
            for second in range(seconds):
                desk.submit_health("mqtt-main", link)
                if second % 10 == 0:
                    await desk.submit_readings([reading(ref, at_ms=clock.now_ms(), voltage_v=220.0) for ref in heard])
                await settle(clock, 1.0)

        await live(60, C1, C2)
        await live(60, link="down")
        assert told() == [("mqtt-main", "trigger")]
        await live(40, C1, C2)
        assert told() == [("mqtt-main", "trigger"), ("mqtt-main", "resolve")]

        # Its habit of 10 s allows 30 s from its last word, 15 s more show that its shed is there: far less than the link's 180 s.
        await live(50, C1)
        assert told()[2:] == [("c2", "trigger")]
