"""What alerts say."""

from __future__ import annotations

import pytest
from alarm_samples import C1, CAM, NOW_MS, TOPOLOGY, around, reading

from alerts.messages import duration, exceeds, number, place, quantity
from alerts.model import AlertKey, AlertKind, Text
from alerts.rules.over_temperature import over_temperature
from ingest.model import Name, Site, Topology


def test_an_alert_says_where_what_how_much_and_what_to_do() -> None:
    """One sentence a guard can act on, in both languages."""
    (said,) = over_temperature(around(over_temperature={"on_delay_s": 0})).reading(
        reading(C1, 3, temperature_c=72.44), NOW_MS
    )
    assert said.message == Text(
        "1号车棚 c1 3号口 温度 72.4 °C，超过 65 °C。停止该口充电，勿用手触碰，派人到场查看。",
        "Shed 1 C1 port 3 temperature 72.4 °C, over 65 °C. Stop charging there, do not touch it, send someone to look.",
    )


def test_the_site_is_named_where_there_are_several() -> None:
    """A company's control room has many first sheds."""
    several = Topology((*TOPOLOGY.sites, Site("other", Name("别处", "Elsewhere"))))
    assert place(several, AlertKey(AlertKind.WATER, *C1, 3)).zh == "翠屏北里 1号车棚 c1 3号口"


def test_what_is_not_configured_is_named_by_its_id() -> None:
    """Messages never fail."""
    assert place(TOPOLOGY, AlertKey(AlertKind.WATER, "x", "y", "z", 2)) == Text("y z 2号口", "y z port 2")
    assert place(TOPOLOGY, AlertKey(AlertKind.SMOKE, *CAM, 3, "bay-3")).zh == "1号车棚 cam-1 区域bay-3"


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
