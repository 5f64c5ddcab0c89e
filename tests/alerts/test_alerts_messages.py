"""What alerts say."""

from __future__ import annotations

import pytest
from alarm_samples import C1, CAM, NOW_MS, TOPOLOGY, around, observation, reading

from alerts.messages import duration, exceeds, number, place, quantity
from alerts.model import AlertKey, AlertKind, Text
from alerts.rules.base import Surroundings
from alerts.rules.cut_failed import CutFailedRule
from alerts.rules.over_temperature import over_temperature
from alerts.rules.sight import SightRule
from ingest.model import Area, Device, DeviceKind, Name, Shed, Site, Topology
from vision.model import ObservationKind


def test_an_alert_says_where_what_how_much_and_what_to_do() -> None:
    """One sentence a guard can act on, in both languages."""
    (said,) = over_temperature(around(over_temperature={"on_delay_s": 0})).reading(
        reading(C1, 3, temperature_c=72.44), NOW_MS
    )
    assert said.message == Text(
        "1号车棚 c1 3号口 温度 72.4 °C，超过 65 °C。停止此处充电，勿用手触碰，派人到场查看。",
        "Shed 1 C1 port 3: temperature 72.4 °C, over 65 °C. Stop charging there, do not touch it, send someone to look.",
    )


def test_the_site_is_named_where_there_are_several() -> None:
    """A company's control room has many first sheds."""
    several = Topology((*TOPOLOGY.sites, Site("other", Name("别处", "Elsewhere"))))
    assert place(several, AlertKey(AlertKind.WATER, *C1, 3)).zh == "翠屏北里 1号车棚 c1 3号口"


def test_what_is_not_configured_is_named_by_its_id() -> None:
    """Messages never fail."""
    assert place(TOPOLOGY, AlertKey(AlertKind.WATER, "x", "y", "z", 2)) == Text("y z 2号口", "y z port 2")
    assert place(TOPOLOGY, AlertKey(AlertKind.SMOKE, *CAM, 3, "bay-3")).zh == "1号车棚 cam-1 区域（bay-3）"


CAMERA = Device(
    CAM,
    DeviceKind.CAMERA,
    Name("南侧摄像头", "South camera"),
    areas=(Area("corridor", Name("通道", "corridor")), Area("bay-9", Name("9号车位", "Bay 9"))),
)
NAMED = Topology(
    (
        Site(
            "cuiping",
            Name("翠屏北里", "Cuiping Beili"),
            (Shed("cuiping", "shed-1", Name("3号棚", "Shed 3"), (CAMERA,)),),
        ),
    )
)


def test_what_a_camera_sees_is_placed_by_the_name_of_its_zone_or_by_the_port_in_it() -> None:
    """Nobody has to know the ids of the configuration; where someone must go comes first."""
    corridor, bay = (AlertKey(AlertKind.SMOKE, *CAM, None, zone) for zone in ("corridor", "bay-9"))
    assert place(NAMED, corridor) == Text("3号棚 南侧摄像头 通道", "Shed 3 South camera corridor")
    assert place(NAMED, bay) == Text("3号棚 南侧摄像头 9号车位", "Shed 3 South camera Bay 9")
    assert place(NAMED, bay, "c1#3") == Text("3号棚 c1 3号口（南侧摄像头）", "Shed 3 c1 port 3 (South camera)")


def test_a_blocked_corridor_is_named_once() -> None:
    """`通道 疏散通道被占用` would say it twice."""
    rule = SightRule(Surroundings(NAMED, around().book))
    seen = observation(ObservationKind.CORRIDOR_BLOCKED, zone="corridor")
    (said,) = rule.observation(seen, NOW_MS)
    assert said.message == Text(
        "3号棚 南侧摄像头 通道 被占用，影响疏散。请立即清理疏散通道。",
        "Shed 3 South camera corridor: blocked, no way out. Clear the way out now.",
    )
    (later,) = rule.observation(seen, NOW_MS + 600_000)
    assert later.message.zh.startswith("3号棚 南侧摄像头 通道 被占用已10分钟。")


def test_a_failed_cut_is_told_in_each_language_by_itself() -> None:
    """The cut's log has both languages in a line; the message has not."""
    why = "仍有 / still 180 W (无答复 / no reply)"
    (said,) = CutFailedRule(around()).failed(C1, 3, why, 180.0)
    assert said.message.zh.startswith("1号车棚 c1 3号口 断电失败，仍有 180 W。")
    assert said.message.en.startswith("Shed 1 C1 port 3: could not be switched off, still 180 W. ")


@pytest.mark.parametrize(
    ("seconds", "zh", "en"),
    [
        (0, "0秒", "0 s"),
        (59.4, "59秒", "59 s"),
        (60, "1分钟", "1 min"),
        (125, "2分钟5秒", "2 min 5 s"),
        (7500, "2小时5分钟", "2 h 5 min"),
        (7205, "2小时", "2 h"),
        (86_400 * 3 + 3600, "3天1小时", "3 d 1 h"),
        (86_400 * 365 * 56, "56年", "56 y"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds: float, zh: str, en: str) -> None:
    """Nobody counts 7500 seconds."""
    assert duration(seconds) == Text(zh, en)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (65.0, "°C", "65 °C"),
        (72.44, "°C", "72.4 °C"),
        (0.834, "A", "0.83 A"),
        (2310.0, "W", "2.31 kW"),
        (950.0, "W", "950 W"),
    ],
)
def test_quantities_carry_their_unit_and_no_needless_figures(value: float, unit: str, text: str) -> None:
    """As people write them."""
    assert quantity(value, unit) == text
    assert number(100.0) == "100"


def test_a_lower_limit_is_told_as_one() -> None:
    """Below, not over."""
    assert exceeds(Text("电压", "voltage"), 170, 180, "V", below=True).zh == "电压 170 V，低于 180 V"
