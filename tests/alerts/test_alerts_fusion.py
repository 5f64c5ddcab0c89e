"""Several kinds of evidence for one danger: what they make of each other, and which port they mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alarm_doubles import QUIET, StillClock
from alarm_samples import C1, C2, CAM, NOW_MS, SMOKE, TOPOLOGY, around, observation, reading
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from alerts import lifecycle
from alerts.bays import BayMap, CutTarget, PortRef
from alerts.fusion import Fusion
from alerts.ledger.database import Ledger
from alerts.means import MEANS
from alerts.messages import ADVICE, compose
from alerts.model import AlertKey, AlertKind, Condition, Severity, Text
from alerts.rules.base import key_of
from alerts.rules.sessions import Sessions
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from ingest.model import DeviceRef
from vision.model import WHOLE, ObservationKind, Zone, ZoneKind

ZONES = {
    CAM: (
        Zone("corridor", ZoneKind.CORRIDOR, WHOLE),
        Zone("bay-3", ZoneKind.BAY, WHOLE, "c1#3"),
        Zone("bay-4", ZoneKind.BAY, WHOLE, "c1#4"),
    )
}
BAYS = BayMap(TOPOLOGY, ZONES)
PORT_3, PORT_4 = PortRef(C1, 3), PortRef(C1, 4)
BAY_3 = AlertKey(AlertKind.SMOKE, *CAM, 3, "bay-3")
WHOLE_PICTURE = AlertKey(AlertKind.SMOKE, *CAM)
HEAD = key_of(AlertKind.SMOKE_SENSOR, SMOKE)
HOT_3 = key_of(AlertKind.OVER_TEMPERATURE, C1, 3)
HOT_4 = key_of(AlertKind.TEMPERATURE_RISE, C1, 4)


def said(key: AlertKey, severity: Severity = Severity.HIGH, active: bool = True, **more: Any) -> Condition:
    """What a rule says."""
    message = compose(key.kind, Text("某处", "somewhere"), Text("有事", "something"))
    return Condition(key, active, severity, message, details={"rule": str(key.kind)}, **more)


def fusion(sessions: Sessions | None = None) -> Fusion:
    """One of the sample shed."""
    return Fusion(TOPOLOGY, BAYS, sessions or Sessions(around()))


def take(it: Fusion, *conditions: Condition) -> dict[AlertKey, Condition]:
    """What goes out last for each key."""
    return {out.key: out for condition in conditions for out in it.take(condition, NOW_MS)}


def test_smoke_in_a_bay_says_what_its_port_is_doing() -> None:
    """The guard is told which bike it is, how strongly it charges and for how long."""
    sessions = Sessions(around())
    sessions.take(reading(C1, 3, NOW_MS, state="charging", power_w=412.0, session_s=22_200.0), NOW_MS)
    (out,) = fusion(sessions).take(said(BAY_3), NOW_MS)
    advice = ADVICE[AlertKind.SMOKE]
    assert out.message.zh == f"某处 有事，正以 412 W 充电，已充6小时10分钟。{advice.zh}"
    assert out.message.en == f"somewhere: something, charging at 412 W for 6 h 10 min. {advice.en}"


def test_smoke_in_the_whole_picture_names_the_ports_that_charge_in_view() -> None:
    """The strongest first; a port that is idle, or was not heard of for an hour, is not told."""
    sessions = Sessions(around())
    sessions.take(reading(C1, 3, NOW_MS, state="charging", power_w=100.0, session_s=60.0), NOW_MS)
    sessions.take(reading(C1, 4, NOW_MS, state="charging", power_w=300.0, session_s=60.0), NOW_MS)
    (out,) = fusion(sessions).take(said(WHOLE_PICTURE), NOW_MS)
    assert "c1 4号口正以 300 W 充电，已充1分钟；c1 3号口正以 100 W 充电" in out.message.zh
    later = NOW_MS + 3_600_000
    (out,) = fusion(sessions).take(said(WHOLE_PICTURE), later)
    assert out == said(WHOLE_PICTURE)


def test_an_idle_port_is_said_to_be_idle_and_an_unknown_one_is_not() -> None:
    """Nothing is claimed of a charger that is not heard."""
    sessions = Sessions(around())
    assert fusion(sessions).take(said(BAY_3), NOW_MS) == [said(BAY_3)]
    sessions.take(reading(C1, 3, NOW_MS, state="idle", power_w=0.0), NOW_MS)
    assert "该口未在充电" in fusion(sessions).take(said(BAY_3), NOW_MS)[0].message.zh


@pytest.mark.parametrize(
    ("first", "second", "severities"),
    [
        (BAY_3, HOT_3, ("critical", "critical")),
        (HOT_3, BAY_3, ("critical", "critical")),
        (BAY_3, HEAD, ("critical", "critical")),
        (HEAD, HOT_3, ("critical", "critical")),
        (WHOLE_PICTURE, HOT_4, ("critical", "critical")),
        (HOT_3, key_of(AlertKind.NO_TAPER, C1, 3), ("high", "high")),
        (BAY_3, key_of(AlertKind.SESSION_OVERLONG, C1, 3), ("critical", "high")),
    ],
)
def test_a_second_kind_of_evidence_raises_both_at_once_and_each_names_the_other(
    first: AlertKey, second: AlertKey, severities: tuple[str, str]
) -> None:
    """Whichever comes first."""
    out = take(fusion(), said(first), said(second))
    assert tuple(str(out[key].severity) for key in (first, second)) == severities
    for key, other in ((first, second), (second, first)):
        assert any(other.device in name for name in out[key].details["related"])
        assert "；同时" in out[key].message.zh
        assert "; also " in out[key].message.en


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (BAY_3, HOT_4),
        (HOT_3, key_of(AlertKind.NO_TAPER, C1, 4)),
        (HOT_3, key_of(AlertKind.TEMPERATURE_RISE, C1, 3)),
        (HEAD, key_of(AlertKind.LEAKAGE, C2)),
        (HOT_3, key_of(AlertKind.CHARGER_OFFLINE, C1)),
        (BAY_3, AlertKey(AlertKind.FLAME, *CAM, 3, "bay-3")),
        (BAY_3, AlertKey(AlertKind.SMOKE_SENSOR, "cuiping", "shed-2", "smoke-1")),
    ],
)
def test_what_is_elsewhere_or_known_by_the_same_means_confirms_nothing(first: AlertKey, second: AlertKey) -> None:
    """Another bay, another shed, the same sensor twice, and what is no danger of this kind."""
    conditions = said(first, Severity.MEDIUM), said(second, Severity.MEDIUM)
    assert list(take(fusion(), *conditions).values()) == list(conditions)


def test_a_smoke_head_and_a_port_that_is_only_a_little_warm_are_two_things() -> None:
    """A smoke head knows no port; only one that is clearly hot is named by it."""
    out = take(fusion(), said(HEAD, Severity.CRITICAL), said(HOT_4, Severity.MEDIUM))
    assert out[HOT_4].severity is Severity.MEDIUM
    out = take(fusion(), said(HEAD, Severity.CRITICAL), said(HOT_4, Severity.HIGH, value=31.0, unit="°C"))
    assert out[HOT_4].severity is Severity.CRITICAL
    assert "c1 4号口 温升异常 31 °C" in out[HEAD].message.zh


def test_evidence_that_has_ended_confirms_no_more() -> None:
    """What is told after it is the rule's own word again."""
    it = fusion()
    take(it, said(BAY_3), said(HOT_3), said(HOT_3, active=False))
    assert it.take(said(BAY_3), NOW_MS) == [said(BAY_3)]


