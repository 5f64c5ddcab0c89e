"""The register of extinguishers: what stands where, when it was inspected, and what a patrol found of it.

It is imported from CSV as people keep it (UTF-8 or GB 18030, headings in English or Chinese, sheds by id or name), kept
beside the service's data, and wins over the configuration.

Errors:
    RegisterError(ValueError): `.problems` lists every mistake of a table as `line 3, inspected: what`
"""

from __future__ import annotations

import asyncio
import csv
import difflib
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from ingest.model import ID_PATTERN, Device, DeviceKind, DeviceRef, Name, Shed, Site, Topology

_log = structlog.get_logger(__name__)

Condition = Literal["ok", "missing", "unusable"]

_HEADINGS = {
    "site": ("site", "小区"),
    "shed": ("shed", "车棚"),
    "id": ("id", "编号"),
    "name_zh": ("name_zh", "name", "名称"),
    "name_en": ("name_en", "英文名称"),
    "inspected": ("inspected", "检查日期"),
    "due": ("due", "到期日期"),
    "condition": ("condition", "状态"),
    "note": ("note", "备注"),
}
_NEEDED = ("shed", "id")
_CONDITIONS: dict[str, Condition] = {
    "": "ok",
    "ok": "ok",
    "正常": "ok",
    "missing": "missing",
    "缺失": "missing",
    "丢失": "missing",
    "unusable": "unusable",
    "损坏": "unusable",
    "失压": "unusable",
    "已使用": "unusable",
}


class RegisterError(ValueError):
    """A table that cannot be taken."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One extinguisher.

    inspected: the day of its last inspection; it is due `due_days` later.
    due: the day it has to be inspected, replaced or refilled, where that is known; wins over `inspected`.
    condition: what a patrol found: `missing` from its place, or `unusable` (damaged, without pressure, used).
    """

    site: str
    shed: str
    id: str
    name_zh: str = ""
    name_en: str = ""
    inspected: date | None = None
    due: date | None = None
    condition: Condition = "ok"
    note: str = ""

    @property
    def ref(self) -> DeviceRef:
        """Its address."""
        return DeviceRef(self.site, self.shed, self.id)


