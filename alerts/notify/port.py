"""What every channel to people can do, and what it is given to tell.

Errors:
    ChannelError(Exception): the notice was not delivered
    ├── RetryableError: it may be the next time; `retry_after_s` where the receiver named a time
    │   └── PacedError: the channel is well and asks for patience (so many messages a minute)
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


class PacedError(RetryableError):
    """The channel takes no more for now; that is no fault of it."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message, retry_after_s)


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
class Person:
    """Somebody who is told, and how each channel knows them; None where it does not.

    Attributes:
        mobile: with country code, `+8613800000000`.
        wecom, dingtalk, feishu: user ids there.
    """

    id: str
    name: str
    mobile: str | None = None
    email: str | None = None
    wecom: str | None = None
    dingtalk: str | None = None
    feishu: str | None = None


@dataclass(frozen=True, slots=True)
class Notice:
    """One message about one alert.

    Attributes:
        id: the same for every attempt; a receiver can tell a repetition by it.
        dedup_key: the same for all notices of one alert.
        summary: one line for a title.
        people: who is meant; none where the channel itself is a group.
        link: address where it can be acknowledged from a phone; empty where there is none.
        personal_links: each person's name and address, instead of `link`, where several of them have to acknowledge.
        picture_link: address of its picture that anyone with the link can open; empty where there is none.
        level: how far it has been escalated, from 0.
        also: summaries of other notices that wait for the same channel and are told in this message.
        test: a proof that the chain works; every channel says so.
    """

    id: str
    event_action: EventAction
    dedup_key: str
    created_ms: int
    alert: Alert
    summary: Text
    pictures: Sequence[Picture] = ()
    people: Sequence[Person] = ()
    link: str = ""
    personal_links: Sequence[tuple[str, str]] = ()
    picture_link: str = ""
    level: int = 0
    also: Sequence[Text] = ()
    test: bool = False


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
