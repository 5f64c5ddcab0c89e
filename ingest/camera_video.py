"""Pictures from a video stream or file, decoded in a process of its own that can be ended when it hangs.

FFmpeg inside OpenCV can wait for a dead camera for ever and cannot be interrupted; a process can always be killed.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator

from ingest.camera_login import LoginRefusedError
from shedwatch.clock import Clock

# Opening an RTSP stream takes seconds; a stream that shows nothing for this long is dead.
SILENCE_S = 20.0
MAX_BYTES = 64 << 20
HEADER = struct.Struct("!dI")
"""What precedes each picture: its age in seconds when it was written, and its length; length 0 ends with a reason."""


class VideoError(Exception):
    """The stream cannot be opened, ended, or fell silent."""


async def video_pictures(source: str, every_s: float, clock: Clock) -> AsyncGenerator[tuple[bytes, int]]:
    """A picture at most every `every_s` seconds of stream. Raises VideoError or LoginRefusedError."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "ingest.video_child", str(every_s), stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )
    assert process.stdin is not None
    try:
        # By the pipe and not as an argument, which every user of the machine could read.
        process.stdin.write(source.encode() + b"\n")
        await process.stdin.drain()
        while True:
            age_s, image = await _next(process)
            yield image, clock.now_ms() - round(age_s * 1000)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        process.stdin.close()


def _failure(reason: str) -> Exception:
    refused = "401" in reason and "nauthorized" in reason
    return LoginRefusedError("the camera refuses name and password") if refused else VideoError(reason)


async def _next(process: Process) -> tuple[float, bytes]:
    assert process.stdout is not None
    try:
        async with asyncio.timeout(SILENCE_S):
            age_s, length = HEADER.unpack(await process.stdout.readexactly(HEADER.size))
            if length > MAX_BYTES:
                raise VideoError("the decoder went mad")
            if not length:
                raise _failure((await process.stdout.read()).decode(errors="replace"))
            return age_s, await process.stdout.readexactly(length)
    except TimeoutError:
        raise VideoError(f"no picture for {SILENCE_S:.0f} s") from None
    except asyncio.IncompleteReadError:
        raise VideoError("the decoder ended") from None
