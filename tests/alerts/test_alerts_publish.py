"""The retained topics of open alerts, over a bus that comes and goes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from alarm_doubles import StillClock, service, until
from alarm_samples import observation

from alerts.publish import AlertPublisher
from alerts.service import AlarmService
from vision.model import ObservationKind


class Bus:
    """A broker's retained messages; may be away."""

    def __init__(self) -> None:
        self.retained: dict[str, bytes] = {}
        self.away = False
        self.published: list[str] = []

    async def publish(self, topic: str, payload: bytes, retain: bool) -> None:
        assert retain
        await asyncio.sleep(0)
        if self.away:
            raise ConnectionError("away")
        self.published.append(topic)
        if payload:
            self.retained[topic] = payload
        else:
            self.retained.pop(topic, None)

    def states(self) -> dict[str, str]:
        alerts = [json.loads(payload) for payload in self.retained.values()]
        return {alert["zone"]: alert["state"] for alert in alerts}


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'alerts.db'}"


async def smoke(desk: AlarmService, zone: str, active: bool = True) -> None:
    await desk.submit_observations([observation(ObservationKind.SMOKE, active, zone=zone)])


async def close(desk: AlarmService, zone: str, clock: StillClock) -> None:
    """Acknowledge an alert and let its smoke go."""
    (alert,) = [alert for alert in desk.open_alerts() if alert.zone == zone]
    await desk.acknowledge(alert.id, "wang", "")
    await smoke(desk, zone, active=False)
    await until(lambda: desk._engine.find(alert.id) is None, clock, 1.0)


async def test_a_topic_is_retained_while_its_alert_is_open_and_cleared_when_it_closes(url: str) -> None:
    """With the alert object of the contract, always as it is now."""
    bus, clock = Bus(), StillClock()
    async with service(url, clock) as desk, AlertPublisher(desk, bus.publish, clock, "yard"):
        await smoke(desk, "a")
        await until(lambda: bus.states() == {"a": "unacknowledged"})
        (alert,) = desk.open_alerts()
        assert list(bus.retained) == [f"yard/cuiping/shed-1/alert/{alert.id}"]
        await desk.acknowledge(alert.id, "wang", "")
        await until(lambda: bus.states() == {"a": "acknowledged"})
        await smoke(desk, "a", active=False)
        await until(lambda: bus.states() == {}, clock, 1.0)


async def test_what_changed_while_the_bus_was_away_is_told_when_it_is_back(url: str) -> None:
    """New ones appear, closed ones disappear, nothing in between is replayed."""
    bus, clock = Bus(), StillClock()
    async with service(url, clock) as desk, AlertPublisher(desk, bus.publish, clock) as publisher:
        await smoke(desk, "a")
        await until(lambda: "a" in bus.states())
        bus.away = True
        await close(desk, "a", clock)
        await smoke(desk, "b")
        await until(lambda: publisher.failures, clock, 0.5)
        bus.away = False
        publisher.resync()
        await until(lambda: bus.states() == {"b": "unacknowledged"}, clock, 0.5)


async def test_a_broker_that_forgot_everything_is_told_again_on_reconnect(url: str) -> None:
    """Retained messages do not survive every broker's restart."""
    bus, clock = Bus(), StillClock()
    async with service(url, clock) as desk, AlertPublisher(desk, bus.publish, clock) as publisher:
        await smoke(desk, "a")
        await until(lambda: "a" in bus.states())
        bus.retained.clear()
        publisher.resync()
        await until(lambda: "a" in bus.states())


async def test_topics_left_by_an_earlier_life_are_cleared(url: str) -> None:
    """An alert that closed while the bus was away before a restart is not shown as open for ever."""
    bus, clock = Bus(), StillClock()
    async with service(url, clock) as desk, AlertPublisher(desk, bus.publish, clock):
        await smoke(desk, "a")
        await smoke(desk, "b")
        await until(lambda: len(bus.retained) == 2)
    async with service(url, clock) as desk:
        await close(desk, "a", clock)
    async with service(url, clock) as desk, AlertPublisher(desk, bus.publish, clock):
        await until(lambda: bus.states() == {"b": "unacknowledged"})


async def test_a_bus_that_hangs_holds_nothing_up(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alarms go on, and it is tried again."""
    monkeypatch.setattr("alerts.publish.SEND_WAIT_S", 0.01)
    clock, hanging = StillClock(), asyncio.Event()

    async def publish(_topic: str, _payload: bytes, _retain: bool) -> None:
        await hanging.wait()

    async with service(url, clock) as desk, AlertPublisher(desk, publish, clock) as publisher:
        await smoke(desk, "a")
        await until(lambda: publisher.failures >= 2, clock, 1.0)
        await smoke(desk, "b")
        assert len(desk.open_alerts()) == 2
