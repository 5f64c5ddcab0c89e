"""Cameras that don't speak MQTT: whatever they do, pictures come with their time, and passwords stay secret."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest.camera_files import file_pictures, folder_pictures
from ingest.camera_http import SnapshotError, http_pictures
from ingest.camera_login import LoginRefusedError
from ingest.camera_video import VideoError, video_pictures
from ingest.cameras import CameraSource, SourceError, source_of
from ingest.images import check_picture
from ingest.model import DeviceRef
from shedwatch.clock import Clock, ManualClock, SystemClock
from tests.ingest.ingest_samples import CAM, NOW_MS, png

Offered = list[tuple[DeviceRef, bytes, int | None]]


async def first(pictures: AsyncGenerator[tuple[bytes, int]], count: int) -> list[tuple[bytes, int]]:
    taken = []
    try:
        async with asyncio.timeout(30):
            async for picture in pictures:
                taken.append(picture)
                if len(taken) == count:
                    break
    finally:
        await pictures.aclose()
    return taken


@pytest.mark.parametrize(
    ("source", "kind"),
    [
        ("rtsp://h/stream", video_pictures),
        ("https://h/snapshot.jpg", http_pictures),
        ("http://h/cgi-bin/snapshot?channel=1", http_pictures),
        ("http://h/live.m3u8", video_pictures),
        ("/tmp/clip.mp4", video_pictures),
        ("/tmp/picture.JPG", file_pictures),
        (str(Path(__file__).parent), folder_pictures),
    ],
)
def test_the_configuration_tells_the_kind(source: str, kind: object) -> None:
    """From the address alone."""
    made = source_of(CAM, source, ManualClock())

    assert made is not None
    assert made._pictures is kind


def test_pictures_by_mqtt_need_no_source() -> None:
    """The intake takes them."""
    assert source_of(CAM, "mqtt", ManualClock()) is None


def test_an_unknown_kind_is_refused_without_its_password() -> None:
    """With what there is instead."""
    with pytest.raises(SourceError, match=r"use mqtt, rtsp://") as refused:
        source_of(CAM, "ftp://admin:secret@h/x", ManualClock())

    assert "secret" not in str(refused.value)


async def test_a_failing_source_is_tried_again_ever_more_seldom_and_forgiven() -> None:
    """Its health says why there is no picture; refused pictures are counted."""
    clock, offered = ManualClock(NOW_MS), list[int]()
    lives = iter([0, 0, 0, 1, 0])
    starts: list[float] = []
    done = asyncio.Event()

    async def pictures(_source: str, _every_s: float, clock: Clock) -> AsyncGenerator[tuple[bytes, int]]:
        starts.append(clock.monotonic())
        well = next(lives, None)
        if well is None:
            done.set()
            await asyncio.Event().wait()
        if well:
            yield b"x", NOW_MS
            await clock.sleep(60)
        raise OSError("no route to rtsp://admin:secret@h/")

    def offer(_camera: DeviceRef, _image: bytes, captured_ms: int | None) -> bool:
        offered.append(captured_ms or 0)
        return False

    source = CameraSource(CAM, "x", pictures, clock, rng=random.Random(1))
    task = asyncio.create_task(source.run(offer))
    await asyncio.wait_for(done.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    waits = [later - earlier for earlier, later in pairwise(starts)]

    assert 0.5 <= waits[0] <= 1
    assert 1 <= waits[1] <= 2
    assert 2 <= waits[2] <= 4
    assert 60.5 <= waits[3] <= 61
    assert (offered, source.health.refused) == ([NOW_MS], 1)
    assert source.health.reason == "no route to rtsp://***@h/"


async def test_a_file_is_shown_whenever_it_was_written_anew(tmp_path: Path) -> None:
    """With the time it was written."""
    path = tmp_path / "now.png"
    path.write_bytes(png(20, 20))
    os.utime(path, ns=(0, NOW_MS * 1_000_000))
    pictures = file_pictures(str(path), 0.01, SystemClock())
    one = await anext(pictures)
    path.write_bytes(png(30, 30))
    os.utime(path, ns=(0, (NOW_MS + 5) * 1_000_000))
    two = await asyncio.wait_for(anext(pictures), 5)
    await pictures.aclose()

    assert one == (png(20, 20), NOW_MS)
    assert two == (png(30, 30), NOW_MS + 5)


async def test_of_a_folder_the_newest_picture_is_shown(tmp_path: Path) -> None:
    """And of what is no picture nothing."""
    for number, name in enumerate(["b.png", "a.png", "note.txt"]):
        (tmp_path / name).write_bytes(png(20 + number, 20))
        os.utime(tmp_path / name, ns=(0, (NOW_MS + number) * 1_000_000))

    assert await first(folder_pictures(str(tmp_path), 0.01, SystemClock()), 1) == [(png(21, 20), NOW_MS + 1)]


@asynccontextmanager
async def camera(answer: Callable[[str], tuple[str, bytes]]) -> AsyncIterator[str]:
    """An HTTP camera that answers a request's head with a status line with headers, and a body."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        status, body = answer(head)
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def test_snapshots_are_asked_for_with_name_and_password_once_wanted() -> None:
    """Not before the camera asks, and never in the address."""
    heads: list[str] = []
    token = base64.b64encode(b"admin:p@ss").decode()

    def answer(head: str) -> tuple[str, bytes]:
        heads.append(head)
        if f"Basic {token}" in head:
            return "200 OK", png(32, 24)
        return "401 Unauthorized\r\nWWW-Authenticate: Basic realm=cam", b""

    async with camera(answer) as address:
        taken = await first(http_pictures(f"http://admin:p%40ss@{address}/snap?ch=1", 0.01, SystemClock()), 2)

    assert [image for image, _ in taken] == [png(32, 24)] * 2
    assert "uthorization" not in heads[0]
    assert all(head.startswith("GET /snap?ch=1 ") for head in heads)


