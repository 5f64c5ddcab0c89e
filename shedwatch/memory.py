"""The interpreter of a process that runs for months, set for it: for a process of the service, never for a test's."""

from __future__ import annotations

import gc
import sys

YOUNG_OBJECTS = 20_000
"""New objects between two looks for garbage. Thousands of messages are on their way at any time and no garbage at all:
looking at them every 700 objects costs a fifth of all work."""

SWITCH_S = 0.0005
"""How soon a thread that waits for the interpreter gets it. The store's thread waits for it after every statement, and
acknowledgements wait for the store."""


def settle() -> None:
    """To be called once, when everything is imported: what is there by now is there for good."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
    sys.setswitchinterval(SWITCH_S)
