"""Sheds as the API shows them."""

from __future__ import annotations

import msgspec
from starlette.testclient import TestClient

from alerts.model import AlarmState, AlertKind, Severity
from api.app import create_app, hub_of
from ingest.model import DeviceKind, Reading
from ingest.store.port import LatestValue
from tests.api.fakes import CAMERA, CHARGER, EXTINGUISHER, SENSOR, House, alert, reading

SHED_1 = "/api/v1/sheds/cuiping-beili/shed-1"


def test_all_sheds_at_a_glance(home: House, client: TestClient) -> None:
    """Ports by state, power, alarms, blind cameras and silent chargers of every shed, in the configured order."""
    hub_of(client.app).notify_readings(
        [reading(home.clock, 1, state="charging", power_w=182.4), reading(home.clock, 2, state="idle", power_w=0.5)]
    )
    home.desk.put(alert("a1", severity=Severity.HIGH))
    home.desk.put(alert("a2", kind=AlertKind.CAMERA_FROZEN, severity=Severity.MEDIUM))
    home.desk.put(alert("a3", kind=AlertKind.TELEMETRY_STALE, severity=Severity.LOW, device="c1"))

    answer = client.get("/api/v1/sheds", headers=home.bearer()).json()

    assert answer["server_ts"] == home.clock.now_ms()
    assert answer["sheds"][0] == {
        "site": "cuiping-beili",
        "site_name": {"zh": "翠屏北里", "en": "Cuiping Beili"},
        "shed": "shed-1",
        "name": {"zh": "1号车棚", "en": "Shed 1"},
        "ports": {
            "total": 4,
            "idle": 1,
            "plugged": 0,
            "charging": 1,
            "float": 0,
            "full": 0,
            "fault": 0,
            "off": 0,
            "unknown": 2,
        },
        "power_w": 182.9,
        "open_alerts": {"critical": 0, "high": 1, "medium": 1, "low": 1},
        "worst": "high",
        "cameras": {"total": 1, "blind": 1},
        "chargers": {"total": 1, "offline": 1},
        "updated_ts": home.clock.now_ms(),
    }
    assert answer["sheds"][1]["worst"] is None
    assert answer["sheds"][1]["updated_ts"] is None


def test_one_shed_in_full(home: House, client: TestClient) -> None:
    """Every device with its latest values and how old they are."""
    hub_of(client.app).notify_readings(
        [
            reading(home.clock, None, voltage_v=224.8),
            reading(home.clock, 3, state="fault", fault="relay_welded", power_w=12.0),
            Reading(SENSOR, DeviceKind.SENSOR, home.clock.now_ms(), home.clock.now_ms(), values={"alarm": False}),
        ]
    )
    frame = home.pictures.put(CAMERA, home.clock.now_ms())
    home.clock.advance(12.5)
    home.desk.put(alert("a1"))

    answer = client.get(SHED_1, headers=home.bearer()).json()

    charger = answer["chargers"][0]
    now_ms = home.clock.now_ms()
    assert charger["id"] == "c1"
    assert charger["online"] is True
    assert charger["values"] == {"voltage_v": {"value": 224.8, "ts": now_ms - 12_500, "age_s": 12.5}}
    assert [port["port"] for port in charger["ports"]] == [1, 2, 3, 4]
    assert charger["ports"][0] == {"port": 1, "state": None, "fault": None, "age_s": None, "values": {}}
    assert charger["ports"][2]["fault"] == "relay_welded"
    assert charger["ports"][2]["age_s"] == 12.5
    assert charger["ports"][2]["values"]["power_w"]["value"] == 12.0
    assert answer["sensors"][0]["values"]["alarm"]["value"] is False
    assert answer["sensors"][0]["kind"] == "smoke"
    assert answer["cameras"][0]["picture_ts"] == frame.received_ms
    assert answer["cameras"][0]["picture_age_s"] == 12.5
    assert answer["cameras"][0]["stale"] is True
    assert answer["extinguishers"] == [
        {"id": EXTINGUISHER.device, "name": {"zh": "灭火器", "en": "Extinguisher"}, "inspected": "2026-10-01"}
    ]
    assert [one["id"] for one in answer["open_alerts"]] == ["a1"]
    assert answer["summary"]["shed"] == "shed-1"


