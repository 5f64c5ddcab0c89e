"""The judge: a scenario's expectations and the alarms the service raised → verdict.

Alarms are read by the public HTTP API only. Each expectation must be met by one alarm in its time; an alarm that meets
none and is not allowed beside one makes the verdict fail as well. So it is with cuts of power.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from simulators.api_client import ApiClient, SeenAlert
from simulators.cuts import decide_cuts
from simulators.expectations import Expectation, Place
from simulators.receiver import Delivery, first_told_ms
from simulators.scenario import Scenario
from simulators.verdict import EARLY_S, Outcome, Unexpected, Verdict


async def judge(scenario: Scenario, api: ApiClient, start_ms: int, deliveries: Sequence[Delivery] = ()) -> Verdict:
    """Judge a scenario that started at `start_ms` and is over, by the API and the notices that came. Raises ExpectError."""
    # With its last second the devices leave, and the service rightly misses them.
    end_ms = start_ms + round(scenario.duration_s * 1000.0)
    seen = [alarm for alert in await api.alerts_since(start_ms) for alarm in await api.occurrences(alert)]
    alerts = sorted((it for it in seen if start_ms <= it.raised_ts <= end_ms), key=lambda it: it.raised_ts)
    wanted = [(it.id, name) for it in alerts for name in it.evidence]
    readable = frozenset([pair for pair in wanted if await api.has_picture(*pair)])
    verdict = decide(scenario.name, scenario.expectations, alerts, start_ms, readable, deliveries)
    if not (scenario.cuts or "cutoff" in scenario.service):
        return verdict
    cuts = [it for it in await api.cuts() if start_ms <= it.requested_ts <= end_ms]
    outcomes, unexpected = decide_cuts(scenario.cuts, cuts, start_ms)
    outcomes, unexpected = [*verdict.outcomes, *outcomes], [*verdict.unexpected, *unexpected]
    return Verdict(scenario.name, not unexpected and all(it.ok for it in outcomes), outcomes, unexpected)


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
