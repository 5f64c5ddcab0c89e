"""Contact sheets of the scenes: `python -m simulators.scene.sheet FOLDER` writes the ones shown in docs/scenes."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

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


_SMOKE = (SceneEvent("smoke", 10.0, place="bay-4"), SceneEvent("flame", 70.0, place="bay-4"))

HAZARDS = (
    *(Shot(f"smoke {t_s - 10:.0f} s", "aisle", 5, 20.0, t_s, _SMOKE) for t_s in (14.0, 30.0, 50.0, 66.0)),
    *(Shot(f"smoke, flame {t_s - 70:.0f} s", "row", 3, 10.0, t_s, _SMOKE) for t_s in (72.0, 80.0, 92.0)),
    Shot("night, flame 12 s", "row", 2, 2.0, 82.0, _SMOKE),
    Shot("bike pushed in", "row", 3, 17.0, 28.0, (SceneEvent("bike_parked", 30.0),)),
    Shot("left standing", "row", 3, 17.0, 60.0, (SceneEvent("bike_parked", 30.0),)),
    Shot("sofa", "corner", 8, 20.0, 60.0, (SceneEvent("junk", 5.0),)),
    Shot("cartons", "aisle", 7, 12.0, 60.0, (SceneEvent("junk", 5.0),)),
)
ORDINARY = (
    Shot("row, morning", "row", 6, 7.3, 40.0),
    Shot("aisle, noon", "aisle", 8, 12.0, 40.0),
    Shot("corner, lamps", "corner", 4, 19.0, 40.0),
    Shot("row, infrared", "row", 3, 2.0, 40.0),
    Shot("somebody walks", "corner", 5, 19.0, 8.0, (SceneEvent("person_walks", 0.0),)),
    Shot("cigarette", "aisle", 5, 20.0, 30.5, (SceneEvent("cigarette", 0.0),)),
    Shot("sun patch", "corner", 4, 14.0, 60.0, (SceneEvent("sun_patch", 0.0),)),
    Shot("headlight", "aisle", 5, 21.0, 13.5, (SceneEvent("headlight", 10.0),)),
    Shot("fog", "aisle", 5, 12.0, 60.0, (SceneEvent("fog", 0.0),)),
    Shot("rain", "row", 3, 9.0, 14.0, (SceneEvent("rain", 0.0, strength=1.5),)),
    Shot("insects", "row", 3, 2.0, 14.3, (SceneEvent("insects", 0.0),)),
    Shot("lamps off", "aisle", 5, 20.0, 20.0, (SceneEvent("lamp_off", 10.0),)),
    *(
        Shot(kind, "aisle", 8, 12.0, 20.0, (SceneEvent(kind, 10.0),))
        for kind in ("covered", "blurred", "moved", "dark")
    ),
)
SHEETS = {"hazards.jpg": HAZARDS, "ordinary.jpg": ORDINARY}


def write(folder: Path) -> None:
    """Write all sheets into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, shots in SHEETS.items():
        (folder / name).write_bytes(encode(sheet(shots), 82))


if __name__ == "__main__":
    write(Path(sys.argv[1]))
