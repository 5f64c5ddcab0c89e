"""The judge: met, missed, late, wrong and unexpected alarms, and the reports about them."""

import json
from xml.etree import ElementTree as ET

import httpx2 as httpx
import pytest

from ingest.model import DeviceRef
from shedwatch.clock import ManualClock
from simulators.api_client import ApiClient, ExpectError, LogLine, SeenAlert, occurrences
from simulators.expect import decide, judge
from simulators.expectations import Expectation, Place
from simulators.receiver import Delivery, Receiver
from simulators.reports import table, write_json, write_junit
from simulators.scenario import parse

START_MS = 1_795_400_000_000
CAMERA = DeviceRef("a", "s", "cam-1")
SMOKE = Expectation(Place("smoke", CAMERA, zone="bay-1"), 100.0, 30.0, severity="critical", evidence=True)
COVERED = Expectation(
    Place("camera_covered", CAMERA),
    200.0,
    30.0,
    ends_s=260.0,
    cleared_within_s=20.0,
    also_allowed=(Place("camera_dark", CAMERA),),
)
READABLE = frozenset({("a1", "1.jpg")})


def alert(kind, at_s, alert_id="a1", **changes):
    values = {
        "severity": "critical",
        "site": "a",
        "shed": "s",
        "device": "cam-1",
        "raised_ts": START_MS + int(at_s * 1000),
        **changes,
    }
    return SeenAlert(id=alert_id, kind=kind, **values)


def smoke(at_s=110.0, **changes):
    return alert("smoke", at_s, **{"zone": "bay-1", "evidence": ["1.jpg"], **changes})


def covered(**changes):
    return alert("camera_covered", 215.0, "a2", **{"severity": "high", "cleared_ts": START_MS + 272_000, **changes})


def verdict(alerts, expectations=(SMOKE, COVERED), readable=READABLE):
    return decide("example", expectations, alerts, START_MS, readable)


def test_all_met_and_nothing_else_is_a_pass():
    """Each expectation has its alarm in time, and there is no other: with the delays told."""
    told = verdict([smoke(), covered()])
    assert told.met
    assert [outcome.delay_s for outcome in told.outcomes] == [10.0, 15.0]
    assert told.outcomes[1].cleared_delay_s == 12.0


def test_suppressed_alarm_fails():
    """One alarm that never came is enough."""
    told = verdict([covered()])
    assert not told.met
    assert told.outcomes[0].reason == "no such alarm"


def test_extra_alarm_fails():
    """Everything expected came, and one thing more: not passed."""
    told = verdict([smoke(), covered(), alert("flame", 120.0, "a3")])
    assert not told.met
    assert all(outcome.ok for outcome in told.outcomes)
    assert [it.alert_id for it in told.unexpected] == ["a3"]


def test_alarm_before_its_hazard_is_a_false_one():
    """Smoke told before there was any is unexpected, and the expectation is not met by it."""
    told = verdict([smoke(80.0), covered()])
    assert told.outcomes[0].reason == "no such alarm"
    assert len(told.unexpected) == 1


def test_same_alarm_twice_is_chatter():
    """A second alarm of the same place is not covered by the first's expectation."""
    told = verdict([smoke(), smoke(125.0, alert_id="a9"), covered()])
    assert [it.alert_id for it in told.unexpected] == ["a9"]


def test_allowed_relative_neither_helps_nor_harms():
    """What is allowed beside an expectation may come after its hazard began, not before."""
    dark = alert("camera_dark", 220.0, "a4")
    assert verdict([smoke(), covered(), dark]).met
    assert not verdict([smoke(), dark]).met
    assert not verdict([smoke(), covered(), alert("camera_dark", 150.0, "a4")]).met


