"""A scenario's devices as one fold: the same seed gives the same bytes, in order of time."""

from collections import Counter

from ingest.contract import decode_sensor, parse_topic
from ingest.model import DeviceKind, DeviceRef
from simulators.device import LinkChange, Outgoing
from simulators.fleet import Fleet
from simulators.residents import Calendar, stays
from simulators.scenario import parse

START_MS = 1_795_400_000_000
SCENARIO = """
name: small
duration_s: 300
sites:
  - id: a
    sheds:
      - id: s
        chargers: [{id: c1, ports: 12}, {id: c2, ports: 10}]
        sensors: [{id: smoke-1, kind: smoke}, {id: air-1, kind: temperature}]
simulation: {default: {hour: 19}}
faults:
  - {kind: sensor_alarm, device: a/s/smoke-1, at_s: 100.5, until_s: 130.5}
  - {kind: charger_offline, device: a/s/c2, at_s: 60, until_s: 120}
  - {kind: power_cut, shed: a/s, at_s: 200, until_s: 220}
"""


def fleet(seed=1):
    return Fleet(parse(SCENARIO, "small.yaml", START_MS), seed=seed, start_ms=START_MS)


def test_same_seed_same_messages_whatever_the_steps():
    """One long step and many short ones give the same bytes at the same times."""
    at_once = fleet().advance(300.0)
    other = fleet()
    in_steps = [item for second in range(1, 301) for item in other.advance(float(second))]
    assert at_once == in_steps
    assert len(at_once) > 60


def test_other_seed_other_day():
    """Another seed gives other residents."""
    assert fleet(1).advance(60.0) != fleet(2).advance(60.0)


def test_messages_come_in_order_and_on_topics_of_the_contract():
    """Times never fall, and each topic parses to the device that sent it."""
    items = fleet().advance(300.0)
    assert [it.t_s for it in items] == sorted(it.t_s for it in items)
    for item in items:
        if isinstance(item, Outgoing):
            assert parse_topic(item.topic).ref == item.device


def test_links_break_and_come_back():
    """An offline charger loses its link, a power cut that of every device of the shed."""
    links = [it for it in fleet().advance(300.0) if isinstance(it, LinkChange)]
    assert links[:2] == [
        LinkChange(60.0, DeviceRef("a", "s", "c2"), False),
        LinkChange(120.0, DeviceRef("a", "s", "c2"), True),
    ]
    assert Counter((it.t_s, it.up) for it in links[2:]) == {(200.0, False): 4, (220.0, True): 4}


def test_smoke_head_tells_a_change_at_once():
    """The contact's closing and opening are sent when they happen, not with the next report."""
    alarms = [
        (it.t_s, decode_sensor(it.payload)[0].alarm)
        for it in fleet().advance(300.0)
        if isinstance(it, Outgoing) and it.device.device == "smoke-1"
    ]
    assert (100.5, True) in alarms
    assert (130.5, False) in alarms
    assert all(alarm == (100.5 <= t_s < 130.5) for t_s, alarm in alarms)


def test_every_kind_reports_at_its_habit():
    """Chargers every ten seconds, sensors every thirty, and all of them as soon as they are connected."""
    items = fleet().advance(200.0)
    sent = Counter(
        parse_topic(it.topic).kind for it in items if isinstance(it, Outgoing) and it.topic.endswith("telemetry")
    )
    assert 40 <= sent[DeviceKind.CHARGER] <= 42
    assert {it.device for it in items if it.t_s < 1.5} == set(fleet().refs)
    assert 14 <= sent[DeviceKind.SENSOR] <= 18


def test_sheds_fill_in_the_evening_and_empty_in_the_morning():
    """Of 300 ports far more are taken at eleven at night than at eleven in the morning."""
    from random import Random

    def taken(hour, at_s=0.0):
        count = 0
        for seed in range(300):
            for stay in stays(Random(seed), Calendar(hour)):
                if stay.plug_s > at_s:
                    break
                count += stay.unplug_s > at_s
        return count / 300

    assert 0.6 < taken(23.0) < 0.95
    assert 0.15 < taken(11.0) < 0.5
