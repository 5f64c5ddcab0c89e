"""Real footage as JPEG frames over MQTT becomes alarms with pictures."""

from __future__ import annotations

import csv
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.journeys.service import Service
from tests.servers import Mosquitto

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.footage, pytest.mark.alone, pytest.mark.timeout(600)]

FPS = 5.0
SECONDS_BEFORE, SECONDS_AFTER = 12.0, 40.0
# An owner often stays beside what was set down; it is told when it stands alone.
SECONDS_AFTER_BLOCKED = 45.0
KINDS = {"blocked": "corridor_blocked", "smoke": "smoke", "flame": "flame"}
# One clip a hazard that shows its event whole, in a covered place with a fixed camera.
CLIPS = [
    ("aboda_v1_1fps.avi", "blocked"),
    ("aboda_v5_1fps.avi", "blocked"),
    ("motorbike_pump_cctv_long.mp4", "flame"),
    ("motorbike_pump_cctv_short.mp4", "flame"),
    ("nist_tree_room.mp4", "smoke"),
    ("firefighter_flare_field.avi", "smoke"),
]


def row_of(footage: Path, clip: str, category: str) -> dict[str, str]:
    with (footage / "catalogue.csv").open(encoding="utf-8") as file:
        return next(row for row in csv.DictReader(file) if row["file"].endswith(clip) and row["category"] == category)


def frames(path: Path, from_s: float, to_s: float):
    """(seconds, picture) of a clip, at most FPS a second."""
    video = cv2.VideoCapture(str(path))
    rate = video.get(cv2.CAP_PROP_FPS) or 25.0
    step = max(1, round(rate / FPS))
    index = 0
    while True:
        ok, picture = video.read()
        if not ok or index / rate > to_s:
            return
        if index % step == 0 and index / rate >= from_s:
            yield index / rate, picture
        index += 1


def polygon(text: str) -> list[list[float]]:
    return [[float(v) for v in point.split(",")] for point in text.split()] or [[0, 0], [1, 0], [1, 1], [0, 1]]


def site_of(rows: list[dict[str, str]]) -> list[dict[str, Any]]:
    """One shed with a camera for each clip; the event's zone is a corridor or a bay of it."""
    cameras = []
    for number, row in enumerate(rows, start=1):
        kind = "corridor" if row["category"] == "blocked" else "bay"
        zone = {"id": "watched", "kind": kind, "polygon": polygon(row["zone"])}
        cameras.append({"id": f"cam-{number}", "zones": [zone]})
    return [{"id": "north", "sheds": [{"id": "shed-1", "cameras": cameras}]}]


def play(port: int, number: int, path: Path, row: dict[str, str], over: threading.Event) -> None:
    """Publish one clip in real time as the pictures of one camera, from before its event to some time after."""
    event_s = float(row["event_start_s"])
    blocked = row["category"] == "blocked"
    from_s = max(float(row["usable_from_s"] or 0), 0.0 if blocked else event_s - SECONDS_BEFORE)
    to_s = min(float(row["usable_to_s"] or 1e9), event_s + (SECONDS_AFTER_BLOCKED if blocked else SECONDS_AFTER))
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5)
    client.connect("127.0.0.1", port)
    client.loop_start()
    began, start_ms = time.monotonic(), time.time_ns() // 1_000_000
    for at_s, picture in frames(path, from_s, to_s):
        time.sleep(max(0.0, began + at_s - from_s - time.monotonic()))
        if over.is_set():
            break
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [("ts", str(start_ms + round((at_s - from_s) * 1000)))]
        jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
        client.publish(f"sheds/north/shed-1/camera/cam-{number}/frame", jpeg, 0, properties=properties)
    client.disconnect()
    client.loop_stop()


@pytest.fixture(scope="module")
def alarmed(tmp_path_factory, footage):
    """Every clip played at once, each on a camera of its own: camera to the alarms and pictures it gave."""
    rows = [row_of(footage, clip, category) for clip, category in CLIPS]
    folder = tmp_path_factory.mktemp("footage")
    broker = Mosquitto(folder / "broker")
    broker.start()
    with Service(folder, broker.url, sites=site_of(rows), vision={"dwell_s": 10.0}) as service:
        over = threading.Event()
        players = [
            threading.Thread(target=play, args=(broker.port, number, footage / row["file"], row, over))
            for number, row in enumerate(rows, start=1)
        ]
        for player in players:
            player.start()
        for player in players:
            player.join(180)
        over.set()
        time.sleep(2)
        found: dict[str, list[tuple[str, bytes]]] = {}
        for alert in service.alerts("all"):
            pictures = [
                service.client.get(f"/api/v1/alerts/{alert['id']}/evidence/{name}").content
                for name in alert["evidence"][:1]
            ]
            found.setdefault(alert["device"], []).append((alert["kind"], b"".join(pictures)))
    broker.stop()
    return found


@pytest.mark.parametrize(("number", "clip", "category"), [(n, *it) for n, it in enumerate(CLIPS, start=1)])
def test_an_event_on_real_footage_alarms_with_a_picture(alarmed, number, clip, category):
    """What an eye sees on the clip, the control room is told, with the picture to prove it."""
    pictures = [picture for kind, picture in alarmed.get(f"cam-{number}", []) if kind == KINDS[category]]

    assert pictures, (
        f"{clip}: no {KINDS[category]} alarm, only {[kind for kind, _ in alarmed.get(f'cam-{number}', [])]}"
    )
    shown = cv2.imdecode(np.frombuffer(pictures[0], np.uint8), cv2.IMREAD_COLOR)
    assert shown is not None
    assert shown.shape[0] >= 100
