"""Scenario files: what is read from them, and that mistakes are named with line and key."""

from datetime import date

import pytest

from ingest.model import DeviceKind, DeviceRef
from simulators.battery import PACKS
from simulators.faults import KINDS
from simulators.scenario import DEFAULT_KEYS, DEVICE_KEYS, load, parse, shipped
from simulators.scene import KINDS as SCENE_KINDS
from simulators.scene import LAYOUTS, zones
from simulators.yaml_reader import ScenarioError

NOW_MS = 1_795_400_000_000
SHIPPED = sorted(file.stem for file in shipped("demo").parent.glob("*.yaml"))
GOOD = """name: example
start: 2026-11-23T20:30:00+08:00
duration_s: 300
sites:
  - id: a
    sheds:
      - id: s
        chargers:
          - {id: c1, ports: 12}
        cameras:
          - {id: cam-1, zones: [{id: bay-1, kind: bay, polygon: [[0, 0], [1, 0], [1, 1]]}]}
        extinguishers: [{id: ext-1}]
simulation:
  default: {air_c: 20}
  a/s/ext-1: {inspected_days_ago: 23}
  a/s/c1#3: {stays: [{plug_s: -60, pack: lead-48v12, soc: 0.5}]}
faults:
  - {kind: loose_contact, device: a/s/c1, port: 3, at_s: 10, until_s: 90}
expect:
  - kind: temperature_rise
    device: a/s/c1
    port: 3
    after_s: 10
    within_s: 100
    also_allowed: [{kind: over_temperature}]
"""


def test_scenario_is_read_as_written():
    """Devices, faults, stays and expectations come out typed; local time gives the hour of day."""
    scenario = parse(GOOD, "example.yaml", NOW_MS)
    assert [device.kind for device in scenario.devices] == [
        DeviceKind.CHARGER,
        DeviceKind.CAMERA,
        DeviceKind.EXTINGUISHER,
    ]
    assert scenario.start_ms is not None
    assert scenario.hour_at(scenario.start_ms) == 20.5
    assert scenario.stays[DeviceRef("a", "s", "c1")][3][0].soc == 0.5
    assert scenario.expectations[0].also_allowed[0].port == 3


def test_days_ago_become_a_date_of_the_configuration():
    """An extinguisher's inspection moves with the start, so that a shipped scenario never grows old."""
    sites = parse(GOOD, "example.yaml", NOW_MS).sites
    assert sites[0]["sheds"][0]["extinguishers"] == [{"id": "ext-1", "inspected": date(2026, 10, 31)}]


PEOPLE = "people: [{does: patrol, device: a/s/ext-1, at_s: 5, finds: gone}]"
CUT = "  - {cut: done, device: a/s/c1, port: 3, after_s: 10, within_s: 20}"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("duration_s: 300", "duration_s: long", "example.yaml:3: duration_s: must be a number, not 'long'"),
        ("duration_s: 300", "", "example.yaml:1: duration_s: is missing"),
        ("at_s: 10,", "at_s: soon,", "example.yaml:18: faults[0].at_s: must be a number"),
        ("until_s: 90", "until_s: 5", "example.yaml:18: faults[0].until_s: must come after at_s 10"),
        ("kind: loose_contact", "kind: loose", "example.yaml:18: faults[0].kind: unknown kind 'loose'; there are"),
        ("a/s/c1, port: 3", "a/s/c9, port: 3", "example.yaml:18: faults[0].device: there is no device a/s/c9"),
        ("a/s/c1, port: 3", "a/s/cam-1, port: 3", "a/s/cam-1 is a camera; this fault stands at a charger"),
        ("a/s/c1, port: 3", "a/s/c1, port: 13", "example.yaml:18: faults[0].port: must be within 1 and 12"),
        ("port: 3, at_s", "prot: 3, at_s", "example.yaml:18: faults[0].prot: unknown key"),
        ("within_s: 100", "within_s: 1000", "example.yaml:24: expect[0].within_s: is due at 1010 s, after"),
        ("kind: temperature_rise", "kind: fever", "example.yaml:20: expect[0].kind: unknown kind 'fever'"),
        ("a/s/c1#3", "a/s/c1#30", "example.yaml:16: simulation.a/s/c1#30: there is no such port"),
        ("pack: lead-48v12", "pack: lead", "example.yaml:16: simulation.a/s/c1#3.stays[0].pack: unknown pack 'lead'"),
        ("{air_c: 20}", "{air_f: 70}", "example.yaml:14: simulation.default.air_f: unknown key"),
        ("T20:30:00+08:00", "T20:30:00", "example.yaml:2: start: has no offset"),
        ("T20:30:00+08:00", "", "example.yaml:2: start: must be `now` or an RFC 3339 time"),
        ("- id: s\n", "- id: S\n", "example.yaml:7: sites[0].sheds[0].id: 'S' is not an id"),
        (
            "name: example",
            "name: example\nservice: {mqtt: {}}",
            "example.yaml:2: service.mqtt: is decided by the rehearsal",
        ),
        ("faults:", f"{PEOPLE}\nfaults:", "people[0].finds: unknown finds 'gone'; there are missing, ok, unusable"),
        ("faults:", f"{PEOPLE}\nfaults:".replace("ext-1", "c1"), "people[0].device: there is no extinguisher a/s/c1"),
        ("expect:\n", f"expect:\n{CUT}\n", "expect[0].cut: unknown cut 'done'; there are escalated, failed, verified"),
        ("expect:\n", f"expect:\n{CUT}\n".replace("c1", "ext-1"), "expect[0].device: there is no charger a/s/ext-1"),
        ("name: example", "name: example\nname: twice", "example.yaml:2: name: is given twice"),
        ("name: example", "name: an: example", "example.yaml:1: not YAML: mapping values are not allowed here"),
    ],
)
def test_mistake_is_named_with_line_and_key(old, new, complaint):
    """Whoever writes a scenario is told where it is wrong, and what would be right."""
    assert old in GOOD
    with pytest.raises(ScenarioError) as caught:
        parse(GOOD.replace(old, new, 1), "example.yaml", NOW_MS)
    assert complaint in str(caught.value)


