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
from ingest.stream_clock import StreamClock
from ingest.video_words import DecoderWords

JPEG_QUALITY = 90
OPEN_TIMEOUT_MS = 10_000
# A camera that shows nothing for so long is gone, whatever its connection says.
READ_TIMEOUT_MS = 5_000
ENDED = "the video ended"

# TCP, because a picture with holes of lost packets looks like smoke.
_TRANSPORT = "rtsp_transport;tcp"
# FFmpeg would watch a stream for seconds before it shows the first picture, and show those seconds late.
_PROMPT = f"{_TRANSPORT}|fflags;nobuffer|analyzeduration;500000"


def main() -> None:
    """Decode until the stream or the parent ends."""
    every_s, source = float(sys.argv[1]), sys.stdin.buffer.readline().decode().strip()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    words = DecoderWords()
    if Path(source).is_file():
        reason = ENDED
        while reason == ENDED and Path(source).is_file():
            reason = _play(source, every_s, sys.stdout.buffer)
    else:
        reason = _stream(source, every_s, sys.stdout.buffer, words)
    said = words.last()
    sys.stdout.buffer.write(HEADER.pack(0.0, 0) + (f"{reason}: {said}" if said else reason).encode())


def _end_with_parent() -> None:
    """Standard input ends when the parent does, however it ends."""
    sys.stdin.buffer.read()
    os._exit(0)


def _open(source: str) -> cv2.VideoCapture:
    settings = [cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, OPEN_TIMEOUT_MS, cv2.CAP_PROP_READ_TIMEOUT_MSEC, READ_TIMEOUT_MS]
    # Each further thread of the decoder would hold back one more picture.
    return cv2.VideoCapture(source, cv2.CAP_FFMPEG, [*settings, cv2.CAP_PROP_N_THREADS, 1])


def _open_stream(source: str, words: DecoderWords) -> cv2.VideoCapture:
    """Open promptly; where too little was seen that way (rare key frames, no parameters ahead), with patience."""
    for options in (_PROMPT, _TRANSPORT):
        os.environ["OPENCV_FFMPEG_CAPTURE_OPTIONS"] = options
        video = _open(source)
        if video.isOpened() or words.refuse_login():
            break
    return video


def _stream(source: str, every_s: float, out: BinaryIO, words: DecoderWords) -> str:
    """Write pictures of a live stream; why there are no more."""
    video = _open_stream(source, words)
    if not video.isOpened():
        return "the video cannot be opened"
    clock, due_s, seen = StreamClock(), time.monotonic(), False
    while video.grab():
        grabbed_s = time.monotonic()
        age_s = clock.age_s(video.get(cv2.CAP_PROP_POS_MSEC) / 1000, grabbed_s)
        seen = True
        if grabbed_s < due_s:
            continue
        due_s = max(due_s + every_s, grabbed_s)
        _write(video, grabbed_s - age_s, out)
    return "no picture for 5 s, or the stream ended" if seen else "the video shows no pictures"


def _play(source: str, every_s: float, out: BinaryIO) -> str:
    """Write pictures of a file at the speed it was recorded; why there are no more."""
    video = _open(source)
    if not video.isOpened():
        return "the video cannot be opened"
    started_s, due_s = time.monotonic(), 0.0
    while video.grab():
        at_s = video.get(cv2.CAP_PROP_POS_MSEC) / 1000
        if at_s < due_s:
            continue
        due_s = max(due_s + every_s, at_s - every_s)
        time.sleep(max(0.0, started_s + at_s - time.monotonic()))
        _write(video, time.monotonic(), out)
    return ENDED if due_s else "the video shows no pictures"


def _write(video: cv2.VideoCapture, captured_s: float, out: BinaryIO) -> None:
    """Write the grabbed picture with its age, if it decodes."""
    shown, image = video.retrieve()
    if not shown:
        return
    encoded, jpeg = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if encoded:
        data = jpeg.tobytes()
        out.write(HEADER.pack(time.monotonic() - captured_s, len(data)) + data)
        out.flush()


if __name__ == "__main__":
    main()
