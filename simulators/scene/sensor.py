"""From light to picture: exposure, tone curve, sharpness, vignette, noise, the clock in the corner, JPEG."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.scene.geometry import Array

# Linear light that the metering brings the picture's mean to, and the sensor's range of gain.
TARGET, LEAST_GAIN, MOST_GAIN = 0.21, 0.12, 14.0
# The square-root code handed to the tone curve spans 0 to this much light.
WHITE = 2.2
SPARE_PX = 96
# Noise is kept in bytes: no noise, and one deviation of it.
GRAIN_ZERO, GRAIN_UNIT = 128, 24


@lru_cache(maxsize=4)
def _vignette(width: int, height: int) -> Array:
    x, y = np.meshgrid(np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32) * 0.62)
    fall = 1 - 0.2 * (x * x + y * y)
    return np.repeat(fall[..., None], 3, axis=-1)


@lru_cache(maxsize=4)
def _grain(width: int, height: int) -> Array:
    """A stock of noise larger than a picture: fine luminance and coarser colour grain, 8-bit about `GRAIN_ZERO`."""
    rng = np.random.default_rng(width * 7919 + height)
    shape = (height + SPARE_PX, width + SPARE_PX)
    fine = rng.standard_normal(shape, dtype=np.float32)
    luminance = fine * 0.75 + 0.9 * cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (0, 0), 0.7)
    colour = [cv2.GaussianBlur(rng.standard_normal(shape, dtype=np.float32), (0, 0), 1.3) * 1.9 for _ in range(3)]
    grain = np.stack([luminance + part for part in colour], axis=-1)
    return np.clip(np.round(GRAIN_ZERO + GRAIN_UNIT * grain), 0, 255).astype(np.uint8)


@lru_cache(maxsize=1)
def _tone() -> NDArray[np.uint8]:
    """8-bit square-root code to 8-bit picture: close to sRGB with a soft shoulder and slightly lifted blacks."""
    light = (np.arange(256) / 255) ** 2 * WHITE
    bent = np.where(light < 0.6, light, 0.6 + 0.4 * np.tanh((light - 0.6) / 0.75))
    return np.clip(5 + 250 * np.clip(bent, 0, 1) ** 0.46, 0, 255).astype(np.uint8)


def expose(light: Array, gain: float, grey: bool, frame: int, width: int, height: int) -> NDArray[np.uint8]:
    """The picture of linear light (height, width, 3 float32): `frame` picks the noise, `grey` is night mode."""
    code = np.asarray(cv2.multiply(light, _vignette(width, height), scale=gain / WHITE))
    code = np.sqrt(np.maximum(code, 0.0004, out=code), out=code)
    # Square-root coding makes shot noise even; read noise and gain are worst in the dark.
    noise = (0.0055 + 0.0022 * np.sqrt(gain)) * (1.25 if grey else 1.0)
    dx, dy = (frame * 7919 + 31) % SPARE_PX, (frame * 104729 + 17) % SPARE_PX
    grain = _grain(width, height)[dy : dy + height, dx : dx + width]
    if grey:
        code, grain = np.asarray(cv2.cvtColor(code, cv2.COLOR_BGR2GRAY)), np.ascontiguousarray(grain[..., 1])
    coded = cv2.convertScaleAbs(code, alpha=255.0)
    strength = noise * 255.0 / GRAIN_UNIT
    picture = cv2.LUT(cv2.addWeighted(coded, 1.0, grain, strength, -GRAIN_ZERO * strength), _tone())
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_GRAY2BGR) if grey else picture, dtype=np.uint8)


def stamp(picture: NDArray[np.uint8], hour: float, label: str) -> None:
    """Write the camera's name and clock into the picture, as recorders do."""
    height, width = picture.shape[:2]
    second = round((hour % 24) * 3600) % 86400
    clock = f"{second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}"
    size, thick = height / 900, max(1, round(height / 500))
    for text, (x, y) in ((clock, (0.025, 0.06)), (label, (0.8, 0.95))):
        for colour, shift in ((20, thick), (225, 0)):
            place = (round(width * x) + shift, round(height * y) + shift)
            cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, (colour,) * 3, thick, cv2.LINE_AA)


def encode(image: NDArray[np.uint8], quality: int = 80) -> bytes:
    """The picture as JPEG.

    Raises:
        ValueError: quality outside 1-100 or not a picture.
    """
    if not 1 <= quality <= 100:
        raise ValueError(f"JPEG quality {quality} is not 1-100")
    if image.ndim != 3 or image.dtype != np.uint8:
        raise ValueError(f"not a BGR picture: shape {image.shape}, {image.dtype}")
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