@pytest.mark.parametrize(
    ("alerts", "reason"),
    [
        ([smoke(140.0), covered()], "10.0 s late"),
        ([smoke(severity="high"), covered()], "severity high instead of critical"),
        ([smoke(evidence=[]), covered()], "no picture"),
        ([smoke(evidence=["2.jpg"]), covered()], "no picture that can be read"),
        ([smoke(), covered(cleared_ts=None)], "not cleared"),
        ([smoke(), covered(cleared_ts=START_MS + 290_000)], "cleared 10.0 s late"),
        ([smoke(zone="bay-2"), covered()], "no such alarm"),
        ([smoke(device="cam-2"), covered()], "no such alarm"),
    ],
)
def test_shortcomings_are_named(alerts, reason):
    """An alarm that is late, mild, without picture, elsewhere, or stays: each fails, and says why."""
    told = verdict(alerts)
    assert not told.met
    assert reason in {outcome.reason for outcome in told.outcomes}


def test_port_none_means_any_port():
    """An expectation that names no port takes the alarm with one; one that names another does not."""
    bay = smoke(port=3)
    assert verdict([bay], [SMOKE]).met
    other = Expectation(Place("smoke", CAMERA, port=4), 100.0, 30.0)
    assert not verdict([bay], [other]).met


def test_reports_say_what_the_verdict_says(tmp_path):
    """Table, JSON and JUnit tell the same: what failed, why, and what nobody expected."""
    told = verdict([smoke(140.0), covered(), alert("flame", 120.0, "a3")])
    write_json(told, tmp_path / "out.json")
    write_junit(told, tmp_path / "out.xml")
    text = table(told)
    data = json.loads((tmp_path / "out.json").read_text())
    suite = ET.parse(tmp_path / "out.xml").getroot()

    assert "FAILED: 10.0 s late" in text
    assert "UNEXPECTED at 120.0 s: flame a/s/cam-1" in text
    assert text.endswith("example: 1 of 2 expectations met, 1 unexpected alarms")
    assert (data["met"], data["outcomes"][0]["reason"], data["unexpected"][0]["alert_id"]) == (
        False,
        "10.0 s late",
        "a3",
    )
    assert (suite.attrib["tests"], suite.attrib["failures"]) == ("3", "2")
    assert len(suite.findall("testcase/failure")) == 2


SCENARIO = """
name: example
duration_s: 300
sites: [{id: a, sheds: [{id: s, cameras: [{id: cam-1, zones: [{id: bay-1, kind: bay, polygon: []}]}]}]}]
expect: [{kind: smoke, device: a/s/cam-1, zone: bay-1, after_s: 100, within_s: 30, evidence: true}]
"""


def service(alerts, *, status=200, picture_type="image/jpeg"):
    def answer(request):
        if "evidence" in request.url.path:
            return httpx.Response(200, content=b"\xff\xd8", headers={"content-type": picture_type})
        if request.url.path.endswith("/log"):
            alert_id = request.url.path.split("/")[-2]
            return httpx.Response(200, json={"items": log_of(next(it for it in alerts if it["id"] == alert_id))})
        offset = int(request.url.params.get("cursor", "0"))
        page = alerts[offset : offset + 1]
        following = str(offset + 1) if offset + 1 < len(alerts) else None
        return httpx.Response(status, json={"items": page, "next": following}, headers={"x-seen": str(request.url)})

    return ApiClient("http://service", "secret", httpx.MockTransport(answer))


def log_of(alert):
    """The log of an alarm that is told at once and stays."""
    return [{"at_ms": alert["raised_ts"], "to_state": "unacknowledged"}]


def wire_alert(kind, at_s, alert_id, **more):
    return {
        "id": alert_id,
        "kind": kind,
        "severity": "critical",
        "site": "a",
        "shed": "s",
        "device": "cam-1",
        "port": 1,
        "zone": "bay-1",
        "state": "unacknowledged",
        "active": True,
        "raised_ts": START_MS + int(at_s * 1000),
        "message": {"zh": "烟", "en": "smoke"},
        "evidence": ["1.jpg"],
        **more,
    }


