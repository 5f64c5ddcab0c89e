"""The `notify` section: what is right becomes channels, people and policies; what is wrong is named with line and key."""

from __future__ import annotations

from pathlib import Path

import httpx2
import pytest

from alerts.model import Severity
from alerts.notify.port import EventAction
from shedwatch.channels import make_channel, route_of
from shedwatch.clock import ManualClock
from shedwatch.configuration import ConfigurationError, parse
from shedwatch.heartbeat import Heartbeat
from shedwatch.people import siren_sheds
from shedwatch.settings import Settings

SITES = "sites: [{id: north, sheds: [{id: shed-1}, {id: shed-2}]}, {id: south, sheds: [{id: shed-1}]}]\n"
WHOLE = """\
notify:
  people:
    - {id: wang, name: 王强, mobile: "+8613800000000", email: wang@example.com, wecom: wangqiang}
    - {id: li, name: 李丽, mobile: "+8613900000000"}
  duties:
    - id: guard
      shifts:
        - {begin: 08:00, end: 20:00, people: [wang]}
        - {begin: "20:00", end: "08:00", people: [li]}
      holidays: [2026-10-01]
      overrides: [{begin: 2026-11-26T08:00:00+08:00, end: 2026-11-26T12:00:00+08:00, people: [li]}]
      fallback: [wang]
  channels:
    - {type: webhook, url: "https://desk.example.com/alarm"}
    - {type: wecom, token_file: secret}
    - {type: dingtalk, token_file: secret, secret_file: secret, min_severity: high}
    - {type: feishu, token_file: secret, app_id: cli_1, app_secret_file: secret}
    - {type: aliyun_sms, access_key_id: A, access_key_secret_file: secret, sign_name: 物业, template_code: SMS_1, to: [wang]}
    - {type: aliyun_voice, access_key_id: A, access_key_secret_file: secret, template_code: TTS_1}
    - {type: tencent_sms, secret_id: A, secret_key_file: secret, app_id: "1", sign_name: 物业, template_id: "2"}
    - {type: tencent_voice, secret_id: A, secret_key_file: secret, app_id: "1", template_id: "2"}
    - {type: email, host: smtp.example.com, sender: sheds@example.com, user: u, password_file: secret, to: [duty@example.com]}
  escalation:
    - match: north/shed-1
      min_severity: critical
      steps: [{after_s: 0, channels: [aliyun-voice], to: [guard]}, {after_s: 30, channels: [aliyun-voice, tencent-sms], to: [li]}]
    - steps: [{after_s: 60, channels: [wecom]}]
  siren: {sheds: [north/shed-2, south]}
  heartbeat: {url: "https://hc.example.com/ping", every_s: 30}
"""


