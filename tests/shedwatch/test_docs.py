"""The documentation is true: keys, defaults, examples, messages, routes, topics, commands and links are those of the code."""

from __future__ import annotations

import json
import re
import runpy
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import cv2
import numpy as np
import pytest
import typer
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from alerts.model import Text
from alerts.notify.apprise_channel import AppriseChannel
from alerts.notify.port import EventAction, Notice, Picture
from alerts.notify.siren import siren_topic
from alerts.notify.webhook import encode, sign
from api.app import create_app
from ingest.contract import (
    CAMERA_CHANNELS,
    CHARGER_CHANNELS,
    SENSOR_CHANNELS,
    alert_topic,
    heartbeat_topic,
    parse_topic,
    service_status_topic,
)
from shedwatch.cli import app
from shedwatch.configuration import ConfigurationError, parse
from shedwatch.relay import Relay
from shedwatch.settings import Settings
from shedwatch.site_settings import NameSettings
from tests.api.fakes import alert, house

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
}
CONFIGURATION = PAGES["docs/configuration.md"]
ROWS = dict(re.findall(r"^\| `([a-z_.\[\]]+)` \| (.+?) \| .*\|$", CONFIGURATION, re.MULTILINE))
EMPTY = "sites: [{id: cuiping-beili, sheds: [{id: shed-1}]}]\n"
MISTAKES = """\
sites:
  - id: cuiping-beili
    sheds:
      - id: shed-1
        chargers: [{id: c1, ports: 65}]
        cameras:
          - id: cam-1
            zones:
              - {id: bay-3, kind: bya, port: "c1#3", polygon: [[0, 0], [1, 0], [1, 1.5]]}
api: {prot: 8080}
"""
RIGHT = MISTAKES.replace("65", "12").replace("bya", "bay").replace("1.5", "1").replace("prot", "port")


def blocks(page: str, language: str) -> list[str]:
    """The code blocks of a language."""
    return re.findall(rf"^```{language}\n(.*?)^```", PAGES[page], re.DOTALL | re.MULTILINE)