async def test_judge_reads_all_pages_of_the_api():
    """Alarms are taken page by page, those after the scenario's end and before its start left out."""
    alerts = [
        wire_alert("charger_offline", 301.0, "late"),
        wire_alert("flame", 120.0, "f"),
        wire_alert("smoke", 110.0, "s"),
        wire_alert("smoke", -50.0, "old"),
    ]
    async with service(alerts) as api:
        told = await judge(parse(SCENARIO, "example.yaml", START_MS), api, START_MS)
    assert [outcome.ok for outcome in told.outcomes] == [True]
    assert [it.alert_id for it in told.unexpected] == ["f"]


async def test_evidence_must_be_a_picture():
    """A page of text at the evidence's address is no evidence."""
    async with service([wire_alert("smoke", 110.0, "s")], picture_type="text/html") as api:
        told = await judge(parse(SCENARIO, "example.yaml", START_MS), api, START_MS)
    assert told.outcomes[0].reason == "no picture that can be read"


async def test_refused_token_is_told_before_anything_runs():
    """The judge says what the API answered instead of judging nothing."""
    async with service([], status=401) as api:
        with pytest.raises(ExpectError, match="answers 401"):
            await api.check()


def line(at_s, to_state):
    return LogLine(START_MS + int(at_s * 1000), to_state)


@pytest.mark.parametrize(
    ("log", "alarms"),
    [
        ([line(10, "unacknowledged")], [(10.0, None)]),
        ([line(10, "unacknowledged"), line(12, "acknowledged"), line(30, "normal")], [(10.0, 30.0)]),
        (
            [line(10, "unacknowledged"), line(30, "returned_unacknowledged"), line(50, "unacknowledged")],
            [(10.0, 30.0), (50.0, None)],
        ),
        ([line(10, "suppressed"), line(30, "normal")], []),
        ([line(10, "suppressed"), line(25, "unacknowledged"), line(30, "normal")], [(25.0, 30.0)]),
    ],
)
def test_alarms_are_counted_as_people_are_told_them(log, alarms):
    """What comes back within one alert is a second alarm; what is suppressed is none until it is announced."""
    seen = [
        ((it.raised_ts - START_MS) / 1000, it.cleared_ts and (it.cleared_ts - START_MS) / 1000)
        for it in occurrences(smoke(10.0), log)
    ]
    assert seen == alarms


TOLD = Expectation(Place("smoke", CAMERA), 100.0, 30.0, delivered_to=("duty-room",), delivered_within_s=5.0)


@pytest.mark.parametrize(
    ("deliveries", "reason"),
    [
        ([("duty-room", "a1", "trigger", 112.0)], ""),
        ([], "duty-room was not told"),
        ([("guards", "a1", "trigger", 112.0)], "duty-room was not told"),
        ([("duty-room", "a2", "trigger", 112.0)], "duty-room was not told"),
        ([("duty-room", "a1", "resolve", 112.0)], "duty-room was not told"),
        ([("duty-room", "a1", "trigger", 118.0)], "duty-room was told 3.0 s late"),
    ],
)
def test_people_must_have_been_told_in_time_and_by_the_channel_that_was_asked_for(deliveries, reason):
    """Another channel, another alarm, or its end, do not count."""
    came = [
        Delivery(channel, alert_id, event, START_MS + int(at_s * 1000)) for channel, alert_id, event, at_s in deliveries
    ]
    told = decide("example", [TOLD], [smoke()], START_MS, READABLE, came)
    assert told.outcomes[0].reason == reason
    assert told.met == (not reason)


async def test_receiver_takes_notices_by_channel_and_refuses_what_is_none():
    """The last part of the address is the channel's name; the time is the clock's."""
    clock = ManualClock(START_MS)
    async with Receiver(clock) as receiver, httpx.AsyncClient(trust_env=False) as client:
        body = {"version": 1, "event_action": "trigger", "alert": {"id": "a1"}, "images": []}
        assert (await client.post(f"{receiver.url}/duty-room", json=body)).status_code == 204
        assert (await client.post(f"{receiver.url}/duty-room", content=b"x")).status_code == 400
    assert receiver.deliveries == [Delivery("duty-room", "a1", "trigger", START_MS)]