def test_empty_file_is_a_mistake_too():
    """Nothing at all is no scenario."""
    with pytest.raises(ScenarioError, match="the file: must be a map"):
        parse("", "empty.yaml", NOW_MS)


def test_unknown_name_lists_what_is_shipped():
    """A mistyped name is answered with the names there are."""
    with pytest.raises(ScenarioError, match="demo"):
        shipped("dmeo")


def accounted_for(scenario, expectation):
    """Whether something that happens in the scenario makes this alarm right from its `after_s` on."""
    place, after_s = expectation.place, expectation.after_s
    where = ("", "") if place.kind == "service_degraded" else place.device[:2]
    begun = [it.at_s for it in scenario.faults if it.device[:2] == where and place.kind in it.truth]
    acts = [it for it in scenario.acts if it.device == place.device and it.at_s == after_s]
    if place.kind == "extinguisher_due":
        return "inspected_days_ago" in scenario.settings.get(str(place.device), {})
    if place.kind == "extinguisher_missing":
        return any(it.finds not in ("", "ok") for it in acts)
    # A relay that is welded shows when somebody wants the port off.
    return after_s in begun or (bool(acts) and any(at_s <= after_s for at_s in begun))


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_scenarios_are_right(name):
    """Each parses, and every expectation is accounted for by the ground truth of a fault before it, or by what people do."""
    scenario = load(shipped(name), NOW_MS)
    for expectation in scenario.expectations:
        assert accounted_for(scenario, expectation), str(expectation.place)
    for cut in scenario.cuts:
        ordered = [it for it in scenario.acts if (it.device, it.port, it.at_s) == (cut.charger, cut.port, cut.after_s)]
        automatic = "cutoff" in scenario.service and cut.after_s in [it.at_s for it in scenario.faults]
        assert automatic if cut.by == "policy" else ordered, cut.place


@pytest.mark.parametrize("name", SHIPPED)
def test_zones_of_shipped_scenarios_are_those_of_their_pictures(name):
    """What the configuration calls a bay is where the simulated camera shows it; each bay has a port."""
    scenario = load(shipped(name), NOW_MS)
    for site in scenario.sites:
        for shed in site["sheds"]:
            for camera in shed.get("cameras", []):
                layout = scenario.settings[f"{site['id']}/{shed['id']}/{camera['id']}"]["layout"]
                plain = [{key: value for key, value in zone.items() if key != "port"} for zone in camera["zones"]]
                there = [{**zone, "polygon": [list(it) for it in zone["polygon"]]} for zone in zones(layout)]
                assert plain == [zone for zone in there if zone in plain]
                assert all(("port" in zone) == (zone["kind"] == "bay") for zone in camera["zones"])


def test_demo_is_the_size_it_says():
    """One neighbourhood, four sheds, 120 ports on chargers of 10, 12 and 16, five cameras, a smoke head in each shed."""
    scenario = load(shipped("demo"), NOW_MS)
    chargers = [device for device in scenario.devices if device.kind is DeviceKind.CHARGER]
    assert sum(device.ports for device in chargers) == 120
    assert {device.ports for device in chargers} == {10, 12, 16}
    assert len({device.ref[:2] for device in scenario.devices}) == 4
    assert sum(device.kind is DeviceKind.CAMERA for device in scenario.devices) == 5
    assert len({device.ref.shed for device in scenario.devices if device.sensor_kind == "smoke"}) == 4


def test_every_event_of_a_scene_is_a_fault_of_a_scenario():
    """Whatever a scene can show, a scenario can ask for, and with its ground truth."""
    assert set(SCENE_KINDS) <= set(KINDS)


def test_reference_names_everything_there_is():
    """The page for writers of scenarios has every kind of fault with its ground truth, pack, layout and setting."""
    page = (shipped("demo").parent.parent / "README.md").read_text(encoding="utf-8")
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    for name, kind in KINDS.items():
        assert all(f"`{word}`" in rows[name] for word in (*kind.truth, *kind.figures)), name
    settings = {key for keys in (DEFAULT_KEYS, *DEVICE_KEYS.values()) for key in keys}
    assert [word for word in (*settings, *PACKS, *LAYOUTS) if f"`{word}`" not in page] == []


def test_example_of_the_reference_is_right():
    """What the page shows first can be run."""
    page = (shipped("demo").parent.parent / "README.md").read_text(encoding="utf-8")
    example = page.split("```yaml\n")[1].split("```")[0]
    assert len(parse(example, "example.yaml", NOW_MS).expectations) == 1
