"""The configuration: what is right is taken, what is wrong is named with line and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.model import Area, DeviceRef, Name
from shedwatch.configuration import ConfigurationError, load, parse
from shedwatch.settings import Settings
from vision.model import ZoneKind

STARTER = (Path(__file__).parents[2] / "shedwatch" / "starter.yaml").read_text(encoding="utf-8")
SMALL = """\
sites:
  - id: north
    sheds:
      - id: shed-1
        chargers: [{id: c1, ports: 12}]
        cameras:
          - id: cam-1
            zones:
              - {id: bay-3, kind: bay, port: "c1#3", polygon: [[0, 0], [1, 0], [1, 1]]}
"""


def read(text: str, **environ: str) -> Settings:
    return parse(text, environ, name="shedwatch.yaml", base=Path("/srv/shed"))


def problems(text: str, **environ: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(text, **environ)
    return "\n".join(caught.value.problems)


def test_the_starter_configuration_is_right():
    """What `shedwatch init` writes can be run as it is."""
    settings = read(STARTER)

    assert [device.ref.device for device in settings.topology().devices()] == ["c1", "c2", "smoke-1", "cam-1", "ext-1"]
    assert settings.zones()[DeviceRef("cuiping-beili", "shed-1", "cam-1")][1].port == "c1#3"


def test_everything_not_given_has_a_default():
    """Sites alone are a complete configuration."""
    settings = read(SMALL)

    assert settings.api.port == 8080
    assert settings.store_path() == Path("/srv/shed/data/telemetry.db")
    assert settings.ledger_url() == "sqlite+aiosqlite:////srv/shed/data/alerts.db"


def test_relative_paths_are_taken_from_the_files_folder(tmp_path):
    """The service does the same wherever it is started from."""
    file = tmp_path / "shedwatch.yaml"
    file.write_text(SMALL)

    assert load(file, {}).data_dir == tmp_path / "data"


@pytest.mark.parametrize(
    ("wrong", "right", "line", "says"),
    [
        ("ports: 12", "ports: 65", 5, "sites[0].sheds[0].chargers[0].ports"),
        ("ports: 12", "prots: 12", 5, "unknown key"),
        ("id: c1", "id: C1", 5, "sites[0].sheds[0].chargers[0].id"),
        ("id: c1,", "id: cam-1,", 4, "'cam-1' is used twice"),
        ("c1#3", "c1#13", 4, "there is no port 'c1#13'"),
        ("[1, 1]", "[1, 1.5]", 9, "polygon[2][1]"),
        ("kind: bay", "kind: bya", 9, "zones[0].kind"),
    ],
)
def test_a_mistake_is_named_with_line_and_key(wrong, right, line, says):
    """The operator is led to the place."""
    told = problems(SMALL.replace(wrong, right))

    assert f"shedwatch.yaml:{line}:" in told
    assert says in told


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SMALL + SMALL.partition("\n")[2], "site id 'north' is used twice"),
        (SMALL + SMALL.partition("sheds:\n")[2], "shed id 'shed-1' is used twice in site 'north'"),
        (SMALL + SMALL.partition("zones:\n")[2], "zone id 'bay-3' is used twice in camera 'cam-1'"),
    ],
)
def test_an_id_that_is_used_twice_is_named_with_its_place(text, says):
    """Whatever it is the id of."""
    assert says in problems(text)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (SMALL.replace("id: north", "id: shedwatch-proof"), "the service's own"),
        (SMALL + "proof: {channels: [pager]}\n", "no such channel"),
        (SMALL + "proof: {at: noon}\n", "proof.at"),
    ],
)
def test_a_proof_needs_its_own_place_and_channels_that_exist(text, says):
    """Nothing real may be taken for a test, and no proof goes to nobody by a slip."""
    assert says in problems(text)


@pytest.mark.parametrize(
    ("gateways", "says"),
    [
        ("[{id: gw-1, members: [north/shed-9]}]", "nothing is configured at 'north/shed-9'"),
        ("[{id: gw-1, members: [north]}, {id: gw-1, members: [north]}]", "'gw-1' is taken"),
        ("[{id: gw-1, members: [north/shed-1/c1]}, {id: gw-2, members: [north]}]", "is behind gateway 'gw-1' already"),
        ("[{id: gw-1, members: []}]", "mqtt.gateways[0].members"),
    ],
)
def test_a_gateway_speaks_for_devices_that_exist_and_are_nobody_elses(gateways, says):
    """Its rights at the broker are made of it."""
    assert says in problems(f"{SMALL}mqtt: {{gateways: {gateways}}}\n")


def test_all_mistakes_are_told_at_once():
    """One run of `check` finds them all."""
    told = problems(SMALL.replace("ports: 12", "ports: 65") + "api: {port: 99999}\n")

    assert "chargers[0].ports" in told
    assert "api.port" in told


def test_broken_yaml_is_named_with_its_line():
    """A YAML mistake is no traceback."""
    assert "shedwatch.yaml:3: not YAML" in problems("sites:\n  - id: north\n   sheds: x\n")


def test_a_key_given_twice_is_refused():
    """YAML would silently take the last."""
    assert "shedwatch.yaml:10: sites: given twice" in problems(SMALL + "sites: []\n")


def test_the_environment_overrides_the_file():
    """Any key can be set from outside, a rule's too."""
    settings = read(SMALL, SHEDWATCH__API__PORT="8090", SHEDWATCH__ALERTS__RULES__SMOKE__ENABLED="false")

    assert settings.api.port == 8090
    assert settings.alerts.rules == {"smoke": {"enabled": False}}


