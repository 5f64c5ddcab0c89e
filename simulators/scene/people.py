"""People: dressed by seed, walking, pushing a bike, carrying, standing. x forward, feet on z = 0."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from simulators.scene.geometry import Array
from simulators.scene.mesh import Colour, Mesh, ball, box, join, tube

TOPS: tuple[Colour, ...] = (
    (0.05, 0.05, 0.06), (0.3, 0.1, 0.05), (0.09, 0.08, 0.27), (0.5, 0.5, 0.5), (0.12, 0.22, 0.12),
    (0.45, 0.4, 0.2), (0.12, 0.3, 0.5), (0.22, 0.21, 0.2), (0.3, 0.26, 0.42),
)  # fmt: skip
TROUSERS: tuple[Colour, ...] = ((0.04, 0.04, 0.045), (0.16, 0.09, 0.06), (0.14, 0.16, 0.18), (0.07, 0.06, 0.06))
SKIN: Colour = (0.26, 0.36, 0.5)
# A full step cycle (two steps) carries an adult about this far.
STRIDE_M = 1.35


def person(seed: int, pose: str, walked_m: float, t_s: float) -> Mesh:
    """Somebody at a point of a walk (`walked_m`) or, standing, at a time: nobody stands quite still."""
    height, top, legs, hair = _looks(seed)
    step = 2 * np.pi * walked_m / STRIDE_M if pose in {"walk", "push", "carry"} else 0.0
    swing = 0.48 * np.sin(step) if step else 0.0
    idle = pose in {"stand", "smoke"}
    sway = (0.03 * np.sin(t_s * 0.7 + seed) + 0.02 * np.sin(t_s * 1.9)) if idle else 0.012 * np.sin(step)
    parts = _legs(legs, swing, step) + _torso(top, sway) + _head(hair, sway, t_s if idle else 0.0)
    for side in (-1, 1):
        parts += _arm(top, side, pose, swing, sway, t_s)
    body = join(parts)
    scale = height / 1.7
    return Mesh((body.quads * scale).astype(np.float32), body.colour, body.gloss, body.glow)


def cigarette_tip(seed: int, t_s: float) -> tuple[float, float, float]:
    """Where the glowing end is on a person in the pose "smoke", in the person's own metres."""
    scale = _looks(seed)[0] / 1.7
    up = _drag(t_s)
    return (0.32 * scale, -0.12 * scale, (1.05 + 0.42 * up) * scale)


def _drag(t_s: float) -> float:
    """How far the hand is up at the mouth, 0-1: a puff every 14 s."""
    return float(np.clip(np.sin(t_s * 2 * np.pi / 14.0) * 3 - 1.6, 0, 1))


@lru_cache(maxsize=64)
def _looks(seed: int) -> tuple[float, Colour, Colour, Colour]:
    rng = np.random.default_rng((seed, 5))
    top = TOPS[int(rng.integers(len(TOPS)))]
    legs = TROUSERS[int(rng.integers(len(TROUSERS)))]
    hair: Colour = (0.02, 0.02, 0.025) if rng.random() < 0.8 else (0.3, 0.3, 0.3)
    return float(rng.uniform(1.56, 1.8)), top, legs, hair


def _legs(colour: Colour, swing: float, step: float) -> list[Mesh]:
    parts = []
    for side in (-1, 1):
        angle = swing * side
        lift = max(0.0, float(np.cos(step) * side)) * 0.5 if step else 0.0
        hip = np.array([0.0, side * 0.09, 0.84])
        knee = hip + np.array([np.sin(angle) * 0.42, 0, -np.cos(angle) * 0.42])
        bend = angle - lift
        foot = knee + np.array([np.sin(bend) * 0.4, 0, -np.cos(bend) * 0.4])
        foot[2] = max(foot[2], 0.05)
        parts.append(tube(hip.tolist(), knee.tolist(), 0.095, colour, 0.07, sides=8))
        parts.append(tube(knee.tolist(), foot.tolist(), 0.07, colour, 0.055, sides=8))
        x, y, z = (float(value) for value in foot)
        parts.append(box((x - 0.08, y - 0.045, z - 0.05), (x + 0.17, y + 0.045, z + 0.04), (0.05, 0.05, 0.06)))
    return parts


def _torso(colour: Colour, sway: float) -> list[Mesh]:
    hip, chest = (sway * 0.3, 0.0, 0.98), (sway, 0.0, 1.24)
    return [
        ball(hip, (0.14, 0.18, 0.2), colour, 10),
        ball(chest, (0.14, 0.21, 0.25), colour, 10),
        ball((sway, 0.0, 1.38), (0.1, 0.2, 0.09), colour, 8),
    ]


def _head(hair: Colour, sway: float, t_s: float) -> list[Mesh]:
    turn = 0.4 * np.sin(t_s * 0.23)
    nose_y = 0.025 * float(np.sin(turn))
    return [
        tube((sway, 0, 1.4), (sway + 0.02, 0, 1.53), 0.055, SKIN, sides=6),
        ball((sway + 0.035, nose_y, 1.6), (0.092, 0.077, 0.11), SKIN, 9),
        ball((sway + 0.0, 0, 1.635), (0.1, 0.087, 0.1), hair, 9),
    ]


def _arm(colour: Colour, side: int, pose: str, swing: float, sway: float, t_s: float) -> list[Mesh]:
    shoulder = np.array([sway, side * 0.21, 1.38])
    if pose == "push":
        elbow, hand = _at(shoulder, 0.14, -0.08, -0.22), _at(shoulder, 0.34, -0.2 - 0.04 * side, -0.36)
    elif pose == "carry":
        elbow, hand = _at(shoulder, 0.1, 0.02 * side, -0.27), _at(shoulder, 0.36, -0.05 * side, -0.33)
    elif pose == "smoke" and side < 0:
        up = _drag(t_s)
        elbow, hand = _at(shoulder, 0.08, -0.05, -0.26), _at(shoulder, 0.28, 0.08, -0.32 + 0.44 * up)
    else:
        angle = -swing * side * 0.8
        elbow = _at(shoulder, np.sin(angle) * 0.27, side * 0.03, -np.cos(angle) * 0.27)
        hand = _at(elbow, np.sin(angle + 0.25) * 0.25, 0.0, -np.cos(angle + 0.25) * 0.25)
    return [
        tube(shoulder.tolist(), elbow.tolist(), 0.06, colour, 0.048, sides=6),
        tube(elbow.tolist(), hand.tolist(), 0.046, colour, 0.036, sides=6),
        ball(hand.tolist(), (0.045, 0.04, 0.05), SKIN, 6),
    ]


def _at(joint: Array, x: float, y: float, z: float) -> Array:
    return np.asarray(joint + np.array([x, y, z]))