def digest_camera(name: str, password: str, algorithm: str) -> Callable[[str], tuple[str, bytes]]:
    """A camera that works Digest (RFC 7616) out as the standard has it, with a nonce that counts for two answers only."""
    made = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[algorithm]
    nonces: list[int] = [0]

    def h(text: str) -> str:
        return made(text.encode()).hexdigest()

    def answer(head: str) -> tuple[str, bytes]:
        nonce, said = (
            nonces[0] // 2,
            dict(re.findall(r'(\w+)="?([^",\r]+)"?', head.partition("Authorization: Digest")[2])),
        )
        target = head.split()[1]
        secret = h(f"{name}:cam:{password}")
        parts = (secret, said.get("nonce", ""), said.get("nc", ""), said.get("cnonce", ""), "auth", h(f"GET:{target}"))
        if said.get("response") == h(":".join(parts)) and said["nonce"] == str(nonce) and said["uri"] == target:
            nonces[0] += 1
            return "200 OK", png(32, 24)
        challenge = f'Digest realm="cam", nonce="{nonce}", qop="auth", algorithm={algorithm}, stale=true'
        return f"401 Unauthorized\r\nWWW-Authenticate: {challenge}", b""

    return answer


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_digest_authentication_is_spoken(algorithm: str) -> None:
    """Most cameras want nothing else; a nonce that grew stale is replaced."""
    async with camera(digest_camera("admin", "p@ss", algorithm)) as address:
        taken = await first(http_pictures(f"http://admin:p%40ss@{address}/snap?ch=1", 0.01, SystemClock()), 5)

    assert len(taken) == 5