def test_how_long_a_camera_is_blind(home: House, client: TestClient) -> None:
    """Blind time runs from the first alarm that still says so; an alarm that is over does not count."""
    start_ms = home.clock.now_ms()
    home.desk.put(alert("a1", kind=AlertKind.CAMERA_DARK, raised_ts=start_ms - 90_000, active=False))
    home.desk.put(alert("a2", kind=AlertKind.CAMERA_COVERED, raised_ts=start_ms - 60_000, state=AlarmState.SHELVED))
    home.desk.put(alert("a3", kind=AlertKind.CAMERA_FROZEN, raised_ts=start_ms - 30_000))

    camera = client.get(SHED_1, headers=home.bearer()).json()["cameras"][0]

    assert camera["blind_since_ts"] == start_ms - 60_000
    assert camera["blind_s"] == 60
    assert camera["blind_kinds"] == ["camera_covered", "camera_frozen"]


def test_a_fault_that_is_over_is_not_shown(home: House, client: TestClient) -> None:
    """A port that reports its state without a fault has none any more, though the last fault is still known."""
    hub = hub_of(client.app)
    hub.notify_readings([reading(home.clock, 1, state="fault", fault="leakage")])
    home.clock.advance(1)
    hub.notify_readings([reading(home.clock, 1, state="idle")])

    port = client.get(SHED_1, headers=home.bearer()).json()["chargers"][0]["ports"][0]

    assert port["fault"] is None
    assert set(port["values"]) == {"state"}


def test_the_last_known_values_are_there_after_a_start(home: House) -> None:
    """What the store knew is shown with its true age, and who is there is open until heard."""
    now_ms = home.clock.now_ms()
    home.store.latest_values = {(CHARGER, 1): {"power_w": LatestValue(5.0, now_ms - 60_000, now_ms - 60_000)}}
    with TestClient(create_app(home.deps)) as client:
        charger = client.get(SHED_1, headers=home.bearer()).json()["chargers"][0]

    assert charger["online"] is None
    assert charger["ports"][0]["age_s"] == 60


def test_without_a_store_the_sheds_are_still_shown(home: House) -> None:
    """A store that is down at the start holds nothing up."""
    home.store.down = True
    with TestClient(create_app(home.deps)) as client:
        hub_of(client.app).notify_readings([reading(home.clock, 1, state="idle")])

        assert client.get("/api/v1/sheds", headers=home.bearer()).json()["sheds"][0]["ports"]["idle"] == 1


def test_without_a_ledger_the_sheds_are_still_shown(home: House, client: TestClient) -> None:
    """Open alarms come from memory: the ledger's trouble does not empty the wall."""
    home.desk.put(msgspec.structs.replace(alert("a1")))
    home.desk.down = True

    assert client.get("/api/v1/sheds", headers=home.bearer()).json()["sheds"][0]["worst"] == "critical"


def test_an_unknown_shed(home: House, client: TestClient) -> None:
    """A shed that is not configured does not exist; what cannot be an id is told apart from it."""
    assert client.get("/api/v1/sheds/cuiping-beili/shed-9", headers=home.bearer()).status_code == 404
    assert client.get("/api/v1/sheds/elsewhere/shed-1", headers=home.bearer()).status_code == 404
    assert client.get("/api/v1/sheds/cuiping-beili/SHED", headers=home.bearer()).status_code == 422


def test_a_word_of_another_version_does_not_empty_the_wall(home: House, client: TestClient) -> None:
    """A port whose stored state this version does not know counts as unknown; everything else is shown."""
    hub_of(client.app).notify_readings(
        [reading(home.clock, 1, state="hovering"), reading(home.clock, 2, state="charging")]
    )

    ports = client.get("/api/v1/sheds", headers=home.bearer()).json()["sheds"][0]["ports"]

    assert (ports["charging"], ports["unknown"], ports["total"]) == (1, 3, 4)