def sections(annotation: Any) -> list[type[BaseModel]]:
    """The sections within a type; a display name is one value, whether it is written as one text or two."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [] if annotation is NameSettings else [annotation]
    return [section for part in get_args(annotation) for section in sections(part)]


def keys(model: type[BaseModel], before: str = "") -> Iterator[tuple[str, Any]]:
    """Every key of the configuration as the page writes it, with its default."""
    for name, info in model.model_fields.items():
        inner = sections(info.annotation)
        if inner != [info.annotation]:
            yield before + name, info.default
        for section in inner:
            yield from keys(section, f"{before}{name}{'[].' if get_origin(info.annotation) is list else '.'}")


def defaults() -> dict[str, set[str]]:
    """The defaults of every key in words; none where it depends on something else."""
    found: dict[str, set[str]] = defaultdict(set)
    for key, default in keys(Settings):
        found[key] |= set() if default is None else {words(default)}
    return found


def words(default: Any) -> str:
    """A default as the page writes it."""
    if default is PydanticUndefined:
        return "required"
    if isinstance(default, bool):
        return str(default).lower()
    if isinstance(default, float):
        return f"{default:g}"
    return "none" if default in ([], {}) else str(default)


# ---- the configuration


def test_every_key_is_on_the_page_and_no_other() -> None:
    """Nobody should have to read the code to configure the service."""
    assert sorted(ROWS) == sorted(defaults())


@pytest.mark.parametrize(("key", "known"), defaults().items())
def test_a_default_on_the_page_is_that_of_the_code(key: str, known: set[str]) -> None:
    """One that depends on something else is explained in words."""
    if len(known) == 1:
        assert ROWS[key].strip("`") in known


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "yaml") and "scenes" not in page])
def test_the_example_configurations_are_accepted(page: str, tmp_path: Path) -> None:
    """As they stand, each by itself."""
    for example in blocks(page, "yaml"):
        assert parse(example, {}, name=page, base=tmp_path).sites


def told(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, environ or {}, name="shedwatch.yaml", base=ROOT)
    return caught.value.problems


def test_the_messages_of_check_are_those_shown() -> None:
    """Word for word, each example by the mistake that leads to it."""
    shown = [block.splitlines() for block in blocks("docs/configuration.md", "text")]

    assert shown == [
        told(MISTAKES),
        told(RIGHT + "alerts:\n  rules:\n    over_temperature: {high: 60}\n"),
        told(RIGHT + "alerts:\n  rules:\n    over_temperature: {high_c: 90}\n"),
        told(
            RIGHT + "alerts:\n  overrides:\n    - match: cuiping-beili/shed-9\n      rules: {smoke: {enabled: false}}\n"
        ),
        told(RIGHT, {"SHEDWATCH__API__PORT": "many"}),
    ]


def test_the_environment_variables_shown_are_taken() -> None:
    """Each by itself, over a configuration with two sheds."""
    camera = "cameras: [{id: cam-1}]"
    text = f"sites: [{{id: north, sheds: [{{id: shed-1, {camera}}}, {{id: shed-2, {camera}}}]}}]\n"
    shown = re.findall(r"^\| `(SHEDWATCH__\w+)=(.*?)` \|", CONFIGURATION, re.MULTILINE)
    before = parse(text, {}, name="it", base=ROOT)

    assert len(shown) == 5
    for variable, value in shown:
        assert parse(text, {variable: value}, name="it", base=ROOT) != before


def test_every_relative_path_counts_from_the_files_folder(tmp_path: Path) -> None:
    """As the page says, wherever the service is started from."""
    text = (
        EMPTY.replace("shed-1", "shed-1, cameras: [{id: cam-1, source: clip.avi}]")
        + "mqtt: {password_file: p, ca_file: c, certificate_file: e, key_file: k}\nalerts: {database: 'sqlite+aiosqlite:///a.db'}\n"
    )
    text += "notify: {channels: [{type: webhook, url: 'http://desk', secret_file: s}, {type: apprise, url_file: u}]}\n"
    settings = parse(text, {}, name="it", base=tmp_path)
    mqtt, (webhook, apprise) = settings.mqtt, settings.notify.channels
    moved = [mqtt.password_file, mqtt.ca_file, mqtt.certificate_file, mqtt.key_file, webhook.secret_file]
    moved += [apprise.url_file, settings.data_dir, settings.store_path()]

    assert {file.parent for file in moved} == {tmp_path, tmp_path / "data"}
    assert settings.ledger_url() == f"sqlite+aiosqlite:///{tmp_path}/a.db"
    assert [camera.source for camera in settings.sources().values()] == [f"{tmp_path}/clip.avi"]
    assert "every relative path counts from the folder of the configuration file" in CONFIGURATION


def test_the_signature_is_verified_as_shown() -> None:
    """The receiver's ten lines agree with what the service sends, and with nothing else."""
    (_, source) = blocks("docs/configuration.md", "python")
    scope: dict[str, Any] = {}
    exec(source, scope)
    now, old = str(int(time.time() * 1000)), str(int(time.time() * 1000) - 600_000)

    def signed(timestamp: str, key: bytes) -> dict[str, str]:
        return {"X-Shedwatch-Timestamp": timestamp, "X-Shedwatch-Signature": f"sha256={sign(key, timestamp, b'{}')}"}

    assert len(source.splitlines()) <= 10
    assert scope["is_genuine"](signed(now, b"key"), b"{}", "key")
    assert not scope["is_genuine"](signed(now, b"key"), b"{ }", "key")
    assert not scope["is_genuine"](signed(now, b"other"), b"{}", "key")
    assert not scope["is_genuine"](signed(old, b"key"), b"{}", "key")
    assert not scope["is_genuine"]({}, b"{}", "key")