def test_a_mistake_in_the_environment_names_the_variable():
    """Not a line of a file that is right."""
    assert "environment variable SHEDWATCH__API__PORT: api.port" in problems(SMALL, SHEDWATCH__API__PORT="many")


def test_a_rule_that_does_not_exist_is_named_with_its_line():
    """Rules are checked before the service starts."""
    assert "shedwatch.yaml:12: alerts.rules.over_temprature" in problems(
        SMALL + "alerts:\n  rules:\n    over_temprature: {high_c: 60}\n"
    )


def test_a_secret_is_never_repeated_in_a_message():
    """Messages end in logs and chats."""
    told = problems(SMALL + "mqtt: {url: 'http://user:hunter2@broker'}\n")

    assert "mqtt" in told
    assert "hunter2" not in told


def test_a_zone_has_the_name_that_people_gave_it_or_a_word_for_its_kind():
    """With its id where that says more than the kind."""
    zones = """            zones:
              - {id: corridor, kind: corridor, polygon: [[0, 0], [1, 0], [1, 1]]}
              - {id: corridor-2, kind: corridor, polygon: [[0, 0], [1, 0], [1, 1]]}
              - {id: gate, name: {zh: 东门, en: East gate}, kind: corridor, polygon: [[0, 0], [1, 0], [1, 1]]}
"""
    settings = read(SMALL.partition("            zones")[0] + zones)
    camera = settings.topology().find(DeviceRef("north", "shed-1", "cam-1"))
    assert camera is not None
    assert camera.areas == (
        Area("corridor", Name("通道", "corridor")),
        Area("corridor-2", Name("通道（corridor-2）", "corridor (corridor-2)")),
        Area("gate", Name("东门", "East gate")),
    )


def test_a_camera_without_zones_is_watched_as_a_whole():
    """Smoke and flame need no drawing of zones."""
    settings = read(SMALL.partition("            zones")[0])

    (zone,) = settings.zones()[DeviceRef("north", "shed-1", "cam-1")]
    assert zone.kind is ZoneKind.BAY


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated")
def test_what_a_configuration_names_must_be_there(tmp_path):
    """A missing file or an unknown address is told by `check`, not by a service that dies later."""
    file = tmp_path / "shedwatch.yaml"
    file.write_text(
        SMALL
        + "mqtt: {password_file: nowhere.txt}\n"
        + "alerts: {database: 'mysql://x'}\n"
        + "notify:\n  channels:\n    - {type: webhook, url: 'http://desk', secret_file: none}\n    - {type: apprise, url: 'what://ever'}\n"
    )
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})

    told = "\n".join(caught.value.problems)
    assert f"shedwatch.yaml:10: mqtt.password_file: there is no file {tmp_path}/nowhere.txt" in told
    assert "shedwatch.yaml:11: alerts.database" in told
    assert "shedwatch.yaml:14: notify.channels[0]" in told
    assert "shedwatch.yaml:15: notify.channels[1]" in told


@pytest.mark.parametrize(
    ("wrong", "line", "key"),
    [
        (SMALL.replace("- id: cam-1", "- id: cam-1\n            source: gopher://x"), 8, "cameras[0].source"),
        (SMALL + "mqtt: {url: 'http://broker'}\n", 10, "mqtt.url"),
    ],
)
def test_an_address_of_an_unknown_kind_is_named_with_its_line(wrong, line, key):
    """Cameras and brokers alike."""
    told = problems(wrong)

    assert f"shedwatch.yaml:{line}: " in told
    assert key in told


def test_the_brokers_password_and_certificates_come_from_files(tmp_path):
    """None of them needs to stand in the configuration."""
    (tmp_path / "p").write_text("pass word\n")
    text = SMALL + "mqtt: {url: 'mqtts://me@broker', password_file: p, ca_file: ca.pem}\n"
    mqtt = parse(text, {}, name="it", base=tmp_path).mqtt

    assert mqtt.full_url(mqtt.url) == f"mqtts://me:pass%20word@broker?ca={tmp_path}/ca.pem"


@pytest.mark.parametrize(
    ("store", "line", "says"),
    [
        ('url: "influxdb://db:8086/org"', 11, "store.url: organisation and bucket are missing"),
        ('url: "postgres://me:hidden@db"', 11, "store.url: no store begins with 'postgres'"),
        ("file: other.db", 11, "store.file: store.url names the embedded store's file already"),
        ('url: "victoria://vm"\n  token: hidden\n  token_file: token', 12, "store.token: give either"),
        ('url: "victoria://vm"\n  outbox_full: drop', 12, "store.outbox_full"),
    ],
)
def test_a_store_that_cannot_be_is_named_with_line_and_key(store, line, says):
    """And what may be a secret is never repeated."""
    told = problems(f"{SMALL}store:\n  {store}\n")

    assert f"shedwatch.yaml:{line}: {says}" in told
    assert "hidden" not in told


def test_beside_another_store_the_embedded_one_keeps_its_file():
    """In the configuration's folder; the token comes from the environment."""
    settings = read(SMALL + 'store: {url: "influxdb://db/o/b"}\n', SHEDWATCH__STORE__TOKEN="t")

    assert settings.store_path() == Path("/srv/shed/data/telemetry.db")
    assert settings.store.token == "t"


def test_a_token_file_that_is_missing_is_named(tmp_path):
    """Before the service starts."""
    file = tmp_path / "shedwatch.yaml"
    file.write_text(SMALL + 'store:\n  url: "victoria://vm"\n  token_file: nowhere\n')
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})

    assert "shedwatch.yaml:12: store.token_file" in str(caught.value)
