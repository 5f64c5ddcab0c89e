"""How chargers report: name of a habit → what is sent when, how surely, and by which clock.

`prompt` is what docs/topics.md asks of makers: everything every 10 s. The others are what is in the field, translated into
the same messages: each of its frames becomes a telemetry message with those fields only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Part = Literal["whole", "state", "power", "host"]


@dataclass(frozen=True, slots=True)
class Habit:
    """One way to report.

    Attributes:
        every_s: which parts are sent, and how often: `state` (port states, mains, signal), `power` (meters and
            temperatures of ports in use), `host` (residual current, smoke, cabinet), `whole` (all of it at once).
        resends: whether a message that is lost is sent again (QoS 1), for telemetry and for pushed events.
        boots_at_1970: whether its clock has no battery; `asks_time_s` is how long it then goes on like this.
        drift_ppm: most that its clock runs fast or slow; set right every `sync_s`.
    """

    every_s: tuple[tuple[Part, float], ...]
    resends: bool = True
    boots_at_1970: bool = False
    asks_time_s: float = 180.0
    drift_ppm: float = 0.0
    sync_s: float = 43_200.0

    def with_period(self, telemetry_s: float | None) -> Habit:
        """The same with another period of its first part."""
        if telemetry_s is None:
            return self
        (part, _), *others = self.every_s
        return Habit(
            ((part, telemetry_s), *others),
            self.resends,
            self.boots_at_1970,
            self.asks_time_s,
            self.drift_ppm,
            self.sync_s,
        )


HABITS: dict[str, Habit] = {
    "prompt": Habit((("whole", 10.0),)),
    # DNY protocol: 0x21 every 3 min, 0x06 every 5 min without resend, 0x17 every 30 min, 0x42 without answer; the host
    # asks the time at boot, every 3 min until answered (the first is taken for lost), then every 12 h.
    "ap3000": Habit(
        (("state", 180.0), ("power", 300.0), ("host", 1800.0)), resends=False, boots_at_1970=True, drift_ppm=40.0
    ),
    # A 12-gun charger that reports itself whole every 90 s, twice if need be.
    "x10p": Habit((("whole", 90.0),), boots_at_1970=True, drift_ppm=40.0),
}
"""All habits by name, `prompt` first: the default."""
