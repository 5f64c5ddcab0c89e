"""The rule book: which settings hold for which device, read from the configuration's `rules` and `overrides`.

    rules:
      over_temperature: {high_c: 60}
      smoke: {enabled: false}
    overrides:
      - match: cuiping-beili/shed-1/c1      # or a shed `cuiping-beili/shed-1`, or a site `cuiping-beili`
        rules: {over_temperature: {charger_high_c: 70}}

The nearer override wins, field by field: device over shed over site over `rules` over the defaults.

Errors:
    RuleSettingsError(ValueError): `path` names the key (`("overrides", 0, "match")`), `message` says what is wrong
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from alerts.model import AlertKind
from alerts.rules.hazard import Hazard
from alerts.rules.hazards import HAZARDS
from ingest.model import ID_PATTERN, DeviceRef, Topology

H = TypeVar("H", bound=Hazard)

Path = tuple[str | int, ...]
_Fields = dict[AlertKind, dict[str, Any]]


class RuleSettingsError(ValueError):
    """A key of the rules' configuration is wrong."""

    def __init__(self, path: Path, message: str) -> None:
        super().__init__(f"{'.'.join(str(part) for part in path)}: {message}")
        self.path = path
        self.message = message


class RuleBook:
    """Settings of every kind for every device. Make it with `parse`, or without arguments for the defaults."""

    def __init__(self, rules: _Fields | None = None, overrides: Sequence[tuple[tuple[str, ...], _Fields]] = ()) -> None:
        self._rules = rules or {}
        self._overrides: dict[tuple[str, ...], _Fields] = {}
        for match, fields in overrides:
            there = self._overrides.setdefault(match, {})
            for kind, values in fields.items():
                there[kind] = there.get(kind, {}) | values
        self._made: dict[tuple[AlertKind, tuple[str, ...]], Hazard] = {}

    @classmethod
    def parse(cls, mapping: Mapping[str, Any], topology: Topology | None = None) -> RuleBook:
        """Read `{"rules": {...}, "overrides": [...]}`; with a topology, overrides must match something in it.

        Raises:
            RuleSettingsError: naming the key.
        """
        for name in mapping:
            if name not in ("rules", "overrides"):
                raise RuleSettingsError((str(name),), f"unknown key{_meant(str(name), ('rules', 'overrides'))}")
        rules = _fields(mapping.get("rules") or {}, ("rules",))
        for kind, values in rules.items():
            _build(kind, values, ("rules", str(kind)))
        raw = mapping.get("overrides") or []
        if not isinstance(raw, list | tuple):
            raise RuleSettingsError(("overrides",), "not a list")
        overrides = [_override(item, ("overrides", index), topology) for index, item in enumerate(raw)]
        book = cls(rules, overrides)
        for index, (match, fields) in enumerate(overrides):
            for kind in fields:
                _build(kind, book._merged(kind, match), ("overrides", index, "rules", str(kind)))
        return book

    def of(self, kind: AlertKind, settings: type[H], ref: DeviceRef | None = None) -> H:
        """The settings of a kind for a device (None: for the service as a whole)."""
        match = self._nearest(kind, ref or ())
        known = self._made.get((kind, match))
        if known is None:
            known = self._made[kind, match] = _build(kind, self._merged(kind, match), ("rules", str(kind)))
        if not isinstance(known, settings):
            raise TypeError(f"the settings of {kind} are {type(known).__name__}, not {settings.__name__}")
        return known

    def _nearest(self, kind: AlertKind, address: tuple[str, ...]) -> tuple[str, ...]:
        """The nearest override of a kind; whatever has the same one has the same settings and shares them."""
        while address and kind not in self._overrides.get(address, ()):
            address = address[:-1]
        return address

    def _merged(self, kind: AlertKind, match: tuple[str, ...]) -> dict[str, Any]:
        merged = dict(self._rules.get(kind, {}))
        for length in range(1, len(match) + 1):
            merged |= self._overrides.get(match[:length], {}).get(kind, {})
        return merged


def _fields(raw: Any, path: Path) -> _Fields:
    if not isinstance(raw, Mapping):
        raise RuleSettingsError(path, "not a mapping of kinds to settings")
    fields: _Fields = {}
    for name, values in raw.items():
        here = (*path, str(name))
        if name not in HAZARDS:
            raise RuleSettingsError(here, f"no such rule{_meant(str(name), HAZARDS)}")
        kind = AlertKind(name)
        if not isinstance(values, Mapping):
            raise RuleSettingsError(here, "not a mapping of settings")
        fields[kind] = dict(values)
    return fields


def _override(item: Any, path: Path, topology: Topology | None) -> tuple[tuple[str, ...], _Fields]:
    if not isinstance(item, Mapping) or not isinstance(item.get("match"), str):
        raise RuleSettingsError((*path, "match"), "says which site, site/shed or site/shed/device the override is for")
    for name in item:
        if name not in ("match", "rules"):
            raise RuleSettingsError((*path, str(name)), f"unknown key{_meant(str(name), ('match', 'rules'))}")
    match = tuple(item["match"].split("/"))
    if len(match) > 3 or not all(ID_PATTERN.fullmatch(part) for part in match):
        raise RuleSettingsError((*path, "match"), f"{item['match']!r} is not site, site/shed or site/shed/device")
    if topology is not None and not _exists(topology, match):
        raise RuleSettingsError((*path, "match"), f"nothing is configured at {item['match']!r}")
    return match, _fields(item.get("rules") or {}, (*path, "rules"))


def _exists(topology: Topology, match: tuple[str, ...]) -> bool:
    if len(match) == 1:
        return topology.site(match[0]) is not None
    if len(match) == 2:
        return topology.shed(match[0], match[1]) is not None
    return topology.find(DeviceRef(*match)) is not None


def _build(kind: AlertKind, values: dict[str, Any], path: Path) -> Hazard:
    settings = HAZARDS[kind]
    names = settings.__struct_fields__
    for name in values:
        if name not in names:
            raise RuleSettingsError((*path, str(name)), f"no such setting{_meant(str(name), names)}")
    try:
        return msgspec.convert(values, settings)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$.")
        raise RuleSettingsError((*path, where.rstrip("`")) if where else path, reason) from None


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, [str(word) for word in known], n=1)
    return f"; did you mean {close[0]}?" if close else ""
