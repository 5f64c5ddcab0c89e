"""Camera pictures over HTTP."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from starlette.testclient import TestClient

from api.app import create_app, hub_of
from api.live import BOUNDARY
from api.placeholder import no_picture
from tests.api.asgi import listen
from tests.api.fakes import CAMERA, JPEG, House

PATH = "/api/v1/cameras/cuiping-beili/shed-1/cam-1"
MARK = f"--{BOUNDARY}\r\n".encode()


def test_a_fresh_picture(home: House, client: TestClient) -> None:
    """The newest picture comes as it is, with its time, and is not to be kept by anyone."""
    frame = home.pictures.put(CAMERA, home.clock.now_ms())
    home.clock.advance(10)

    answer = client.get(f"{PATH}/snapshot.jpg", headers=home.bearer())

    assert answer.status_code == 200
    assert answer.content == JPEG
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["x-picture-ts"] == str(frame.received_ms)
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("query", ["", "?overlay=1"])
@pytest.mark.parametrize("what", ["snapshot.jpg", "live"])
def test_an_old_picture_is_never_shown_as_live(home: House, client: TestClient, what: str, query: str) -> None:
    """A picture past its limit is 503 with its age, with and without overlay, still and live."""
    home.pictures.put(CAMERA, home.clock.now_ms())
    home.pictures.overlays[CAMERA] = JPEG
    home.clock.advance(10.5)

    answer = client.get(f"{PATH}/{what}{query}", headers=home.bearer())

    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["age_s"] == 10.5
    assert "10 s old" in answer.json()["detail"]


def test_a_picture_of_a_backlog_is_old(home: House, client: TestClient) -> None:
    """A picture that arrives now but was taken long ago is as old as it was taken."""
    frame = home.pictures.put(CAMERA, home.clock.now_ms())
    home.clock.advance(60)
    late = type(frame)(CAMERA, frame.captured_ms, home.clock.now_ms(), JPEG, 640, 360)
    home.pictures._frames[CAMERA] = late

    assert client.get(f"{PATH}/snapshot.jpg", headers=home.bearer()).json()["age_s"] == 60


def test_before_the_first_picture(home: House, client: TestClient) -> None:
    """A camera that sent nothing yet has no picture of any age."""
    answer = client.get(f"{PATH}/snapshot.jpg", headers=home.bearer())

    assert answer.status_code == 503
    assert answer.json()["age_s"] is None


def test_overlay(home: House, client: TestClient) -> None:
    """With `overlay=1` comes what the detectors drew; 503 while there is none, never the bare picture instead."""
    home.pictures.put(CAMERA, home.clock.now_ms())
    assert client.get(f"{PATH}/snapshot.jpg?overlay=1", headers=home.bearer()).status_code == 503
    home.pictures.overlays[CAMERA] = JPEG + b"drawn"

    assert client.get(f"{PATH}/snapshot.jpg?overlay=1", headers=home.bearer()).content == JPEG + b"drawn"


@pytest.mark.parametrize("device", ["cam-9", "c1", "CAM"])
def test_only_cameras_have_pictures(home: House, client: TestClient, device: str) -> None:
    """Another device, one that does not exist, and what cannot be an id are told apart from a camera without picture."""
    answer = client.get(PATH.replace("cam-1", device) + "/snapshot.jpg", headers=home.bearer())

    assert answer.status_code == (422 if device == "CAM" else 404)


def test_png_is_called_png(home: House, client: TestClient) -> None:
    """A camera that sends PNG is shown as what it sent."""
    home.pictures.put(CAMERA, home.clock.now_ms(), b"\x89PNG\r\n\x1a\n")

    assert client.get(f"{PATH}/snapshot.jpg", headers=home.bearer()).headers["content-type"] == "image/png"


async def test_live_pictures(home: House) -> None:
    """Live, the present picture comes at once and each new one when it is there; hanging up lets the camera go."""
    home.pictures.put(CAMERA, home.clock.now_ms())
    async with listen(create_app(home.deps), f"{PATH}/live", home.bearer()) as live:
        assert live.status == 200
        assert live.headers["content-type"] == f"multipart/x-mixed-replace; boundary={BOUNDARY}"
        assert await live.until(MARK) == MARK
        first = await live.until(MARK)
        home.clock.advance(1)
        home.pictures.put(CAMERA, home.clock.now_ms(), JPEG + b"2")
        second = await live.until(MARK)

    assert first == b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%b\r\n%b" % (len(JPEG), JPEG, MARK)
    assert JPEG + b"2" in second
    assert home.pictures.subscribers == 0


async def test_a_live_view_without_news_says_so_and_ends(home: House) -> None:
    """When pictures stop coming, the last thing a live view shows is that it has none."""
    home.pictures.put(CAMERA, home.clock.now_ms())
    async with listen(create_app(home.deps), f"{PATH}/live", home.bearer()) as live:
        await live.until(MARK)
        await live.until(MARK)
        home.clock.advance(11)
        rest = await live.ended()

    assert no_picture(640, 360) in rest
    assert home.pictures.subscribers == 0


async def test_a_live_view_ends_with_its_session(home: House) -> None:
    """Who is let out no longer sees."""
    home.pictures.put(CAMERA, home.clock.now_ms())
    async with listen(create_app(home.deps), f"{PATH}/live", home.bearer()) as live:
        await live.until(MARK)
        await live.until(MARK)
        home.tokens.revoke(1)

        await live.ended()


async def test_a_live_view_ends_with_the_service(home: House) -> None:
    """A service that stops does not wait for those who watch."""
    home.pictures.put(CAMERA, home.clock.now_ms())
    app = create_app(home.deps)
    async with listen(app, f"{PATH}/live", home.bearer()) as live:
        await live.until(MARK)
        await live.until(MARK)
        hub_of(app).close()

        await live.ended()


def test_the_picture_that_says_there_is_none() -> None:
    """It is a picture, of about the camera's shape and never huge, that looks like nothing a camera sees."""
    image = cv2.imdecode(np.frombuffer(no_picture(2560, 1440), np.uint8), cv2.IMREAD_COLOR)

    assert image is not None
    assert image.shape == (720, 1280, 3)
    blue, _green, red = (int(image[:, :, channel].max()) for channel in range(3))
    assert red > 180
    assert int(np.median(image)) < 60
    assert blue > 180
