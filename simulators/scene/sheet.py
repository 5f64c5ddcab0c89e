"""Contact sheets of the scenes: `python -m simulators.scene.sheet FOLDER` writes the ones shown in docs/scenes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from simulators.scene.camera import CameraScene
from simulators.scene.events import SceneEvent
from simulators.scene.sensor import encode

COLUMNS, TILE_PX = 4, (320, 180)


@dataclass(frozen=True)
class Shot:
    """One picture of a sheet."""

    caption: str
    layout: str
    seed: int
    hour: float
    t_s: float
    events: tuple[SceneEvent, ...] = ()

    def picture(self) -> NDArray[np.uint8]:
        """The rendered picture with its caption, as it looks after JPEG."""
        scene = CameraScene(self.layout, self.seed, events=self.events)
        sent = np.frombuffer(encode(scene.render(self.t_s, self.hour).image), dtype=np.uint8)
        tile = cv2.resize(np.asarray(cv2.imdecode(sent, cv2.IMREAD_COLOR)), TILE_PX, interpolation=cv2.INTER_AREA)
        for colour, shift in (((0, 0, 0), 1), ((255, 255, 255), 0)):
            where = (6 + shift, TILE_PX[1] - 8 + shift)
            cv2.putText(tile, self.caption, where, cv2.FONT_HERSHEY_SIMPLEX, 0.45, colour, 1, cv2.LINE_AA)
        return np.asarray(tile, dtype=np.uint8)


def sheet(shots: Sequence[Shot]) -> NDArray[np.uint8]:
    """The shots in rows of `COLUMNS`."""
    tiles = [shot.picture() for shot in shots]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % COLUMNS)
    rows = [np.hstack(tiles[i : i + COLUMNS]) for i in range(0, len(tiles), COLUMNS)]
    return np.asarray(np.vstack(rows), dtype=np.uint8)


def _of(kind: str, start_s: float = 10.0, end_s: float | None = None, **more: Any) -> tuple[SceneEvent, ...]:
    return (SceneEvent(kind, start_s, end_s, **more),)


_SMOKE = (*_of("smoke", place="bay-4"), *_of("flame", 70.0, place="bay-4"))
_DAYS = (("row", 6), ("aisle", 8), ("corner", 4), ("open", 5), ("basement", 5))

SHEDS = (
    *(Shot(f"{layout}, day", layout, seed, 9.0, 40.0) for layout, seed in _DAYS),
    *(Shot(f"{layout}, lamps", layout, seed + 2, 20.0, 40.0) for layout, seed in _DAYS),
    Shot("row, infrared", "row", 3, 2.0, 40.0),
    Shot("open, dusk", "open", 7, 17.75, 40.0, _of("lamp_off")),
    Shot("bike pushed in", "row", 3, 17.0, 27.0, _of("bike_parked", 30.0)),
    Shot("left standing", "row", 3, 17.0, 60.0, _of("bike_parked", 30.0)),
    Shot("bicycle", "corner", 4, 20.0, 40.0, _of("bicycle_parked")),
    Shot("somebody walks", "corner", 5, 19.0, 8.0, _of("person_walks", 0.0)),
)
HAZARDS = (
    *(Shot(f"smoke {t_s - 10:.0f} s", "aisle", 5, 20.0, t_s, _SMOKE) for t_s in (14.0, 30.0, 50.0, 66.0)),
    *(Shot(f"smoke, flame {t_s - 70:.0f} s", "row", 3, 15.0, t_s, _SMOKE) for t_s in (72.0, 80.0, 92.0)),
    Shot("night, flame 12 s", "row", 2, 2.0, 82.0, _SMOKE),
    Shot("white smoke", "corner", 55, 12.0, 60.0, _of("smoke", place="bay-6", darkness=0.0, strength=2.0)),
    Shot("grey smoke", "corner", 55, 12.0, 80.0, _of("smoke", place="bay-6", darkness=0.5, strength=2.0)),
    Shot("black smoke", "basement", 53, 12.0, 100.0, _of("smoke", place="bay-3", darkness=1.0, strength=2.0)),
    Shot("thin smoke", "aisle", 54, 12.0, 60.0, _of("smoke", place="bay-3", strength=0.4)),
    Shot("drifting past", "open", 5, 14.0, 70.0, _of("smoke_drift", darkness=0.8)),
    Shot("drifting in", "aisle", 59, 14.0, 60.0, _of("smoke_drift")),
    Shot("flame, open", "open", 61, 12.0, 40.0, _of("flame", place="bay-4")),
    Shot("flame, basement", "basement", 62, 21.0, 40.0, _of("flame", place="bay-3")),
)
_LEFT = (
    ("aisle", 7),
    ("corner", 4),
    ("open", 70),
    ("basement", 69),
    ("row", 12),
    ("corner", 13),
    ("aisle", 14),
    ("open", 15),
)
JUNK = tuple(Shot("", layout, seed, 12.0, 60.0, _of("junk", 5.0)) for layout, seed in _LEFT)
NUISANCES = (
    Shot("insects", "row", 3, 2.0, 14.3, _of("insects", 0.0)),
    Shot("web", "row", 2, 21.0, 40.0, (*_of("web", 0.0), *_of("lamp_off", 0.0))),
    Shot("steam", "aisle", 5, 20.0, 40.0, _of("steam")),
    Shot("fog", "aisle", 5, 12.0, 60.0, _of("fog", 0.0)),
    Shot("welding", "corner", 5, 20.0, 31.0, _of("welding", 0.0)),
    Shot("cigarette", "aisle", 5, 20.0, 30.5, _of("cigarette", 0.0)),
    Shot("dust", "row", 3, 14.0, 60.0, _of("dust", 0.0)),
    Shot("rain", "open", 41, 9.0, 14.0, _of("rain", 0.0, strength=1.5)),
    Shot("headlight", "aisle", 5, 21.0, 13.5, _of("headlight")),
    Shot("headlight", "row", 4, 19.0, 13.5, _of("headlight")),
    Shot("sun patch", "corner", 4, 14.0, 60.0, _of("sun_patch", 0.0)),
    Shot("lamps off", "aisle", 5, 20.0, 20.0, _of("lamp_off")),
    Shot("night mode by mistake", "corner", 36, 18.0, 20.0, _of("infrared")),
    Shot("lamps just off", "aisle", 5, 20.0, 10.6, _of("lamp_off")),
    Shot("pushes a bike", "open", 23, 12.0, 18.0, _of("person_pushes")),
    Shot("stands about", "basement", 5, 12.0, 40.0, _of("person_stands", 0.0)),
)
FAULTS = tuple(
    Shot(kind, "aisle", 8, 12.0, 20.0, _of(kind))
    for kind in ("covered", "blurred", "moved", "dark", "artefacts", "shake", "infrared", "frozen")
)
SHEETS = {
    "sheds.jpg": SHEDS,
    "hazards.jpg": HAZARDS,
    "junk.jpg": JUNK,
    "nuisances.jpg": NUISANCES,
    "faults.jpg": FAULTS,
}


def write(folder: Path) -> None:
    """Write all sheets into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, shots in SHEETS.items():
        (folder / name).write_bytes(encode(sheet(shots), 82))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