def test_evidence_that_cannot_be_put_together_goes_out_as_it_came() -> None:
    """An alarm never waits for what explains it."""

    class Broken(Sessions):
        def heard(self, *_: object) -> None:  # type: ignore[override]
            raise RuntimeError

    it = fusion(Broken(around()))
    assert it.take(said(BAY_3), NOW_MS) == [said(BAY_3)]
    assert it.failures.total() == 1


KEYS = [
    BAY_3,
    WHOLE_PICTURE,
    HEAD,
    HOT_3,
    HOT_4,
    *(key_of(kind, C1, 3) for kind in (AlertKind.NO_TAPER, AlertKind.RELAY_WELDED, AlertKind.CHARGER_FAULT)),
    key_of(AlertKind.CHARGER_OFFLINE, C1),
]


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(list(Severity)), st.booleans()), max_size=20),
)
def test_fusion_loses_nothing_and_makes_nothing_milder(told: list[tuple[AlertKey, Severity, bool]]) -> None:
    """Every condition goes out first, as bad as it came or worse; what goes with it was told before and is active."""
    it, active = fusion(), set()
    for key, severity, is_active in told:
        (active.add if is_active else active.discard)(key)
        first, *others = it.take(said(key, severity, is_active), NOW_MS)
        assert (first.key, first.active) == (key, is_active)
        assert first.severity.rank >= severity.rank
        assert {other.key for other in others} <= active - {key}
        assert all(other.active for other in others)
    assert it.failures.total() == 0


