"""The judge: a scenario's expectations and the alarms the service raised → verdict.

Alarms are read by the public HTTP API only. Each expectation must be met by one alarm in its time; an alarm that meets
none and is not allowed beside one makes the verdict fail as well.

Errors:
    ExpectError(Exception): the API cannot be reached, refuses, or answers something else than the contract says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import httpx2 as httpx
import msgspec
from msgspec.structs import replace

from simulators.expectations import Expectation, Place
from simulators.receiver import Delivery, first_told_ms
from simulators.scenario import Scenario

# A device may stamp, and the service round, a moment before the second the scenario names.
EARLY_S = 1.0
_PAGE = 200


class ExpectError(Exception):
    """The service's API could not be asked."""


class SeenAlert(msgspec.Struct, frozen=True):
    """What the judge needs of the contract's alert object."""

    id: str
    kind: str
    severity: str
    site: str
    shed: str
    device: str
    raised_ts: int
    port: int | None = None
    zone: str | None = None
    cleared_ts: int | None = None
    evidence: list[str] = []
    message: dict[str, str] = {}

    def __str__(self) -> str:
        port = f"#{self.port}" if self.port else ""
        zone = f" {self.zone}" if self.zone else ""
        return f"{self.kind} {self.site}/{self.shed}/{self.device}{port}{zone}"


class Outcome(msgspec.Struct, frozen=True):
    """One expectation judged. `reason` says what is missing; `delay_s` counts from the hazard's beginning.

    `delivered_s`: for each channel asked for, how long after the alarm people were told by it; None: never.
    """

    expected: str
    after_s: float
    within_s: float
    ok: bool
    reason: str = ""
    alert_id: str | None = None
    delay_s: float | None = None
    severity: str | None = None
    evidence: int = 0
    cleared_delay_s: float | None = None
    delivered_s: dict[str, float | None] = {}


class Unexpected(msgspec.Struct, frozen=True):
    """An alarm nobody expected, `at_s` seconds into the scenario."""

    alert: str
    alert_id: str
    severity: str
    at_s: float
    message: str = ""


class Verdict(msgspec.Struct, frozen=True):
    """The judgement of a whole scenario. `met`: every expectation was, and nothing else alarmed."""

    name: str
    met: bool
    outcomes: list[Outcome]
    unexpected: list[Unexpected]


class AlertPage(msgspec.Struct):
    """`GET /alerts`."""

    items: list[SeenAlert]
    next: str | None = None


class LogLine(msgspec.Struct):
    """What the judge needs of a line of `GET /alerts/{id}/log`."""

    at_ms: int
    to_state: str


class LogPage(msgspec.Struct):
    """`GET /alerts/{id}/log`."""

    items: list[LogLine]


def occurrences(alert: SeenAlert, log: Sequence[LogLine]) -> Iterator[SeenAlert]:
    """Each time people were alarmed within the life of one alert, as an alarm of its own, in order of time.

    An alert that nobody has acknowledged goes on when its hazard is back: for people that is one alarm more. One that is
    suppressed, for another alert explains it, alarms nobody until it is announced.
    """
    raised_ts: int | None = None
    for line in log:
        if line.to_state == "unacknowledged" and raised_ts is None:
            raised_ts = line.at_ms
        elif line.to_state in ("returned_unacknowledged", "normal") and raised_ts is not None:
            yield replace(alert, raised_ts=raised_ts, cleared_ts=line.at_ms)
            raised_ts = None
    if raised_ts is not None:
        yield replace(alert, raised_ts=raised_ts, cleared_ts=None)