class Register:
    """The entries by address; `version` counts how often they were replaced."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        self.entries: Mapping[DeviceRef, Entry] = {entry.ref: entry for entry in entries}
        self.version = 0

    def replace(self, entries: Iterable[Entry]) -> None:
        """Take these instead of those there were."""
        self.entries = {entry.ref: entry for entry in entries}
        self.version += 1


class RegisterFile:
    """Where the register is kept; an import by another process is seen by `refresh`.

    Attributes:
        busy: a thread is looking whether there is another (`look_again`).
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen: tuple[int, int] | None = None
        self.register = Register()
        self.busy = False

    def save(self, entries: Iterable[Entry]) -> None:
        """Put these in place of the register. Raises OSError."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_bytes(msgspec.json.format(msgspec.json.encode(list(entries)), indent=1))
        beside.replace(self._path)

    def refresh(self) -> None:
        """Read the file if it is another than last time; one that cannot be read changes nothing."""
        try:
            found = self._path.stat()
            if (found.st_mtime_ns, found.st_ino) == self._seen:
                return
            self._seen = (found.st_mtime_ns, found.st_ino)
            self.register.replace(msgspec.json.decode(self._path.read_bytes(), type=list[Entry]))
        except FileNotFoundError:
            return
        except (OSError, msgspec.MsgspecError) as error:
            _log.error("register of extinguishers cannot be read", file=str(self._path), reason=str(error))

    async def look_again(self) -> None:
        """`refresh`, without holding up the event loop."""
        self.busy = True
        try:
            await asyncio.to_thread(self.refresh)
        finally:
            self.busy = False


def read_csv(content: bytes, topology: Topology) -> list[Entry]:
    """The entries of a table.

    Raises:
        RegisterError: with every mistake in it.
    """
    rows = csv.reader(io.StringIO(_text(content), newline=""))
    columns = _columns(next(rows, []))
    places = _places(topology)
    entries: dict[DeviceRef, Entry] = {}
    problems: list[str] = []
    for cells in rows:
        line = rows.line_num
        if not any(cell.strip() for cell in cells):
            continue
        row = {name: cells[at].strip() if at < len(cells) else "" for name, at in columns.items()}
        mistakes = list(_mistakes(row, places))
        if not mistakes:
            entry = _entry(row, places)
            other = topology.find(entry.ref)
            if entry.ref in entries:
                mistakes = [("id", f"{entry.id!r} stands twice in this shed")]
            elif other is not None and other.kind is not DeviceKind.EXTINGUISHER:
                mistakes = [("id", f"{entry.id!r} is a {other.kind} of this shed")]
            entries.setdefault(entry.ref, entry)
        problems += [f"line {line}, {column}: {what}" for column, what in mistakes]
    if problems:
        raise RegisterError(problems)
    return list(entries.values())


def with_register(topology: Topology, register: Register) -> Topology:
    """The topology with the extinguishers of the register, in sheds that are configured."""

    def filled(shed: Shed) -> Shed:
        mine = {ref: entry for ref, entry in register.entries.items() if ref[:2] == (shed.site, shed.id)}
        kept = tuple(device for device in shed.devices if device.ref not in mine)
        return Shed(shed.site, shed.id, shed.name, (*kept, *(_device(entry, topology) for entry in mine.values())))

    return Topology(
        tuple(Site(site.id, site.name, tuple(filled(shed) for shed in site.sheds)) for site in topology.sites)
    )


def _device(entry: Entry, topology: Topology) -> Device:
    known = topology.find(entry.ref)
    zh = entry.name_zh or (known.name.zh if known else f"灭火器 {entry.id}")
    en = entry.name_en or (known.name.en if known else f"Extinguisher {entry.id}")
    return Device(entry.ref, DeviceKind.EXTINGUISHER, Name(zh, en), inspected=entry.inspected)


def _text(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        # What spreadsheets in China save as CSV.
        try:
            return content.decode("gb18030")
        except UnicodeDecodeError:
            raise RegisterError(["the file is neither UTF-8 nor GB 18030 text"]) from None


def _columns(header: list[str]) -> dict[str, int]:
    known = {word: name for name, words in _HEADINGS.items() for word in words}
    columns: dict[str, int] = {}
    problems: list[str] = []
    for at, cell in enumerate(header):
        word = cell.strip().lower()
        if word in known:
            columns.setdefault(known[word], at)
        elif word:
            close = difflib.get_close_matches(word, known, n=1)
            meant = f"; did you mean {close[0]}?" if close else f"; there are {', '.join(_HEADINGS)}"
            problems.append(f"line 1, {cell.strip()}: no such column{meant}")
    problems += [
        f"line 1: the column {name} ({_HEADINGS[name][1]}) is missing" for name in _NEEDED if name not in columns
    ]
    if problems:
        raise RegisterError(problems)
    return columns


def _places(topology: Topology) -> dict[tuple[str, str], list[Shed]]:
    """Sheds by what people call site and shed: ids and names, and the shed's alone."""
    places: dict[tuple[str, str], list[Shed]] = {}
    for site in topology.sites:
        for shed in site.sheds:
            sites = {"", site.id, site.name.zh, site.name.en}
            sheds = {shed.id, shed.name.zh, shed.name.en}
            for where in {(s, d) for s in sites for d in sheds}:
                places.setdefault(where, []).append(shed)
    return places


def _mistakes(row: Mapping[str, str], places: Mapping[tuple[str, str], list[Shed]]) -> Iterator[tuple[str, str]]:
    found = places.get((row.get("site", ""), row["shed"]), [])
    if not found:
        yield "shed", f"there is no shed {row['shed']!r}" + (f" at {row['site']!r}" if row.get("site") else "")
    elif len(found) > 1:
        yield "site", f"several sites have a shed {row['shed']!r}: say which site"
    if not ID_PATTERN.fullmatch(row["id"].lower()):
        yield "id", f"{row['id']!r} is no id of a-z, 0-9 and '-'"
    for name in ("inspected", "due"):
        if row.get(name) and _date(row[name]) is None:
            yield name, f"{row[name]!r} is no date like 2026-10-01"
    if row.get("condition", "").lower() not in _CONDITIONS:
        yield "condition", f"{row['condition']!r} is none of ok, missing, unusable (正常, 缺失, 损坏)"


def _entry(row: Mapping[str, str], places: Mapping[tuple[str, str], list[Shed]]) -> Entry:
    (shed,) = places[row.get("site", ""), row["shed"]]
    return Entry(
        site=shed.site,
        shed=shed.id,
        id=row["id"].lower(),
        name_zh=row.get("name_zh", ""),
        name_en=row.get("name_en", "") or row.get("name_zh", ""),
        inspected=_date(row.get("inspected", "")),
        due=_date(row.get("due", "")),
        condition=_CONDITIONS[row.get("condition", "").lower()],
        note=row.get("note", ""),
    )


def _date(text: str) -> date | None:
    parts = text.replace("/", "-").replace(".", "-").split("-")
    if len(parts) != 3 or not all(part.isdigit() for part in parts):
        return None
    try:
        return date(*(int(part) for part in parts))
    except ValueError:
        return None