class TestBayMap:
    """Which port an alarm is about, and what is to be cut."""

    @pytest.mark.parametrize(
        ("key", "related", "target"),
        [
            (BAY_3, (), CutTarget((PORT_3,))),
            (BAY_3, ("cuiping/shed-1/c1#4",), CutTarget((PORT_3, PORT_4))),
            (WHOLE_PICTURE, (), CutTarget((PORT_3, PORT_4), certain=False)),
            (WHOLE_PICTURE, ("cuiping/shed-1/c1#4", "cuiping/shed-1/smoke-1"), CutTarget((PORT_4,))),
            (HEAD, (), CutTarget(whole_shed=True, certain=False)),
            (HEAD, ("cuiping/shed-1/c1#3",), CutTarget((PORT_3,))),
            (key_of(AlertKind.SMOKE_SENSOR, C1), (), CutTarget(whole_shed=True, certain=False)),
            (HOT_3, (), CutTarget((PORT_3,))),
            (key_of(AlertKind.LEAKAGE, C1), (), CutTarget()),
        ],
    )
    def test_a_fire_is_cut_where_it_is_known_to_be_and_else_as_a_whole(
        self, key: AlertKey, related: tuple[str, ...], target: CutTarget
    ) -> None:
        """The alarm's own port, those a second kind of evidence names, those in view, the shed."""
        alert = replace(lifecycle.raised("a", said(key), NOW_MS), related=related)
        assert BAYS.to_cut(alert) == target

    def test_a_port_is_read_as_it_is_written(self) -> None:
        """And nothing else is a port."""
        assert PortRef.parse(str(PORT_3)) == PORT_3
        assert [PortRef.parse(text) for text in ("c1#3", "a/b/c", "a/b/c#x", "")] == [None] * 4


def test_every_means_has_its_words_and_its_advice() -> None:
    """A kind that is evidence can be told of."""
    for kind in MEANS:
        (out,) = fusion().take(said(AlertKey(kind, *DeviceRef("x", "y", "z"))), NOW_MS)
        assert out.key.kind in ADVICE


async def test_a_hot_port_under_smoke_becomes_critical_in_the_service(tmp_path: Path) -> None:
    """The whole way: readings and what the camera sees, to alerts that name each other."""
    ledger = Ledger(f"sqlite+aiosqlite:///{tmp_path / 'alerts.db'}")
    book = RuleBook.parse({"rules": QUIET})
    async with AlarmService(TOPOLOGY, book, ledger, StillClock(NOW_MS), seed=1, zones=ZONES) as desk:
        await desk.submit_readings(
            [reading(C1, 3, NOW_MS, state="charging", power_w=412.0, session_s=22_200.0, temperature_c=70.0)]
        )
        (hot,) = desk.open_alerts()
        assert hot.severity is Severity.HIGH
        await desk.submit_observations([observation(ObservationKind.SMOKE, zone="bay-3", port="c1#3")])
        alerts = {alert.kind: alert for alert in desk.open_alerts()}

        assert {str(alert.severity) for alert in alerts.values()} == {"critical"}
        assert "正以 412 W 充电，已充6小时10分钟；同时 c1 3号口 过温 70 °C" in alerts[AlertKind.SMOKE].message.zh
        assert alerts[AlertKind.OVER_TEMPERATURE].related == ("cuiping/shed-1/cam-1",)
        assert desk.bays.to_cut(alerts[AlertKind.SMOKE]) == CutTarget((PORT_3,))
