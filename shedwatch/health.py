"""How the parts of the service do: one board, asked by HTTP, told to the alarms."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

State = Literal["ok", "degraded", "down"]
Listener = Callable[[str, State, str], None]

VITAL = frozenset({"mqtt-main"})
"""Parts without which nothing is heard of the sheds; who watches over this service from outside is to be told."""


class HealthBoard:
    """The state of every part; a listener hears of each report, so that trouble becomes an alarm."""

    def __init__(self) -> None:
        self._parts: dict[str, tuple[State, str]] = {}
        self._listener: Listener | None = None
        self._more: Callable[[], Mapping[str, tuple[State, str]]] = dict

    def tell(self, listener: Listener) -> None:
        """Pass every report, those so far included, on to `listener`."""
        self._listener = listener
        for name, (state, detail) in self._parts.items():
            listener(name, state, detail)

    def include(self, more: Callable[[], Mapping[str, tuple[State, str]]]) -> None:
        """Count the parts that someone else keeps a board of (the alarms: ledger, rules, notifiers)."""
        self._more = more

    def report(self, name: str, state: str, detail: str = "") -> None:
        """A part does well, works in part, or is down."""
        known: State = state if state in ("ok", "degraded", "down") else "degraded"  # type: ignore[assignment]
        self._parts[name] = (known, detail)
        if self._listener is not None:
            self._listener(name, known, detail)

    def ailment(self) -> str:
        """Why alarms would not reach anybody now; empty where they would."""
        for name, (state, detail) in self._parts.items():
            if name in VITAL and state == "down":
                return f"{name}: {detail}"
        return ""

    def dependencies(self) -> Mapping[str, tuple[State, str]]:
        """Name of each part to its state and a detail for people."""
        return {**self._more(), **self._parts}
