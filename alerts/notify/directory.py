"""The people there are, and who is meant by a step of an escalation: themselves by id, or whoever has a duty now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from alerts.notify.port import Person
from alerts.notify.rota import Rota


@dataclass(frozen=True, slots=True)
class Directory:
    """People and duties by id; no id is both."""

    people: Mapping[str, Person] = field(default_factory=dict)
    duties: Mapping[str, Rota] = field(default_factory=dict)

    def on_call(self, who: Iterable[str], now_ms: int) -> tuple[str, ...]:
        """Ids of the people that are meant now, each once, in order."""
        found: list[str] = []
        for name in who:
            found += self.duties[name].on_duty(now_ms) if name in self.duties else (name,)
        return tuple(dict.fromkeys(found))

    def find(self, ids: Iterable[str]) -> tuple[Person, ...]:
        """The people of these ids; one who was taken out of the configuration is left out."""
        return tuple(self.people[person] for person in ids if person in self.people)
