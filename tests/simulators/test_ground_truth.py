"""The truth log: what was wrong, when and where, as a machine reads it."""

import json

from simulators.faults import KINDS
from simulators.ground_truth import truth_lines, write_truth
from simulators.scenario import parse

START_MS = 1_795_400_000_000
SCENARIO = """
name: small
duration_s: 600
sites:
  - id: a
    sheds:
      - id: s
        chargers: [{id: c1, ports: 12}]
        sensors: [{id: smoke-1, kind: smoke}]
        cameras:
          - {id: cam-1, zones: [{id: bay-3, kind: bay, port: "c1#3", polygon: [[0, 0], [1, 0], [1, 1]]}]}
faults:
  - {kind: broker_restart, at_s: 300}
  - {kind: thermal_runaway, device: a/s/cam-1, zone: bay-3, at_s: 100, until_s: 400}
  - {kind: port_fault, device: a/s/c1, port: 2, at_s: 20.5, until_s: 50, code: memory}
  - {kind: gateway_down, shed: a/s, devices: [c1], at_s: 200, until_s: 300}
"""


def test_truth_is_a_line_of_json_for_each_fault_in_order_of_time(tmp_path):
    """Times in both clocks, the place, figures and words with their defaults, the alerts that are right, the cause."""
    write_truth(parse(SCENARIO, "small.yaml", START_MS), START_MS, tmp_path / "truth.jsonl")
    lines = [json.loads(line) for line in (tmp_path / "truth.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(it["kind"], it["begins_s"]) for it in lines] == [
        ("port_fault", 20.5),
        ("smoke", 100.0),
        ("sensor_alarm", 175.0),
        ("gateway_down", 200.0),
        ("flame", 280.0),
        ("broker_restart", 300.0),
    ]
    assert lines[0] == {
        "kind": "port_fault",
        "what": KINDS["port_fault"].what,
        "begins_ms": START_MS + 20_500,
        "begins_s": 20.5,
        "alerts": ["charger_fault", "relay_welded"],
        "ends_ms": START_MS + 50_000,
        "ends_s": 50.0,
        "site": "a",
        "shed": "s",
        "device": "c1",
        "port": 2,
        "words": {"code": "memory"},
    }
    assert lines[1]["charger_port"] == "c1#3"
    assert {it["cause"] for it in lines if it["kind"] in ("smoke", "flame", "sensor_alarm")} == {"thermal_runaway slow"}
    assert lines[3]["devices"] == ["c1"]
    assert "ends_s" not in lines[-1]


def test_same_scenario_same_truth():
    """It depends on nothing but the scenario and its start."""
    first, second = (truth_lines(parse(SCENARIO, "small.yaml", START_MS), START_MS) for _ in range(2))
    assert first == second
