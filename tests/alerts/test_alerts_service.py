"""The alarm service end to end in one process, on a real SQLite file and a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from alarm_doubles import FragileLedger, StillClock, service, until
from alarm_samples import C1, CAM, NOW_MS, SMOKE, observation, reading

from alerts import service as service_module
from alerts.desk import AlertQuery, DeskUnavailableError, Order, RefusedActionError, UnknownAlertError
from alerts.feed import MAX_WAITING
from alerts.ledger.database import Ledger
from alerts.model import AlarmState, AlertChange, AlertKind, Condition
from alerts.service import AlarmService
from ingest.model import DeviceRef
from shedwatch.clock import ManualClock
from vision.model import ObservationKind


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'alerts.db'}"


async def heat_up(desk: AlarmService, clock: ManualClock, celsius: float = 72.0) -> None:
    """Report a hot port for longer than the on-delay."""
    for _ in range(5):
        await desk.submit_readings([reading(C1, 3, temperature_c=celsius)])
        clock.advance(10)


async def cool_down(desk: AlarmService, clock: ManualClock) -> None:
    """Report a cool port for longer than the off-delay."""
    for _ in range(8):
        await desk.submit_readings([reading(C1, 3, temperature_c=40.0)])
        clock.advance(10)


async def smoke(desk: AlarmService, active: bool = True, zone: str = "bay-3") -> None:
    await desk.submit_observations([observation(ObservationKind.SMOKE, active, zone=zone, port="c1#3")])


async def test_a_hot_port_becomes_an_alert_that_can_be_acknowledged_and_closes_when_it_cools(url: str) -> None:
    """The whole life of one alert, as the control room sees it."""
    clock = StillClock()
    async with service(url, clock) as desk:
        changes = desk.changes()
        await heat_up(desk, clock)

        (alert,) = desk.open_alerts()
        assert (alert.kind, alert.device, alert.port, alert.value) == ("over_temperature", "c1", 3, 72.0)
        assert (await desk.acknowledge(alert.id, "wang", "on my way")).state is AlarmState.ACKNOWLEDGED
        with pytest.raises(RefusedActionError, match="wang"):
            await desk.acknowledge(alert.id, "li", "")
        await cool_down(desk, clock)
        assert desk.open_alerts() == []
        assert (await desk.get(alert.id)).state is AlarmState.NORMAL
        with pytest.raises(RefusedActionError, match="closed"):
            await desk.acknowledge(alert.id, "li", "")
        await desk.order(Order("comment", alert.id, "li", "loose contact replaced"))
        log = await desk.log(alert.id)
        assert [entry.action for entry in log] == ["raise", "acknowledge", "clear", "comment"]
        assert log[-1].note == "loose contact replaced"
        assert [(await anext(changes)).transition.seq for _ in range(4)] == [entry.seq for entry in log]
        for unknown in (
            desk.get("none"),
            desk.log("none"),
            desk.acknowledge("none", "li", ""),
            desk.order(Order("comment", "none", "l", "x")),
        ):
            with pytest.raises(UnknownAlertError):
                await unknown


async def test_a_restart_takes_open_alerts_over_and_clears_them_when_the_port_is_cool(url: str) -> None:
    """An alert neither doubles nor stays for ever because the service was restarted."""
    clock = StillClock()
    async with service(url, clock) as desk:
        await heat_up(desk, clock)
        (before,) = desk.open_alerts()
    async with service(url, clock) as desk:
        assert list(desk.open_alerts()) == [before]
        await desk.submit_readings([reading(C1, 3, temperature_c=72.0)])
        assert list(desk.open_alerts()) == [before]
        await cool_down(desk, clock)
        (after,) = desk.open_alerts()
        assert (after.id, after.state) == (before.id, AlarmState.RETURNED_UNACKNOWLEDGED)
        first = (await desk.log(before.id))[0].seq
        assert (await anext(desk.changes(after_seq=first))).transition.action == "clear"
        found, cursor = await desk.query(AlertQuery(state="all"))
        assert ([alert.id for alert in found], cursor) == ([before.id], None)


async def test_an_alert_of_a_device_that_is_no_longer_configured_is_let_go(url: str) -> None:
    """Nobody would ever clear it."""
    clock = StillClock()
    async with service(url, clock) as desk:
        await desk.submit_observations([observation(ObservationKind.SMOKE)])
        await heat_up(desk, clock)
    async with service(url, clock, over_temperature={"enabled": False}) as desk:
        states = {alert.kind: alert.state for alert in desk.open_alerts()}
        assert states == {"smoke": "unacknowledged", "over_temperature": "returned_unacknowledged"}
        (hot,) = [alert for alert in desk.open_alerts() if alert.kind == "over_temperature"]
        await until(lambda: desk.counts["action_clear"])
        assert "no longer configured" in (await desk.log(hot.id))[-1].note


async def test_readings_observations_frames_and_time_all_reach_the_rules(url: str) -> None:
    """One of each way in."""
    clock = StillClock()
    async with service(url, clock, camera_offline={"enabled": True}) as desk:
        await desk.submit_readings([reading(SMOKE, alarm=True)])
        await smoke(desk)
        await until(lambda: len(desk.open_alerts()) == 3, clock, 1.0)
        assert {str(alert.kind) for alert in desk.open_alerts()} == {"smoke_sensor", "smoke", "camera_offline"}

        def offline() -> bool:
            return any(a.active for a in desk.open_alerts() if a.kind is AlertKind.CAMERA_OFFLINE)

        for _ in range(20):
            await desk.submit_readings([reading(CAM, late=True)])
            clock.advance(1)
            await asyncio.sleep(0.005)
        assert offline()
        for _ in range(20):
            await desk.submit_readings([reading(CAM)])
            clock.advance(1)
            await asyncio.sleep(0.005)
        assert not offline()
        figures = desk.figures()
        assert (figures["open"], figures["action_raise"], figures["action_suppress"]) == (3, 2, 1)
        assert figures["rule_failures"] == 0


async def test_without_its_ledger_the_service_alarms_and_says_so_and_writes_everything_down_later(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The safety path does not wait for a database."""
    clock = StillClock()
    ledger = FragileLedger(url)
    async with service(ledger, clock) as desk:
        changes = desk.changes()
        await smoke(desk, zone="bay-1")
        monkeypatch.setattr(service_module, "WRITE_WAIT_S", 0.01)
        ledger.down = True
        await smoke(desk, zone="bay-2")
        assert [(await anext(changes)).alert.zone for _ in range(2)] == ["bay-1", "bay-2"]
        await until(lambda: len(desk.open_alerts()) == 3, clock, 1.0)
        (degraded,) = [alert for alert in desk.open_alerts() if alert.kind is AlertKind.SERVICE_DEGRADED]
        assert (degraded.device, degraded.severity) == ("ledger", "high")
        assert desk.health()["ledger"] == ("down", "taken away")
        bay_2 = next(alert for alert in desk.open_alerts() if alert.zone == "bay-2")
        assert [entry.action for entry in await desk.log(bay_2.id)] == ["raise"]
        assert len((await desk.query(AlertQuery()))[0]) == 3
        with pytest.raises(DeskUnavailableError):
            await desk.query(AlertQuery(state="closed"))
        with pytest.raises(DeskUnavailableError):
            await desk.get("never-seen")
        ledger.down = False
        await until(lambda: desk.health()["ledger"][0] == "ok", clock, 0.1)
        await until(lambda: not next(a for a in desk.open_alerts() if a.device == "ledger").active, clock, 1.0)
    reopened = Ledger(url)
    await reopened.open()
    assert {alert.zone for alert in await reopened.open_alerts()} == {"bay-1", "bay-2", None}
    assert [change.transition.action for change in await reopened.changes_after(0, 99)] == ["raise"] * 3 + ["clear"]
    await reopened.close()


