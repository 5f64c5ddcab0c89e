"""Sirens and loudspeakers on the bus: one retained topic a shed, `{prefix}/{site}/{shed}/siren`.

    {"on": true, "alert_id", "kind", "severity", "say": {"zh","en"}, "ts"}     while an alarm there waits for somebody
                                                                              ("test": true where it is a proof)
    {"on": false, "ts"}                                                       once the last has been acknowledged or is gone

The state follows the open alerts, not the notices, so that a restart of either side never leaves a siren wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from typing import Protocol, Self

import msgspec
import structlog

from alerts.feed import Subscription
from alerts.model import AlarmState, Alert, Severity
from alerts.publish import Publish
from shedwatch.clock import Clock
from shedwatch.supervise import Supervisor

_log = structlog.get_logger(__name__)

SEND_WAIT_S = 10.0
RETRY_S = 2.0

Shed = tuple[str, str]


class SirenDesk(Protocol):
    """What sirens need of the alarm service."""

    def open_alerts(self) -> Sequence[Alert]:
        """See `AlarmDesk`."""

    def changes(self, after_seq: int | None = None) -> Subscription:
        """See `AlarmService.changes`."""


def sounding(alerts: Sequence[Alert], min_severity: Severity, test_at: Shed | None = None) -> dict[Shed, Alert]:
    """The alert that each shed's siren sounds for: the worst that is active and that nobody has acknowledged.

    A test sounds nowhere but at `test_at`, and gives way to whatever is real there.
    """
    worst: dict[Shed, Alert] = {}
    if test_at is not None:
        tests = [one for one in alerts if one.test and one.state is AlarmState.UNACKNOWLEDGED]
        worst = {test_at: tests[0]} if tests else {}
    for alert in alerts:
        if alert.test:
            continue
        if alert.state is not AlarmState.UNACKNOWLEDGED or alert.severity.rank < min_severity.rank:
            continue
        shed = (alert.site, alert.shed)
        if shed not in worst or worst[shed].test or _urgency(alert) > _urgency(worst[shed]):
            worst[shed] = alert
    return worst


class Sirens:
    """Keeps every shed's siren while it is open as an asynchronous context.

    Args:
        sheds: those with a siren; each is told its state at the start.
    """

    def __init__(
        self,
        desk: SirenDesk,
        publish: Publish,
        clock: Clock,
        sheds: Sequence[Shed],
        min_severity: Severity,
        prefix: str,
        keep: Supervisor | None = None,
    ) -> None:
        self._desk = desk
        self._publish = publish
        self._clock = clock
        self._sheds = tuple(sheds)
        self._min_severity = min_severity
        self._prefix = prefix
        self._test_at: Shed | None = None
        self._told: dict[Shed, str | None] = {}
        self._news = asyncio.Event()
        self._keep = keep or Supervisor()
        self._live: Subscription | None = None
        self.failures = 0

    async def __aenter__(self) -> Self:
        self._live = self._desk.changes()
        self.resync()
        self._keep.finish("siren-follow", self._follow)
        self._keep.keep("siren-send", self._send)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._keep.end()

    def sound_tests(self, shed: Shed | None) -> None:
        """From now on that shed's siren sounds for test alerts too; None for nowhere."""
        self._test_at = shed
        self._news.set()

    def resync(self) -> None:
        """Tell every siren its state anew, after the bus was away."""
        self._told.clear()
        self._news.set()

    async def _follow(self) -> None:
        while True:
            live, self._live = self._live, None
            if live is None:
                live = self._desk.changes()
                self.resync()
            async with aclosing(live):
                async for _ in live:
                    self._news.set()
            if not live.lost:
                return

    async def _send(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            worst = sounding(self._desk.open_alerts(), self._min_severity, self._test_at)
            told = [await self._tell(shed, worst.get(shed)) for shed in self._sheds]
            if not all(told):
                await self._clock.sleep(RETRY_S)
                self._news.set()

    async def _tell(self, shed: Shed, alert: Alert | None) -> bool:
        state = f"{alert.id} {alert.severity}" if alert is not None else None
        if shed in self._told and self._told[shed] == state:
            return True
        try:
            async with asyncio.timeout(SEND_WAIT_S):
                await self._publish(siren_topic(shed, self._prefix), order(alert, self._clock.now_ms()), True)
        except Exception as error:  # noqa: BLE001 - supervised: the bus is another room's, any fault of it may pass
            self.failures += 1
            if not isinstance(error, OSError):
                # The bus that is away is told of by itself.
                self._keep.survived("siren-send", error)
            _log.warning("siren not told, will be tried again", shed="/".join(shed), reason=repr(error))
            return False
        self._told[shed] = state
        return True


def siren_topic(shed: Shed, prefix: str) -> str:
    """Where a shed's siren listens."""
    return f"{prefix}/{shed[0]}/{shed[1]}/siren"


def order(alert: Alert | None, now_ms: int) -> bytes:
    """What a siren is told."""
    if alert is None:
        return msgspec.json.encode({"on": False, "ts": now_ms})
    return msgspec.json.encode(
        {
            "on": True,
            "alert_id": alert.id,
            "kind": alert.kind,
            "severity": alert.severity,
            "say": alert.message,
            "ts": now_ms,
        }
        | ({"test": True} if alert.test else {})
    )


def _urgency(alert: Alert) -> tuple[int, int]:
    return alert.severity.rank, alert.raised_ts
