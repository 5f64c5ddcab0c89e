"""What every channel to people can do, and what it is given to tell.

Errors:
    ChannelError(Exception): the notice was not delivered
    ├── RetryableError: it may be the next time; `retry_after_s` where the receiver named a time
    └── PermanentError: this notice never will be; others may
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from alerts.model import Alert, Text


class ChannelError(Exception):
    """The notice was not delivered."""


class RetryableError(ChannelError):
    """It may be delivered the next time."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class PermanentError(ChannelError):
    """This notice will never be delivered."""


class EventAction(StrEnum):
    """What a notice says, in the three verbs incident services know."""

    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that goes with a notice."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Notice:
    """One message about one alert.

    Attributes:
        id: the same for every attempt; a receiver can tell a repetition by it.
        dedup_key: the same for all notices of one alert.
        summary: one line for a title.
    """

    id: str
    event_action: EventAction
    dedup_key: str
    created_ms: int
    alert: Alert
    summary: Text
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """The channel has taken the notice; `detail` is what it answered, shortened."""

    detail: str = ""


class Channel(Protocol):
    """A way to people."""

    name: str

    async def send(self, notice: Notice) -> Receipt:
        """Deliver it. Raises RetryableError, PermanentError."""

    async def close(self) -> None:
        """Let go of connections."""