async def test_a_ledger_that_is_down_at_the_start_is_taken_up_later_and_no_key_is_open_twice(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was open is adopted, what was raised anew meanwhile takes its place."""
    monkeypatch.setattr(service_module, "WRITE_WAIT_S", 0.01)
    clock = StillClock()
    async with service(url, clock) as desk:
        await smoke(desk, zone="bay-1")
        await smoke(desk, zone="bay-2")
        old = {alert.zone: alert.id for alert in desk.open_alerts()}
    clock.advance(60)
    ledger = FragileLedger(url)
    ledger.down = True
    async with service(ledger, clock) as desk:
        assert desk.open_alerts() == []
        await asyncio.wait_for(smoke(desk, zone="bay-2"), 10)
        (new,) = desk.open_alerts()
        ledger.down = False
        await until(lambda: "bay-1" in {alert.zone for alert in desk.open_alerts()}, clock, 0.5)
        assert {alert.zone: alert.id for alert in desk.open_alerts() if alert.zone} == {
            "bay-1": old["bay-1"],
            "bay-2": new.id,
        }
        assert new.id != old["bay-2"]
        merged = await desk.get(old["bay-2"])
        assert merged.state is AlarmState.NORMAL


async def test_a_rule_that_fails_is_named_and_the_others_go_on(url: str) -> None:
    """One faulty rule costs its own hazard and nothing else."""
    clock = StillClock()
    async with service(url, clock) as desk:
        faulty = next(rule for rule in desk.rules._rules if rule.name == "port_stale")

        def fail(*_: object) -> None:
            raise ZeroDivisionError("divided")

        faulty.listener = lambda *_: (fail, None)  # type: ignore[method-assign, assignment, return-value]
        await heat_up(desk, clock)
        await until(lambda: len(desk.open_alerts()) == 2, clock, 1.0)
        kinds = {str(alert.kind): alert for alert in desk.open_alerts()}
        assert kinds["service_degraded"].device == "rule-port-stale"
        assert "ZeroDivisionError: divided" in kinds["service_degraded"].message.zh
        assert desk.rules.failures["port_stale"] == 5
        # Sound again ten minutes after the last failure.
        await until(lambda: not any(a.active for a in desk.open_alerts() if a.device == "rule-port-stale"), clock, 20.0)


@pytest.mark.slow
async def test_a_fault_of_the_engine_is_an_alarm_and_never_one_about_itself(url: str) -> None:
    """What it could not take in is told; that it cannot tell is only counted."""
    clock, told = StillClock(), Counter[str]()
    async with service(url, clock) as desk:
        apply = desk._engine.apply

        def report(part: str, state: str, detail: str) -> None:
            told[f"{part} {state}"] += 1
            desk.submit_health(part, "degraded" if state == "degraded" else "ok", detail)

        def fail(condition: Condition, *rest: Any) -> AlertChange | None:
            if condition.key.kind is not AlertKind.SERVICE_DEGRADED or silent:
                raise ZeroDivisionError("divided")
            return apply(condition, *rest)

        desk._supervisor._report = report
        desk._engine.apply = fail  # type: ignore[method-assign]
        silent = False
        await heat_up(desk, clock)
        await until(lambda: any(alert.device == "loop-alarms" for alert in desk.open_alerts()), clock, 1.0)
        said = next(alert.message.en for alert in desk.open_alerts() if alert.device == "loop-alarms")
        silent = True
        desk.submit_health("elsewhere", "down", "gone")
        failures = desk.counts["engine_failures"]
        await until(lambda: desk.counts["engine_failures"] > failures, clock, 1.0)

    assert "over_temperature could not be applied: ZeroDivisionError: divided" in said
    assert set(told) == {"loop-alarms degraded"}


async def test_a_reader_that_is_too_slow_is_let_go_and_holds_nobody_up(url: str) -> None:
    """It comes back and resumes from the log."""
    clock = StillClock()
    async with service(url, clock) as desk:
        slow, quick = desk.changes(), desk.changes()
        seen: list[AlertChange] = []

        async def read() -> None:
            async for change in quick:
                seen.append(change)  # noqa: PERF401 - it is looked at while it grows

        reader = asyncio.create_task(read())
        await smoke(desk)
        (alert,) = desk.open_alerts()
        for number in range(MAX_WAITING + 50):
            desk._publish([desk._engine.order(Order("comment", alert.id, "li", f"note {number}"), NOW_MS)])
            if number % 100 == 0:
                await asyncio.sleep(0)
        await until(lambda: len(seen) == MAX_WAITING + 51)
        assert slow.lost
        assert [change async for change in slow] == []
        resumed = desk.changes(after_seq=seen[9].transition.seq)
        assert (await anext(resumed)).transition.seq == seen[10].transition.seq
        await desk._writer.drain()
    await reader


async def test_a_reader_resumes_without_gap_or_repetition_while_changes_go_on(url: str) -> None:
    """From the ledger into the live changes."""
    clock = StillClock()
    async with service(url, clock) as desk:
        for zone in ("a", "b", "c"):
            await smoke(desk, zone=zone)
        first = desk._engine.last_seq - 2
    async with service(url, clock) as desk:
        resumed = desk.changes(after_seq=first)
        await smoke(desk, zone="d")
        zones = [(await anext(resumed)).alert.zone for _ in range(3)]
        assert zones == ["b", "c", "d"]
        await resumed.aclose()
    assert [change async for change in resumed] == []


async def test_the_open_list_is_paged_and_filtered_from_memory(url: str) -> None:
    """The same list as the ledger's, without it."""
    clock = StillClock()
    async with service(url, clock) as desk:
        for zone in ("a", "b", "c"):
            await smoke(desk, zone=zone)
            clock.advance(1)
        page, cursor = await desk.query(AlertQuery(limit=2))
        rest, end = await desk.query(AlertQuery(limit=2, cursor=cursor))
        assert ([alert.zone for alert in (*page, *rest)], end) == (["c", "b", "a"], None)
        assert (await desk.query(AlertQuery(kind="flame")))[0] == []
        with pytest.raises(ValueError, match="no cursor"):
            await desk.query(AlertQuery(cursor="x"))


@pytest.mark.slow
async def test_a_stall_of_the_service_is_no_silence_of_the_devices(url: str) -> None:
    """A process that was stopped for ten minutes does not call everything offline before it has read its messages."""
    clock = StillClock()
    async with service(url, clock, charger_offline={"enabled": True, "unknown_limit_s": 60}) as desk:
        await asyncio.sleep(0.02)
        clock.advance(600)
        await until(lambda: desk.counts["stalls"])
        await asyncio.sleep(0.02)
        assert desk.open_alerts() == []
        await until(desk.open_alerts, clock, 1.0)


async def test_readings_of_unknown_devices_do_no_harm(url: str) -> None:
    """Whatever ingest lets through."""
    clock = StillClock()
    async with service(url, clock) as desk:
        stranger = DeviceRef("x", "y", "z")
        await desk.submit_readings([reading(stranger, 1, temperature_c=90.0), reading(stranger, online=False)])
        await desk.submit_readings([reading(stranger, 1, event="smoke", fault="other", state="fault")])
        assert desk.rules.failures == {}
