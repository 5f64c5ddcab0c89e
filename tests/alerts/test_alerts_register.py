"""The register of extinguishers: read from a table, kept in a file, and what is said of it."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path

import pytest
from alarm_samples import EXT, NOW_MS, TOPOLOGY

from alerts import lifecycle
from alerts.model import AlertKey, AlertKind, Condition, Severity, Text
from alerts.register import Entry, Register, RegisterError, RegisterFile, read_csv, with_register
from alerts.rules.base import Surroundings
from alerts.rules.extinguishers import ExtinguisherRule
from alerts.rules.settings import RuleBook
from ingest.model import DeviceKind, Name, Shed, Site, Topology

CHINESE = (
    "小区,车棚,编号,名称,检查日期,到期日期,状态,备注\n翠屏北里,1号车棚,EXT-7,东门,2026/9/1,2027-03-01,缺失,箱子空了\n"
)
SEVEN = Entry(
    site="cuiping",
    shed="shed-1",
    id="ext-7",
    name_zh="东门",
    name_en="东门",
    inspected=date(2026, 9, 1),
    due=date(2027, 3, 1),
    condition="missing",
    note="箱子空了",
)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_table_is_read_as_people_keep_it(encoding: str) -> None:
    """Chinese headings and names, dates with slashes, whatever the spreadsheet saved."""
    assert read_csv(CHINESE.encode(encoding), TOPOLOGY) == [SEVEN]


def test_shed_and_id_are_enough() -> None:
    """Empty lines and cells say nothing."""
    assert read_csv(b"id,shed\r\n\r\next-1,shed-1\r\n", TOPOLOGY) == [Entry(site="cuiping", shed="shed-1", id="ext-1")]


@pytest.mark.parametrize(
    ("table", "problem"),
    [
        ("", "line 1: the column shed (车棚) is missing"),
        ("shed,id,inspectd\n", "line 1, inspectd: no such column; did you mean inspected?"),
        ("shed,id\nshed-9,a", "line 2, shed: there is no shed 'shed-9'"),
        ("site,shed,id\nelsewhere,shed-1,a", "line 2, shed: there is no shed 'shed-1' at 'elsewhere'"),
        ("shed,id\nshed-1,灭1", "line 2, id: '灭1' is no id of a-z, 0-9 and '-'"),
        ("shed,id\nshed-1,a\nshed-1,a", "line 3, id: 'a' stands twice in this shed"),
        ("shed,id\nshed-1,cam-1", "line 2, id: 'cam-1' is a camera of this shed"),
        ("shed,id,due\nshed-1,a,2026-02-30", "line 2, due: '2026-02-30' is no date like 2026-10-01"),
        ("shed,id,condition\nshed-1,a,gone", "line 2, condition: 'gone' is none of ok, missing, unusable"),
    ],
)
def test_a_mistake_is_named_with_line_and_column(table: str, problem: str) -> None:
    """All of them at once; nothing is taken of a table with one."""
    with pytest.raises(RegisterError) as refused:
        read_csv(table.encode(), TOPOLOGY)
    assert any(found.startswith(problem) for found in refused.value.problems)


def test_a_shed_that_several_sites_have_needs_its_site() -> None:
    """Nobody guesses."""
    other = Site("other", Name("别处", "Elsewhere"), (Shed("other", "shed-1", Name("1号车棚", "Shed 1")),))
    several = Topology((*TOPOLOGY.sites, other))
    with pytest.raises(RegisterError, match="several sites have a shed"):
        read_csv(b"shed,id\nshed-1,a", several)
    assert read_csv("site,shed,id\n别处,shed-1,a".encode(), several)[0].site == "other"


def test_what_is_imported_is_seen_by_a_running_service(tmp_path: Path) -> None:
    """By the file's change alone; a broken file changes nothing."""
    path = tmp_path / "data" / "extinguishers.json"
    file = RegisterFile(path)
    file.refresh()
    assert file.register.version == 0
    RegisterFile(path).save([SEVEN])
    file.refresh()
    file.refresh()
    assert (file.register.version, list(file.register.entries.values())) == (1, [SEVEN])
    path.write_text("[{")
    file.refresh()
    assert list(file.register.entries.values()) == [SEVEN]