@pytest.mark.parametrize("login", ["admin:wr0ng@", ""])
async def test_a_refused_login_is_told_from_other_failures(login: str) -> None:
    """So that it is not tried again until the camera locks the account."""
    async with camera(digest_camera("admin", "right", "MD5")) as address:
        with pytest.raises(LoginRefusedError) as refused:
            await first(http_pictures(f"http://{login}{address}/", 0.01, SystemClock()), 1)

    assert "wr0ng" not in str(refused.value)


async def test_after_a_refused_login_a_source_waits_for_minutes() -> None:
    """Every time."""
    clock, starts = ManualClock(NOW_MS), list[float]()
    done = asyncio.Event()

    async def pictures(_source: str, _every_s: float, clock: Clock) -> AsyncGenerator[tuple[bytes, int]]:
        starts.append(clock.monotonic())
        if len(starts) == 3:
            done.set()
            await asyncio.Event().wait()
        raise LoginRefusedError("the camera refuses name and password")
        yield b"", 0

    task = asyncio.create_task(CameraSource(CAM, "x", pictures, clock, rng=random.Random(1)).run(lambda *_: True))
    await asyncio.wait_for(done.wait(), 5)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    assert all(later - earlier >= 300 for earlier, later in pairwise(starts))


async def test_a_camera_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then keeps every other limit content."""
    monkeypatch.setattr("ingest.camera_http.WHOLE_S", 0.2)
    end = asyncio.Event()

    async def trickle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not end.is_set():
            writer.write(b"x")
            await asyncio.sleep(0.05)
        writer.close()

    server = await asyncio.start_server(trickle, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SnapshotError, match=r"over 0\.2 s"):
            await first(http_pictures(f"http://127.0.0.1:{port}/", 0.01, SystemClock()), 1)
        end.set()
        await asyncio.sleep(0.1)


@pytest.mark.parametrize(
    ("status", "body", "reason"), [("503 Busy", b"", "status 503"), ("200 OK", bytes(9 << 20), "more than")]
)
async def test_an_answer_that_is_no_picture_is_an_error(status: str, body: bytes, reason: str) -> None:
    """The source is then tried again later."""
    async with camera(lambda _head: (status, body)) as address:
        with pytest.raises(SnapshotError, match=reason):
            await first(http_pictures(f"http://{address}/", 0.01, SystemClock()), 1)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 20.0, (160, 120))
    for n in range(20):
        writer.write(np.full((120, 160, 3), n * 10, np.uint8))
    writer.release()
    return path


@pytest.mark.slow
async def test_a_video_file_plays_at_its_speed_again_and_again(clip: Path) -> None:
    """A second of film at four pictures a second, then from the beginning, as JPEG."""
    clock = SystemClock()
    started_ms = clock.now_ms()
    taken = await first(video_pictures(str(clip), 0.25, clock), 6)
    ages = [clock.now_ms() - captured_ms for _, captured_ms in taken]

    assert all(check_picture(image) == ("jpeg", 160, 120) for image, _ in taken)
    assert taken[-1][1] - taken[0][1] >= 900
    assert all(0 <= age <= clock.now_ms() - started_ms for age in ages)


@pytest.mark.slow
@pytest.mark.parametrize("source", ["/nowhere/clip.mp4", "rtsp://127.0.0.1:9/x"])
async def test_a_video_that_cannot_be_opened_is_said(source: str) -> None:
    """At once where nobody listens."""
    with pytest.raises(VideoError, match="cannot be opened"):
        await first(video_pictures(source, 1.0, SystemClock()), 1)


@pytest.mark.slow
async def test_a_silent_stream_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A camera that accepts the connection and then says nothing costs a process, not the service."""
    monkeypatch.setattr("ingest.camera_video.SILENCE_S", 1.0)

    end = asyncio.Event()

    async def mute(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await end.wait()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(VideoError, match="no picture for 1 s"):
        await first(video_pictures(f"rtsp://127.0.0.1:{port}/x", 1.0, SystemClock()), 1)
    end.set()
    server.close()
    await server.wait_closed()
    await asyncio.sleep(0.05)