@pytest.fixture
def base(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("s3cret\n")
    return tmp_path


def read(text: str, base: Path = Path("/srv/shed")) -> Settings:
    return parse(SITES + text, {}, name="shedwatch.yaml", base=base)


def problems(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        read(text)
    return "\n".join(caught.value.problems)


async def test_every_channel_of_the_documentation_can_be_made(base: Path) -> None:
    """From secrets in files."""
    settings = read(WHOLE, base)
    made = [make_channel(channel, settings.notify, ManualClock()) for channel in settings.notify.channels]
    assert [channel.name for channel in made] == [channel.name for channel in settings.notify.channels]
    for channel in made:
        await channel.close()


def test_calls_go_out_by_escalation_alone(base: Path) -> None:
    """A telephone that rings for every change would be switched off."""
    routes = {channel.name: route_of(channel) for channel in read(WHOLE, base).notify.channels}
    assert routes["aliyun-voice"].events == frozenset()
    assert routes["aliyun-sms"].events == {EventAction.TRIGGER}
    assert routes["wecom"].events == set(EventAction)
    assert routes["dingtalk"].min_severity is Severity.HIGH


def test_people_duties_and_policies_are_as_written(base: Path) -> None:
    """A time of day may stand without quotes, though YAML then reads a number."""
    notify = read(WHOLE, base).notify
    directory = notify.directory()
    at_ten = 1_795_658_400_000 - 86_400_000 * 2
    assert directory.on_call(("guard",), at_ten) == ("wang",)
    assert directory.on_call(("guard",), 1_795_658_400_000 - 86_400_000 * 0) in (("wang",), ("li",))
    first, second = notify.policies()
    assert (first.place, first.min_severity) == (("north", "shed-1"), Severity.CRITICAL)
    assert [step.after_s for step in first.steps] == [0, 30]
    assert second.place == ()


def test_sirens_stand_where_they_are_configured(base: Path) -> None:
    """A site, or a single shed."""
    settings = read(WHOLE, base)
    assert settings.notify.siren is not None
    assert siren_sheds(settings, settings.notify.siren) == [("north", "shed-2"), ("south", "shed-1")]


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{people: [{id: wang, name: W, mobile: 13800000000}]}", "mobile"),
        ("{people: [{id: a, name: A}, {id: a, name: B}]}", "id 'a' is used twice"),
        ("{escalation: [{steps: [{after_s: 0, channels: [sms]}]}]}", "no such channel"),
        (
            "{channels: [{type: webhook, url: 'http://x'}], escalation: [{steps: [{after_s: 0, channels: [webhook], to: [bob]}]}]}",
            "no such person or duty",
        ),
        ("{duties: [{id: d, shifts: [{begin: '08:00', end: '08:00', people: [bob]}]}]}", "no such person"),
        (
            "{people: [{id: a, name: A}], duties: [{id: d, shifts: [{begin: '08:00', end: '20:00', people: [a]}]}]}",
            "nobody is on duty on mon at 00:00; add a shift or a fallback",
        ),
        ("{duties: [{id: d, shifts: [{begin: 25:00, end: '08:00', people: [bob]}]}]}", "25:00 is no time of day"),
        ("{timezone: Asia/Nowhere}", "no time zone 'Asia/Nowhere'"),
        ("{channels: [{type: wecom}]}", "give either token or token_file"),
        ("{channels: [{type: feishu, token: t, app_id: c}]}", "belong together"),
        (
            "{channels: [{type: tencent_sms, secret_id: a, secret_key_file: f, app_id: '1', sign_name: s, template_id: '2', variables: ['{shed}']}]}",
            "is no text with",
        ),
        ("{heartbeat: {every_s: 60}}", "give either url or url_file"),
        (
            "{channels: [{type: webhook, url: 'http://x'}], escalation: [{steps: [{after_s: 60, channels: [webhook]}, {after_s: 0, channels: [webhook]}]}]}",
            "in the order of after_s",
        ),
    ],
)
def test_what_is_wrong_is_named(section: str, said: str) -> None:
    """With line and key, and what there is instead."""
    told = problems(f"notify: {section}\n")
    assert said in told
    assert told.startswith("shedwatch.yaml:2: notify")


async def test_a_heartbeat_is_given_only_while_alarms_would_work() -> None:
    """Outside, somebody waits for it; it must not come from a service that hears nothing."""
    clock, asked, ailment = ManualClock(), [], ["mqtt-main: no connection"]

    def answer(request: httpx2.Request) -> httpx2.Response:
        asked.append(str(request.url))
        return httpx2.Response(200 if len(asked) > 1 else 500)

    beat = Heartbeat("https://hc/ping", 60.0, lambda: ailment[0], clock, httpx2.MockTransport(answer))
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer)) as client:
        assert not await beat._call(client)
        assert (asked, beat.trouble) == ([], "not called: mqtt-main: no connection")
        ailment[0] = ""
        assert not await beat._call(client)
        assert beat.trouble == "answered 500"
        assert await beat._call(client)
    assert (beat.trouble, beat.last_ms) == ("", clock.now_ms())
