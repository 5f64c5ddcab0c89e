"""What is measured has the names that the shipped dashboard and alerting rules ask for, and the values that were counted."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from api.app import create_app
from ingest.broker import Broker
from ingest.cameras import source_of
from ingest.counters import RefusalKind
from ingest.inbox import Inbox
from ingest.intake import Intake
from shedwatch.clock import ManualClock
from shedwatch.figures import Figures
from shedwatch.no_store import NoStore
from tests.api.fakes import CAMERA, House, alert, house, topology
from vision.evidence_keeping import KeepingCounters
from vision.watcher import WatcherCounters

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "shedwatch.json").read_text())
RULES = ROOT / "deploy" / "prometheus" / "shedwatch.rules.yml"


async def all_figures(clock: ManualClock) -> Figures:
    """Those of a process with every part."""

    async def nobody(_readings: object) -> None:
        return None

    intake = Intake(topology(), NoStore(), clock, Inbox(), on_readings=nobody, on_frame=lambda _frame: None)
    source = source_of(CAMERA, "rtsp://admin:secret@10.0.0.7/ch1", clock)
    assert source is not None
    return Figures(
        clock=clock,
        intake=intake,
        sources=[source],
        brokers={"main": Broker("mqtt://127.0.0.1:1", "x")},
        watcher=WatcherCounters(frames_of=Counter({CAMERA: 5}), skipped_of=Counter({CAMERA: 2})),
        supervisor=SimpleNamespace(failures={"api": 1}),  # type: ignore[arg-type]
        shipper=SimpleNamespace(  # type: ignore[arg-type]
            level=SimpleNamespace(lines=4, size=900, dropped=0),
            counters=SimpleNamespace(lines=50, refused=1, requests={"done": 2}),
            trouble=None,
            age_s=12.0,
        ),
        evidence=KeepingCounters(pictures=3, bytes=9000, deleted=1),
    )


def told(home: House, figures: Figures) -> str:
    """`/metrics` of a service with these figures, after it answered a request."""
    object.__setattr__(home.deps, "counters", figures.read)
    home.desk.put(alert("a1"))
    client = TestClient(create_app(home.deps), client=("127.0.0.1", 5000))
    client.get("/healthz")
    return client.get("/metrics").text


@pytest.fixture
def home(tmp_path: Path) -> Iterator[House]:
    made = house(tmp_path)
    yield made
    made.tokens.close()


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def expressions() -> list[str]:
    """All that the dashboard and the rules ask."""
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    asked += [variable["query"]["query"] for variable in DASHBOARD["templating"]["list"] if variable["type"] == "query"]
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return asked + [rule["expr"] for group in groups for rule in group["rules"]]


def names(expression: str) -> set[str]:
    return set(re.findall(r"\b((?:shedwatch|process)_\w+)", expression))


async def test_the_dashboard_and_the_rules_ask_for_what_is_told(home: House) -> None:
    """Every name, and every label that is summed by or shown."""
    figures = await all_figures(home.clock)
    assert figures.intake is not None
    figures.intake.counters.refused[RefusalKind.VALUE] += 1
    camera = figures.intake.counters.of_camera(CAMERA)
    camera.captured_ms = home.clock.now_ms()
    found: dict[str, set[str]] = {}
    for name, labels in samples(told(home, figures)):
        found.setdefault(name, set()).update(label for label, _ in labels)
    asked = expressions()

    assert len(asked) > 30
    for expression in asked:
        assert names(expression) <= set(found), expression
        for grouped in re.findall(r"by \(([\w, ]+)\)", expression):
            known = {"instance", *(label for name in names(expression) for label in found[name])}
            assert set(re.split(r",\s*", grouped)) <= known, expression


async def test_figures_are_those_that_were_counted(home: House) -> None:
    """By camera, by kind, and as buckets that add up."""
    figures = await all_figures(home.clock)
    assert figures.intake is not None
    counters = figures.intake.counters
    counters.refused[RefusalKind.PORT] += 3
    counters.refusals_limited += 2
    for seconds in (0.001, 0.004, 0.004, 9.0):
        counters.committed(seconds, 10, 1)
    camera = counters.of_camera(CAMERA)
    camera.frames, camera.skipped, camera.captured_ms = 7, 4, home.clock.now_ms() - 2500
    found = samples(told(home, figures))

    def value(name: str, **labels: str) -> float:
        return found[f"shedwatch_{name}", tuple(sorted(labels.items()))]

    assert value("messages_refused_total", kind="port") == 3
    assert value("refusals_limited_total") == 2
    assert value("messages_stored_total") == 40
    assert value("store_commits_within_total", le="0.002") == 1
    assert value("store_commits_within_total", le="0.005") == 3
    assert value("store_commits_within_total", le="5") == 3
    assert value("store_commits_within_total", le="+Inf") == 4
    assert value("camera_frames_total", camera=str(CAMERA)) == 7
    assert value("camera_frames_skipped_total", camera=str(CAMERA)) == 4
    assert value("camera_picture_age_seconds", camera=str(CAMERA)) == 2.5
    assert value("camera_frames_overtaken_total", camera=str(CAMERA)) == 2
    assert value("camera_source_up", camera=str(CAMERA)) == 0
    assert value("mqtt_online", kind="main") == 0
    assert value("evidence_bytes") == 9000
    assert value("store_outbox_age_seconds") == 12


def test_the_dashboard_is_one_that_grafana_loads() -> None:
    """Panels have ids and places of their own, within the width, and a data source that is chosen."""
    panels = DASHBOARD["panels"]
    cells = [
        (x, y)
        for panel in panels
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    charts: list[Any] = [panel for panel in panels if panel["type"] != "row"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len(set(cells)) == len(cells)
    assert all(0 <= x < 24 for x, _ in cells)
    assert all(panel["title"] and panel["description"] for panel in charts)
    assert {target["datasource"]["uid"] for panel in charts for target in panel["targets"]} == {"${datasource}"}


@pytest.mark.servers
@pytest.mark.slow
async def test_prometheus_reads_all_of_it(home: House, tmp_path: Path) -> None:
    """The rules, every expression of the dashboard, and `/metrics` itself, by Prometheus' own tool."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed; tools/install-servers installs it")
    asked = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
    plain = [expression.replace("$__rate_interval", "1m").replace("$instance", ".*") for expression in asked]
    rules = [{"record": f"dashboard:{n}", "expr": expression} for n, expression in enumerate(plain)]
    (tmp_path / "dashboard.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    figures = await all_figures(home.clock)
    text = told(home, figures)

    for arguments, given in (
        (["check", "config", "--syntax-only", str(RULES.with_name("prometheus.yml"))], None),
        (["check", "rules", str(RULES), str(tmp_path / "dashboard.yml")], None),
        (["check", "metrics"], text),
    ):
        done = subprocess.run([promtool, *arguments], check=False, input=given, capture_output=True, text=True)
        # Lint of names (exit 3) is Prometheus' taste; what it cannot read is exit 1.
        assert done.returncode in (0, 3), done.stdout + done.stderr