async def test_whoever_steers_the_clock_sees_that_it_is_being_read(tmp_path: Path) -> None:
    """Time must not go on for hours while a thread waits for its turn."""
    file = RegisterFile(tmp_path / "extinguishers.json")
    file.save([SEVEN])
    looking = asyncio.create_task(file.look_again())
    await asyncio.sleep(0)
    busy = file.busy
    await looking
    assert (busy, file.busy) == (True, False)
    assert file.register.version == 1


def test_the_register_stands_in_the_topology() -> None:
    """New ones are added, those of the configuration take its date and keep their name."""
    register = Register([SEVEN, Entry(site="cuiping", shed="shed-1", id="ext-1", inspected=date(2026, 11, 1))])
    shown = {device.ref.device: device for device in with_register(TOPOLOGY, register).devices(DeviceKind.EXTINGUISHER)}
    assert {name: device.inspected for name, device in shown.items()} == {
        "ext-1": date(2026, 11, 1),
        "ext-7": date(2026, 9, 1),
    }
    assert shown["ext-1"].name.en == "EXT-1"
    assert len(list(with_register(TOPOLOGY, register).devices())) == len(list(TOPOLOGY.devices())) + 1


class Told:
    """The rule with a register, and what is active by its words."""

    def __init__(self, *entries: Entry) -> None:
        self.register = Register(entries)
        self.rule = ExtinguisherRule(Surroundings(TOPOLOGY, RuleBook(), self.register))
        self.last: dict[AlertKey, Condition] = {}

    def tick(self, days: float = 0.0) -> dict[tuple[str, str], Condition]:
        self.last |= {said.key: said for said in self.rule.tick(NOW_MS + round(days * 86_400_000))}
        return {(str(key.kind), key.device): said for key, said in self.last.items() if said.active}


def test_what_a_patrol_found_missing_is_told_at_once_and_ends_with_the_next_register() -> None:
    """Without waiting for the next hour."""
    told = Told(SEVEN)
    assert list(told.tick()) == [("extinguisher_missing", "ext-7")]
    assert "缺失（箱子空了）" in told.last[AlertKey(AlertKind.EXTINGUISHER_MISSING, *SEVEN.ref)].message.zh
    told.register.replace([Entry(site="cuiping", shed="shed-1", id="ext-7", condition="unusable")])
    assert "unusable" in told.tick()["extinguisher_missing", "ext-7"].message.en
    told.register.replace([])
    assert told.tick() == {}


def test_an_own_due_date_wins_over_the_yearly_inspection() -> None:
    """And the register over the configuration."""
    told = Told(SEVEN, Entry(site="cuiping", shed="shed-1", id="ext-1", inspected=date(2025, 6, 1)))
    said = told.tick()
    assert said["extinguisher_due", "ext-1"].value == (date(2026, 11, 23) - date(2025, 6, 1)).days
    assert ("extinguisher_due", "ext-7") not in said
    later = told.tick(days=120)["extinguisher_due", "ext-7"]
    assert ("2027-03-01" in later.message.zh, later.threshold) == (True, 0.0)


def test_a_restored_alert_ends_when_its_extinguisher_is_well() -> None:
    """A restart neither forgets it nor keeps it for ever."""
    told = Told(Entry(site="cuiping", shed="shed-1", id="ext-1"))
    key = AlertKey(AlertKind.EXTINGUISHER_MISSING, *EXT)
    alert = lifecycle.raised("a", Condition(key, True, Severity.MEDIUM, Text("", "")), NOW_MS)
    assert told.rule.restore(alert, NOW_MS)
    told.tick()
    assert told.last[key].active is False