def test_the_body_of_a_notice_is_that_shown() -> None:
    """Key by key; of the alert a part is shown."""
    (block,) = blocks("docs/configuration.md", "json")
    shown = json.loads(block)
    picture = Picture("smoke.jpg", "image/jpeg", b"picture")
    notice = Notice("n", EventAction.TRIGGER, "d", 1, alert("a"), Text("烟", "smoke"), [picture])
    sent = json.loads(encode(notice))

    assert list(shown) == list(sent)
    assert list(shown["images"][0]) == list(sent["images"][0])
    assert list(shown["summary"]) == list(sent["summary"])
    assert shown["alert"].keys() <= sent["alert"].keys()


def test_zones_are_drawn_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lines put a corner that is shown as an example where the page says it is."""
    (source, _) = blocks("docs/configuration.md", "python")
    config, picture, out = tmp_path / "c.yaml", tmp_path / "in.png", tmp_path / "out.png"
    config.write_text(RIGHT.replace("[[0, 0], [1, 0], [1, 1]]", "[[0.25, 0.75], [0.5, 0.75], [0.5, 0.9]]"))
    cv2.imwrite(str(picture), np.zeros((720, 1280, 3), np.uint8))
    monkeypatch.setattr(sys, "argv", ["draw", str(config), "cam-1", str(picture), str(out)])
    exec(source, {})
    drawn = cv2.imread(str(out))

    assert drawn is not None
    assert drawn[540, 320].any()
    assert not drawn[540, 200].any()


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_the_apprise_urls_shown_are_known_to_apprise() -> None:
    """With any name in place of the capitals."""
    shown = re.findall(r"^\| .* \| `(\w+://[^`]*)` \|$", CONFIGURATION, re.MULTILINE)

    assert len(shown) == 5
    for url in shown:
        AppriseChannel("shown", re.sub(r"[A-Z_]{3,}", "0123456789abcdef", url))


# ---- the rules


def test_the_page_of_rules_is_what_its_tool_writes() -> None:
    """If not: `.venv/bin/python tools/write-rules-page`."""
    assert runpy.run_path(str(ROOT / "tools" / "write-rules-page"))["page"]() == PAGES["docs/rules.md"]


def test_every_setting_of_a_rule_has_its_reason() -> None:
    """A figure that nobody can explain is a figure that nobody dares to change."""
    rules = re.sub(r"^### .*?(?=^## |\Z)", "", PAGES["docs/rules.md"], flags=re.DOTALL | re.MULTILINE)

    assert re.findall(r"^\| `.* \| – \|$", rules, re.MULTILINE) == []


# ---- the interfaces


@pytest.mark.parametrize("page", PAGES)
def test_the_topics_named_exist(page: str) -> None:
    """Those of devices are read, those of the service are written."""
    own = {
        alert_topic("x", "x", "x"),
        siren_topic(("x", "x"), "sheds"),
        service_status_topic("x"),
        heartbeat_topic("x", "x"),
        f"{Relay.base('sheds', 'x')}/…",
    }
    for written in re.findall(r"(?<![\w/}.])sheds/[^\s`\"|]+/[^\s`\"|]+", PAGES[page]):
        topic = re.sub(r"\{\w+\}", "x", written)
        # Commands go to chargers, so that the service itself never takes one.
        if topic not in own and not topic.endswith("/command"):
            assert parse_topic(topic).channel


def test_every_topic_of_devices_is_on_the_makers_page() -> None:
    """A channel that is not written down is used by nobody."""
    for kind, channels in (("charger", CHARGER_CHANNELS), ("sensor", SENSOR_CHANNELS), ("camera", CAMERA_CHANNELS)):
        for channel in channels:
            assert f"`sheds/{{site}}/{{shed}}/{kind}/{{id}}/{channel}`" in PAGES["docs/topics.md"]


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, str], set[str]]:
    """Each method and path of the API, names of places taken out, with its query parameters."""
    home = house(tmp_path_factory.mktemp("house"))
    paths = create_app(home.deps).openapi()["paths"]
    home.tokens.close()
    return {
        (method.upper(), re.sub(r"\{\w+\}", "{}", path)): {each["name"] for each in operation.get("parameters", [])}
        for path, operations in paths.items()
        for method, operation in operations.items()
    }


def requests(page: str) -> Iterator[tuple[str, str, set[str]]]:
    """Method, path and query of each request a page names.

    Later ones of a row are short for its first: `/comment` puts another end to its path, `/alerts/{id}` leaves out the base.
    """
    for line in PAGES[page].splitlines():
        method, stem = "", ""
        for verb, written, query in re.findall(r"`(?:(GET|POST|DELETE) )?(/[\w./{}-]+)(?:\?([^`]*))?`", line):
            path = re.sub(r"\{\w+\}", "{}", written)
            if verb:
                method, stem = verb, path.rpartition("/")[0]
            elif path.count("/") == 1:
                path = stem + path
            else:
                path = f"/api/v1{path}"
            if method:
                yield method, path, set(re.findall(r"(\w+)=", query))


def test_the_requests_named_exist(routes: dict[tuple[str, str], set[str]]) -> None:
    """With the query parameters that are shown."""
    named = [request for page in PAGES for request in requests(page)]

    assert len(named) > 15
    for method, path, query in named:
        assert (method, path) in routes
        assert query <= routes[method, path]


def test_every_request_is_named_on_the_page_of_operation(routes: dict[tuple[str, str], set[str]]) -> None:
    """But for those of the page's own log-in."""
    named = {(method, path) for method, path, _ in requests("docs/operation.md")}

    assert {path for _, path in set(routes) - named} <= {"/login", "/logout", "/api/v1/me"}


