"""The process that decodes one video: `python -m ingest.video_child EVERY_S`, with the address on standard input.

Writes pictures as JPEG to standard output (see `ingest.camera_video.HEADER`), and ends with its parent. Streams are
read as fast as they come, so that the picture shown is the newest; files at the speed they were recorded, again and again.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import BinaryIO

import cv2

from ingest.camera_video import HEADER

JPEG_QUALITY = 90
OPEN_TIMEOUT_MS = 10_000
READ_TIMEOUT_MS = 10_000
ENDED = "the video ended"


def main() -> None:
    """Decode until the stream or the parent ends."""
    every_s, source = float(sys.argv[1]), sys.stdin.buffer.readline().decode().strip()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # TCP, because a picture with holes of lost packets looks like smoke.
    os.environ.setdefault("OPENCV_FFMPEG_CAPTURE_OPTIONS", "rtsp_transport;tcp")
    reason = _show(source, every_s, sys.stdout.buffer)
    while reason == ENDED and Path(source).is_file():
        reason = _show(source, every_s, sys.stdout.buffer)
    sys.stdout.buffer.write(HEADER.pack(0.0, 0) + reason.encode())


def _end_with_parent() -> None:
    """Standard input ends when the parent does, however it ends."""
    sys.stdin.buffer.read()
    os._exit(0)


def _show(source: str, every_s: float, out: BinaryIO) -> str:
    """Write pictures; why there are no more."""
    live = not Path(source).is_file()
    timeouts = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
    video = cv2.VideoCapture(source, cv2.CAP_FFMPEG, timeouts)
    if not video.isOpened():
        return "the video cannot be opened"
    started_s, due_s = time.monotonic(), 0.0
    while video.grab():
        grabbed_s = time.monotonic()
        at_s = grabbed_s - started_s if live else video.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if at_s < due_s:
            continue
        due_s = max(due_s + every_s, at_s - every_s)
        if not live and at_s > grabbed_s - started_s:
            time.sleep(at_s - (grabbed_s - started_s))
            grabbed_s = time.monotonic()
        shown, image = video.retrieve()
        if not shown:
            continue
        encoded, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if encoded:
            data = jpeg.tobytes()
            out.write(HEADER.pack(time.monotonic() - grabbed_s, len(data)) + data)
            out.flush()
    return ENDED if due_s else "the video shows no pictures"


if __name__ == "__main__":
    main()