class ApiClient:
    """The part of the service's API the judge needs. Raises ExpectError."""

    def __init__(self, url: str, token: str = "", transport: httpx.AsyncBaseTransport | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        # Environment proxies have no business between a judge and the service it judges.
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/api/v1", headers=headers, timeout=10.0, transport=transport, trust_env=False
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def check(self) -> None:
        """Whether alarms can be read at all."""
        await self._get("/alerts", {"state": "all", "limit": 1})

    async def alerts_since(self, since_ms: int) -> list[SeenAlert]:
        """All alerts raised from then on, oldest first."""
        found: list[SeenAlert] = []
        params: dict[str, Any] = {"state": "all", "since": since_ms, "limit": _PAGE}
        while True:
            body = (await self._get("/alerts", params)).content
            try:
                page = msgspec.json.decode(body, type=AlertPage)
            except msgspec.DecodeError as error:
                raise ExpectError(f"GET /alerts answers something else than the contract: {error}") from None
            found += page.items
            if page.next is None:
                return sorted((it for it in found if it.raised_ts >= since_ms), key=lambda it: it.raised_ts)
            params["cursor"] = page.next

    async def occurrences(self, alert: SeenAlert) -> list[SeenAlert]:
        """The alarms that an alert stands for: see `occurrences`."""
        body = (await self._get(f"/alerts/{alert.id}/log", {})).content
        try:
            return list(occurrences(alert, msgspec.json.decode(body, type=LogPage).items))
        except msgspec.DecodeError as error:
            raise ExpectError(f"GET /alerts/{alert.id}/log answers something else than expected: {error}") from None

    async def has_picture(self, alert_id: str, name: str) -> bool:
        """Whether a picture of an alert can be read."""
        try:
            answer = await self._http.get(f"/alerts/{alert_id}/evidence/{name}")
        except httpx.HTTPError as error:
            raise ExpectError(f"the API does not answer: {error}") from None
        return answer.status_code == httpx.codes.OK and answer.headers.get("content-type", "").startswith("image/")

    async def _get(self, path: str, params: dict[str, Any]) -> httpx.Response:
        try:
            answer = await self._http.get(path, params=params)
        except httpx.HTTPError as error:
            raise ExpectError(f"the API does not answer: {error or type(error).__name__}") from None
        if answer.status_code != httpx.codes.OK:
            raise ExpectError(f"GET {path} answers {answer.status_code}: {answer.text[:200]}")
        return answer


async def judge(scenario: Scenario, api: ApiClient, start_ms: int, deliveries: Sequence[Delivery] = ()) -> Verdict:
    """Judge a scenario that started at `start_ms` and is over, by the API and the notices that came. Raises ExpectError."""
    # With its last second the devices leave, and the service rightly misses them.
    end_ms = start_ms + round(scenario.duration_s * 1000.0)
    seen = [alarm for alert in await api.alerts_since(start_ms) for alarm in await api.occurrences(alert)]
    alerts = sorted((it for it in seen if start_ms <= it.raised_ts <= end_ms), key=lambda it: it.raised_ts)
    wanted = [(it.id, name) for it in alerts for name in it.evidence]
    readable = frozenset([pair for pair in wanted if await api.has_picture(*pair)])
    return decide(scenario.name, scenario.expectations, alerts, start_ms, readable, deliveries)


def decide(
    name: str,
    expectations: Sequence[Expectation],
    alerts: Sequence[SeenAlert],
    start_ms: int,
    readable: frozenset[tuple[str, str]] = frozenset(),
    deliveries: Sequence[Delivery] = (),
) -> Verdict:
    """The verdict on these alarms; `readable` names the pictures (alert id, name) that the API does serve."""
    left = list(alerts)
    outcomes = []
    for expectation in expectations:
        alert = _earliest(expectation, left, start_ms)
        if alert is not None:
            left.remove(alert)
        outcomes.append(_outcome(expectation, alert, start_ms, readable, deliveries))
    unexpected = [_unexpected(alert, start_ms) for alert in left if not _allowed(alert, expectations, start_ms)]
    met = not unexpected and all(outcome.ok for outcome in outcomes)
    return Verdict(name, met, outcomes, unexpected)


def _at_s(alert: SeenAlert, start_ms: int) -> float:
    return (alert.raised_ts - start_ms) / 1000.0


def _fits(place: Place, alert: SeenAlert) -> bool:
    return (
        alert.kind == place.kind
        and (alert.site, alert.shed, alert.device) == place.device
        and place.port in (None, alert.port)
        and place.zone in (None, alert.zone)
    )


def _earliest(expectation: Expectation, alerts: Sequence[SeenAlert], start_ms: int) -> SeenAlert | None:
    # A late alarm still belongs to its expectation, which then fails for being late and not twice; the next
    # expectation of the same place takes what comes after.
    begin_s = expectation.after_s - EARLY_S
    found = (it for it in alerts if _fits(expectation.place, it) and _at_s(it, start_ms) >= begin_s)
    return min(found, key=lambda it: it.raised_ts, default=None)


def _allowed(alert: SeenAlert, expectations: Sequence[Expectation], start_ms: int) -> bool:
    at_s = _at_s(alert, start_ms)
    return any(
        _fits(place, alert) and at_s >= expectation.after_s - EARLY_S
        for expectation in expectations
        for place in expectation.also_allowed
    )


def _outcome(
    expectation: Expectation,
    alert: SeenAlert | None,
    start_ms: int,
    readable: frozenset[tuple[str, str]],
    deliveries: Sequence[Delivery],
) -> Outcome:
    expected = str(expectation.place)
    if alert is None:
        return Outcome(expected, expectation.after_s, expectation.within_s, False, "no such alarm")
    delay_s = round(_at_s(alert, start_ms) - expectation.after_s, 3)
    pictures = sum((alert.id, name) in readable for name in alert.evidence)
    cleared_delay_s = _cleared_delay_s(expectation, alert, start_ms)
    delivered_s = {channel: _delivered_s(deliveries, channel, alert) for channel in expectation.delivered_to}
    faults = _shortcomings(expectation, alert, delay_s, pictures, cleared_delay_s)
    faults += _undelivered(delivered_s, expectation.delivered_within_s)
    return Outcome(
        expected=expected,
        after_s=expectation.after_s,
        within_s=expectation.within_s,
        ok=not faults,
        reason="; ".join(faults),
        alert_id=alert.id,
        delay_s=delay_s,
        severity=alert.severity,
        evidence=pictures,
        cleared_delay_s=cleared_delay_s,
        delivered_s=delivered_s,
    )


def _delivered_s(deliveries: Sequence[Delivery], channel: str, alert: SeenAlert) -> float | None:
    at_ms = first_told_ms(deliveries, channel, alert.id, alert.raised_ts)
    return None if at_ms is None else round((at_ms - alert.raised_ts) / 1000.0, 3)


def _undelivered(delivered_s: Mapping[str, float | None], within_s: float) -> Iterator[str]:
    for channel, after_s in delivered_s.items():
        if after_s is None:
            yield f"{channel} was not told"
        elif after_s > within_s:
            yield f"{channel} was told {after_s - within_s:.1f} s late"


def _cleared_delay_s(expectation: Expectation, alert: SeenAlert, start_ms: int) -> float | None:
    if alert.cleared_ts is None or (expectation.ends_s is None and expectation.cleared_within_s is None):
        return None
    ends_s = expectation.after_s if expectation.ends_s is None else expectation.ends_s
    return round((alert.cleared_ts - start_ms) / 1000.0 - ends_s, 3)


def _shortcomings(
    expectation: Expectation, alert: SeenAlert, delay_s: float, pictures: int, cleared_delay_s: float | None
) -> list[str]:
    found = []
    if delay_s > expectation.within_s:
        found.append(f"{delay_s - expectation.within_s:.1f} s late")
    if expectation.severity not in (None, alert.severity):
        found.append(f"severity {alert.severity} instead of {expectation.severity}")
    if expectation.evidence is True and pictures == 0:
        found.append("no picture that can be read" if alert.evidence else "no picture")
    if expectation.evidence is False and alert.evidence:
        found.append("has pictures")
    if (due_s := expectation.cleared_within_s) is not None:
        if cleared_delay_s is None:
            found.append("not cleared")
        elif cleared_delay_s > due_s:
            found.append(f"cleared {cleared_delay_s - due_s:.1f} s late")
    return found


def _unexpected(alert: SeenAlert, start_ms: int) -> Unexpected:
    return Unexpected(
        str(alert), alert.id, alert.severity, round(_at_s(alert, start_ms), 3), alert.message.get("en", "")
    )
