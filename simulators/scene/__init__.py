"""Rendered camera pictures of sheds: what a plain camera would send, from a layout, a seed and a list of events.

`CameraScene(layout, seed, width, height, events).render(t_s, hour)` gives a picture and the truth about it; `encode`
makes the JPEG a camera would publish; `zones` gives the layout's zones as a configuration holds them.
"""

from simulators.scene.camera import CameraScene
from simulators.scene.events import KINDS, SceneError, SceneEvent
from simulators.scene.layouts import LAYOUTS
from simulators.scene.sensor import encode
from simulators.scene.truth import Box, ObjectTruth, Picture, Truth
from simulators.scene.zones import floor_points, zones

__all__ = [
    "KINDS",
    "LAYOUTS",
    "Box",
    "CameraScene",
    "ObjectTruth",
    "Picture",
    "SceneError",
    "SceneEvent",
    "Truth",
    "encode",
    "floor_points",
    "zones",
]
