"""From a charger that is not ours to the store, the ledger and the live events, over a real Mosquitto."""

from __future__ import annotations

import json
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.journeys.service import Service

pytestmark = [pytest.mark.servers, pytest.mark.slow]

TELEMETRY = "sheds/north/shed-1/charger/c1/telemetry"
DEVICE = "north/shed-1/c1"


def publish(broker, topic: str, *messages: str | bytes, qos: int = 1) -> None:
    """Send messages, one a line, with Mosquitto's own client."""
    lines = b"".join((m.encode() if isinstance(m, str) else m) + b"\n" for m in messages)
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", str(qos), "-t", topic, "-l"]
    subprocess.run(command, input=lines, check=True, timeout=60)


def publish_file(broker, topic: str, file: Path) -> None:
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(broker.port), "-q", "1", "-t", topic, "-f", str(file)]
    subprocess.run(command, check=True, timeout=60)


def charging(ts: int, power_w: float, seq: int | None = None, **fields: object) -> str:
    counted = {} if seq is None else {"seq": seq}
    return json.dumps({"ts": ts, **counted, "ports": [{"port": 1, "state": "charging", "power_w": power_w, **fields}]})


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@pytest.fixture
def service(tmp_path, mosquitto):
    with Service(tmp_path, mosquitto.url) as service:
        yield service


def power(service: Service, from_ms: int, to_ms: int) -> list[list[float]]:
    return service.get("/history", device=DEVICE, port=1, field="power_w", **{"from": from_ms, "to": to_ms}, every_s=0)[
        "points"
    ]


def test_a_thousand_messages_are_complete_in_history(service, mosquitto):
    """Nothing is lost on the way of a charger's own messages."""
    start = now_ms() - 60_000
    publish(mosquitto, TELEMETRY, *(charging(start + n, 100 + n / 10) for n in range(1000)))

    points = service.until(
        lambda: len(got := power(service, start, start + 60_000)) >= 1000 and got, 20, "history was not complete"
    )

    assert points == [[start + n, pytest.approx(100 + n / 10)] for n in range(1000)]


def test_overheating_is_in_the_ledger_and_on_the_event_stream_in_under_a_second(service, mosquitto):
    """Seconds count."""
    heard: list[tuple[float, dict]] = []
    listening = threading.Event()

    def listen() -> None:
        with service.client.stream("GET", "/api/v1/events", timeout=30.0) as answer:
            kind = ""
            for line in answer.iter_lines():
                listening.set()
                if line.startswith("event:"):
                    kind = line.partition(":")[2].strip()
                elif line.startswith("data:") and kind == "alert":
                    heard.append((time.monotonic(), json.loads(line[5:])))
                    return

    listener = threading.Thread(target=listen, daemon=True)
    listener.start()
    assert listening.wait(10)
    sent = time.monotonic()
    publish(mosquitto, TELEMETRY, charging(now_ms(), 400, temperature_c=96.0))
    listener.join(10)

    assert heard, "no alert on the event stream"
    at, event = heard[0]
    assert event["alert"]["kind"] == "over_temperature"
    assert (event["alert"]["device"], event["alert"]["port"]) == ("c1", 1)
    assert at - sent < 1.0
    (alert,) = service.alerts(kind="over_temperature")
    assert alert["id"] == event["alert"]["id"]
    assert service.get(f"/alerts/{alert['id']}/log")["items"][0]["action"] == "raise"


def test_bad_input_is_refused_with_its_reason_and_disturbs_nothing(service, mosquitto, tmp_path):
    """Whatever comes in, the next right message is taken."""
    huge = tmp_path / "huge"
    huge.write_bytes(b"x" * 30_000_000)
    bomb = tmp_path / "bomb.png"
    ihdr = b"IHDR" + (60_000).to_bytes(4, "big") * 2 + b"\x08\x02\x00\x00\x00"
    bomb.write_bytes(b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + ihdr + b"\0\0\0\0")
    frame = "sheds/north/shed-1/camera/cam-1/frame"
    bad = [
        (TELEMETRY, "{not json"),
        (TELEMETRY, '{"ports": [{"port": 1, "power_w": "12"}]}'),
        (TELEMETRY, '{"ports": [{"port": 1, "power_w": NaN}]}'),
        (TELEMETRY, '{"ports": [{"port": 1, "temperature_c": 5000}]}'),
        (TELEMETRY, '{"ports": [{"port": 13, "power_w": 1}]}'),
        ("sheds/north/shed-1/charger/nobody/telemetry", charging(now_ms(), 1)),
        ("sheds/north/shed-1/toaster/t1/telemetry", "{}"),
        ("sheds/north/shed-1/charger/c1/gossip", "{}"),
        ("sheds/nowhere", "{}"),
        (frame, "\xff\xd8 broken"),
    ]
    for topic, message in bad:
        publish(mosquitto, topic, message)
    publish_file(mosquitto, frame, bomb)
    publish_file(mosquitto, TELEMETRY, huge)
    at = now_ms()
    publish(mosquitto, TELEMETRY, charging(at, 321))

    service.until(lambda: power(service, at, at + 1), 20, "the right message after the bad ones was not taken")
    letters = service.until(
        lambda: len(got := service.get("/dead-letters", limit=100)["items"]) >= len(bad) + 2 and got,
        10,
        "not every refusal is readable",
    )
    assert all(letter["reason"] for letter in letters)
    reasons = " | ".join(letter["reason"] for letter in letters)
    for expected in (
        "JSON",
        "power_w",
        "temperature_c",
        "13",
        "nobody",
        "toaster",
        "gossip",
        "expectedsheds/site",
        "60000",
        "30000000",
    ):
        assert expected in reasons.replace(",", "").replace(" ", ""), (expected, reasons)


def test_kill_9_in_the_middle_of_ten_thousand_messages_loses_and_doubles_nothing(service, mosquitto):
    """The broker keeps what was not acknowledged, the store knows what it has."""
    start = now_ms() - 600_000
    count = 10_000
    command = ["mosquitto_pub", "-h", "127.0.0.1", "-p", str(mosquitto.port), "-q", "1", "-t", TELEMETRY, "-l"]
    publisher = subprocess.Popen(command, stdin=subprocess.PIPE)
    assert publisher.stdin is not None
    began = time.monotonic()
    for n in range(count):
        publisher.stdin.write(charging(start + n, 100 + n / 100, seq=n).encode() + b"\n")
        if n % 50 == 0:
            publisher.stdin.flush()
            time.sleep(max(0.0, began + n / 1000 - time.monotonic()))
        if n in (3000, 6500):
            service.kill()
            service.launch()
    publisher.stdin.close()
    publisher.wait(60)
    service.until(service.ready, 40, "the service did not come back")

    service.until(lambda: len(power(service, start, start + count)) >= count, 30, "messages were lost")
    points = power(service, start, start + 600_000)
    assert points == [[start + n, pytest.approx(100 + n / 100)] for n in range(count)]
