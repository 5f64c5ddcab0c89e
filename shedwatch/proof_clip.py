"""The clip of a proof, filmed by a process of its own: the service itself knows no simulated shed."""

from __future__ import annotations

import asyncio
import sys

import msgspec

from alerts.proof.signals import Clip

FPS = 2.0
CALM_S = 10.5
"""Before the smoke: so long a detector that has just started takes to know the scene."""

CLIP_S = 55.0
LONGEST_S = 180.0


class FilmError(Exception):
    """The clip could not be made; the message says why."""


async def film() -> Clip:
    """Have it rendered; takes some ten seconds of a core, behind everything else. Raises FilmError."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "shedwatch.proof_film"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(LONGEST_S):
            pictures, words = await process.communicate()
    except TimeoutError:
        raise FilmError(f"the test clip was not rendered within {LONGEST_S:g} s") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        last = words.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise FilmError(f"the test clip could not be rendered: {last[0]}")
    return Clip(msgspec.msgpack.decode(pictures, type=list[bytes]), FPS, smoke_at=int(CALM_S * FPS))
