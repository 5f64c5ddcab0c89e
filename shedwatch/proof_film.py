"""`python -m shedwatch.proof_film`: renders a shed in which smoke rises from a bay and is gone again, JPEG pictures to standard output.

The pictures are one msgpack list. Only `shedwatch.proof_clip` starts it.
"""

from __future__ import annotations

import os
import sys

import cv2
import msgspec

from shedwatch.proof_clip import CALM_S, CLIP_S, FPS
from simulators.scene import CameraScene, SceneEvent, encode

LAYOUT, BAY, SEED = "row", "bay-3", 7
WIDTH, HEIGHT = 640, 360
SMOKE_S = 20.0
HOUR = 12.0
STRENGTH = 3.0
"""A battery that burns fast; the proof asks whether smoke is found and told, not how thin it may be."""


def render() -> list[bytes]:
    """The pictures, in order."""
    smoke = SceneEvent("smoke", CALM_S, CALM_S + SMOKE_S, place=BAY, strength=STRENGTH, darkness=0.5)
    scene = CameraScene(LAYOUT, SEED, WIDTH, HEIGHT, [smoke])
    return [encode(scene.render(number / FPS, HOUR).image) for number in range(int(CLIP_S * FPS))]


if __name__ == "__main__":
    os.nice(10)
    cv2.setNumThreads(1)
    sys.stdout.buffer.write(msgspec.msgpack.encode(render()))
