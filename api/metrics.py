"""`/metrics`: the API's own figures, those of the service's other parts, and what is on the alarm desk."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from alerts.desk import AlarmDesk
from alerts.model import Severity
from api.deps import Counters, HealthSource
from api.stream import Hub

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_NOT_A_NAME = re.compile(r"[^a-zA-Z0-9_]")
_METHODS = ("GET", "HEAD", "POST", "OPTIONS")
_STATE_VALUE = {"ok": 1.0, "degraded": 0.5, "down": 0.0}


class HttpFigures:
    """How often each route was answered, how, and how fast."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._answers = Counter(
            "shedwatch_http_answers_total",
            "Answers by route and status",
            ("method", "route", "status"),
            registry=registry,
        )
        self._seconds = Histogram(
            "shedwatch_http_answer_seconds",
            "Time until an answer began",
            ("route",),
            registry=registry,
            buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
        )

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer."""
        known = method if method in _METHODS else "other"
        self._answers.labels(known, route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)


class _Live(Collector):
    """Reads what is known elsewhere at the moment it is asked for."""

    def __init__(self, hub: Hub, desk: AlarmDesk, health: HealthSource, counters: Counters) -> None:
        self._hub = hub
        self._desk = desk
        self._health = health
        self._counters = counters

    def collect(self) -> Iterable[Metric]:
        yield GaugeMetricFamily("shedwatch_event_clients", "Open event streams", self._hub.clients)
        yield CounterMetricFamily(
            "shedwatch_event_clients_let_go_total", "Event streams ended because too slow", self._hub.let_go
        )
        alerts = GaugeMetricFamily("shedwatch_open_alerts", "Open alerts", labels=["severity"])
        open_alerts = self._desk.open_alerts()
        for severity in Severity:
            alerts.add_metric(
                [severity.value], sum(alert.severity is severity and not alert.test for alert in open_alerts)
            )
        yield alerts
        parts = GaugeMetricFamily("shedwatch_dependency_state", "1 ok, 0.5 degraded, 0 down", labels=["dependency"])
        for name, (state, _detail) in self._health.dependencies().items():
            parts.add_metric([name], _STATE_VALUE[state])
        yield parts
        for name, value in self._counters().items():
            yield _family(name, value)

    def describe(self) -> Iterable[Metric]:
        return ()


def _family(name: str, value: float | Mapping[str, float]) -> Metric:
    name, _, label = name.removesuffix("}").partition("{")
    whole = "shedwatch_" + _NOT_A_NAME.sub("_", name.removeprefix("shedwatch_"))
    help_text = whole.removeprefix("shedwatch_").replace("_", " ").capitalize()
    made = CounterMetricFamily if whole.endswith("_total") else GaugeMetricFamily
    if not isinstance(value, Mapping):
        return made(whole, help_text, value)
    family = made(whole, help_text, labels=[label or "kind"])
    for of, number in value.items():
        family.add_metric([of], number)
    return family


class Metrics:
    """A registry of its own, so that several services of one process do not mix."""

    def __init__(self, hub: Hub, desk: AlarmDesk, health: HealthSource, counters: Counters) -> None:
        self._registry = CollectorRegistry()
        self.http = HttpFigures(self._registry)
        self._registry.register(_Live(hub, desk, health, counters))
        ProcessCollector(registry=self._registry)
        PlatformCollector(registry=self._registry)

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self._registry)