# ---- the command line


def options(command: Any) -> Iterator[str]:
    """All options of a command and of those below it."""
    for parameter in command.params:
        yield from parameter.opts
    for inner in getattr(command, "commands", {}).values():
        yield from options(inner)


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_named_exist(page: str) -> None:
    """With the options that stand in the same line."""
    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for line in PAGES[page].splitlines():
        named = re.findall(r"(?<=[`/ ])shedwatch ([a-z][a-z-]*)", line) if "`" in line or ".venv/bin/" in line else []
        named += re.findall(r"^shedwatch ([a-z][a-z-]*)", line)
        assert set(named) <= set(commands), line
        if named:
            known = {option for name in named for option in options(commands[name])}
            assert set(re.findall(r"(?<![\w-])--[a-z]+", line)) <= known, line


def test_both_languages_of_the_readme_say_the_same_commands() -> None:
    """And the same configuration; only comments are translated."""
    for language in ("sh", "yaml"):
        chinese, english = (
            [re.sub(r"\s+# .*", "", block) for block in blocks(page, language)]
            for page in ("README.zh-CN.md", "README.md")
        )
        assert english
        assert chinese == english


# ---- links


def anchors(page: Path) -> set[str]:
    """What can be linked to within a page, named as GitHub does."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    """To a file of the checkout, and to a heading that is there."""
    missing = []
    for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", PAGES[page]):
        file, _, anchor = target.partition("#")
        there = (ROOT / page).parent / file if file else ROOT / page
        if "://" not in target and (not there.exists() or (anchor and anchor not in anchors(there))):
            missing.append(target)

    assert missing == []


PICTURES = sorted(
    {(ROOT / page).parent / target for page in PAGES for target in re.findall(r"!\[[^\]]*\]\((\S+)\)", PAGES[page])}
)


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.name)
def test_pictures_are_there(picture: Path) -> None:
    """And can be looked at."""
    assert picture.is_file()
    assert cv2.imread(str(picture)) is not None
