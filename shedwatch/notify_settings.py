"""The `notify` section: channels, people, duties, escalation, sirens and the heartbeat, and what the alarm room makes of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AwareDatetime, BeforeValidator, Field, StringConstraints, field_validator, model_validator

from alerts.model import Severity
from alerts.notify.directory import Directory
from alerts.notify.escalation import Policy, Step
from alerts.notify.port import Person
from alerts.notify.rota import Override, Rota, Shift, first_gap
from shedwatch.channel_settings import AnyChannel, Email, HttpUrl, Mobile, PhoneSettings
from shedwatch.sections import Id, Section, refuse_twice

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Place = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,62}(/[a-z0-9][a-z0-9-]{0,62})?$")]


def _time_of_day(value: Any) -> Any:
    # YAML 1.1 reads 20:30 without quotes as a number to the base of 60.
    if isinstance(value, int) and not isinstance(value, bool):
        if not 0 <= value < 24 * 60:
            raise ValueError(f"{value // 60:02}:{value % 60:02} is no time of day; 00:00 to 24:00 are")
        return time(value // 60, value % 60)
    return time(0) if value == "24:00" else value


TimeOfDay = Annotated[time, BeforeValidator(_time_of_day)]


class PersonSettings(Section):
    """Somebody who can be told, and how each channel knows them."""

    id: Id
    name: str
    mobile: Mobile | None = None
    email: Email | None = None
    wecom: str | None = None
    dingtalk: str | None = None
    feishu: str | None = None

    def person(self) -> Person:
        """As the channels know them."""
        return Person(**self.model_dump())


class ShiftSettings(Section):
    """Hours of certain days; one that ends before it begins goes on into the next day."""

    begin: TimeOfDay
    end: TimeOfDay
    people: Annotated[list[Id], Field(min_length=1)]
    days: list[Weekday] = list(WEEK)
    holidays: bool = True

    def shift(self) -> Shift:
        """As the rota knows it."""
        days = frozenset(WEEK.index(day) for day in self.days)
        return Shift(self.begin, self.end, tuple(self.people), days, self.holidays)


class OverrideSettings(Section):
    """Instead of the shifts, from one time to another (with offset)."""

    begin: AwareDatetime
    end: AwareDatetime
    people: Annotated[list[Id], Field(min_length=1)]

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.end <= self.begin:
            raise ValueError("ends before it begins")
        return self

    def override(self) -> Override:
        """As the rota knows it."""
        return Override(round(self.begin.timestamp() * 1000), round(self.end.timestamp() * 1000), tuple(self.people))


class DutySettings(Section):
    """A duty that somebody has at any time; `fallback` is called where the shifts leave a gap."""

    id: Id
    shifts: Annotated[list[ShiftSettings], Field(min_length=1)]
    holidays: list[date] = []
    overrides: list[OverrideSettings] = []
    fallback: list[Id] = []

    @model_validator(mode="after")
    def _has_no_gap(self) -> Self:
        gap = first_gap([shift.shift() for shift in self.shifts])
        if gap is not None and not self.fallback:
            raise ValueError(f"nobody is on duty on {WEEK[gap.weekday()]} at {gap:%H:%M}; add a shift or a fallback")
        return self

    def rota(self, zone: ZoneInfo) -> Rota:
        """As the alarm room knows it."""
        return Rota(
            self.id,
            tuple(shift.shift() for shift in self.shifts),
            zone,
            frozenset(self.holidays),
            tuple(override.override() for override in self.overrides),
            tuple(self.fallback),
        )

    def names(self) -> Iterator[str]:
        """All people it names."""
        yield from self.fallback
        for shift in self.shifts:
            yield from shift.people
        for override in self.overrides:
            yield from override.people


class StepSettings(Section):
    """So long after an alarm was raised these channels tell these people or duties."""

    after_s: Annotated[float, Field(ge=0, le=86_400)]
    channels: Annotated[list[Id], Field(min_length=1)]
    to: list[Id] = []


class EscalationSettings(Section):
    """A policy; the first whose `match` and `min_severity` fit is used."""

    match: Place | None = None
    min_severity: Severity = Severity.HIGH
    steps: Annotated[list[StepSettings], Field(min_length=1)]
    repeat_every_s: Annotated[float, Field(ge=0, le=86_400)] = 300.0

    @field_validator("steps")
    @classmethod
    def _steps_rise(cls, steps: list[StepSettings]) -> list[StepSettings]:
        if any(later.after_s < step.after_s for step, later in pairwise(steps)):
            raise ValueError("steps must stand in the order of after_s")
        return steps

    @field_validator("repeat_every_s")
    @classmethod
    def _leaves_time(cls, repeat_every_s: float) -> float:
        if 0 < repeat_every_s < 30:
            raise ValueError("less than 30 s between rounds leaves nobody time to answer; 0 for no further round")
        return repeat_every_s

    def policy(self, number: int) -> Policy:
        """As the alarm room knows it; named by its place in the list."""
        steps = tuple(Step(step.after_s, tuple(step.channels), tuple(step.to)) for step in self.steps)
        place = tuple(self.match.split("/")) if self.match else ()
        return Policy(f"p{number}", steps, self.repeat_every_s, self.min_severity, place)


class SirenSettings(Section):
    """Sirens that listen to `PREFIX/SITE/SHED/siren`; `sheds` empty means all."""

    sheds: list[Place] = []
    min_severity: Severity = Severity.CRITICAL


class HeartbeatSettings(Section):
    """An address of another service that raises the alarm when this one stops calling it."""

    url: HttpUrl | None = None
    url_file: Path | None = None
    every_s: Annotated[float, Field(ge=10, le=3600)] = 60.0

    @model_validator(mode="after")
    def _has_url(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("give either url or url_file")
        return self

    def address(self) -> str:
        """The address, from its file where it stands there. Raises OSError."""
        return self.url_file.read_text(encoding="utf-8").strip() if self.url_file is not None else self.url or ""


class NotifySettings(Section):
    """How alarms reach people."""

    channels: list[AnyChannel] = []
    timezone: str = "Asia/Shanghai"
    people: list[PersonSettings] = []
    duties: list[DutySettings] = []
    escalation: list[EscalationSettings] = []
    siren: SirenSettings | None = None
    heartbeat: HeartbeatSettings | None = None

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"no time zone {name!r} is known here (on Debian the package tzdata has them)") from None
        return name

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        channels = [channel.name for channel in self.channels]
        refuse_twice(channels, "channel name", "; give each channel a name of its own")
        ids = [person.id for person in self.people] + [duty.id for duty in self.duties]
        refuse_twice(ids, "id", "; people and duties need different ids")
        return self

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        people = {person.id for person in self.people}
        callable_ = people | {duty.id for duty in self.duties}
        channels = {channel.name for channel in self.channels}
        for duty in self.duties:
            _known(duty.names(), people, f"duty {duty.id!r} names", "person")
        for policy in self.escalation:
            for step in policy.steps:
                _known(step.channels, channels, "an escalation step names", "channel")
                _known(step.to, callable_, "an escalation step names", "person or duty")
        for channel in self.channels:
            if isinstance(channel, PhoneSettings):
                _known(channel.to, people, f"channel {channel.name!r} names", "person")
        return self

    @property
    def zone(self) -> ZoneInfo:
        """The time zone of the sheds."""
        return ZoneInfo(self.timezone)

    def directory(self) -> Directory:
        """The people and duties."""
        return Directory(
            {person.id: person.person() for person in self.people},
            {duty.id: duty.rota(self.zone) for duty in self.duties},
        )

    def policies(self) -> tuple[Policy, ...]:
        """The escalation, in order."""
        return tuple(policy.policy(number) for number, policy in enumerate(self.escalation, 1))


def _known(names: Iterator[str] | list[str], known: set[str], who: str, what: str) -> None:
    for name in names:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise ValueError(f"{who} {name!r}, and there is no such {what} (there: {there})")
