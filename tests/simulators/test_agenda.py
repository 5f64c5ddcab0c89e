"""What happens around the devices: each deed at its time, and what cannot be done here refused beforehand."""

import httpx2 as httpx
import pytest

from ingest.model import DeviceRef
from shedwatch.clock import ManualClock
from simulators.agenda import Means, agenda_of
from simulators.api_client import ApiClient
from simulators.receiver import Receiver
from simulators.scenario import parse
from simulators.yaml_reader import ScenarioError

SITES = """
name: small
duration_s: 300
sites: [{id: a, sheds: [{id: s, chargers: [{id: c1, ports: 4}], extinguishers: [{id: ext-1}]}]}]
"""
RESTART = "faults: [{kind: broker_restart, at_s: 20}, {kind: broker_restart, at_s: 50, until_s: 80}]"
CHANNEL = "faults: [{kind: channel_down, channel: guards, at_s: 10, until_s: 60}]"
CUT = "people: [{does: cut, device: a/s/c1, port: 3, at_s: 30}]"
PATROL = "people: [{does: patrol, device: a/s/ext-1, finds: missing, at_s: 40, note: gone}]"


class Stagehand:
    """Notes what is asked of it."""

    def __init__(self, keeps_sessions=True):
        self.keeps_sessions = keeps_sessions
        self.did = []

    async def stop_broker(self):
        self.did.append("stop")

    async def start_broker(self):
        self.did.append("start")

    async def patrol(self, extinguisher, finds, note):
        self.did.append((extinguisher, finds, note))


def scenario(*parts):
    return parse("\n".join([SITES, *parts]), "small.yaml", 0)


async def did(agenda, hand, times):
    """What had been done by each of these times."""
    done = []
    for t_s in times:
        await agenda.act(t_s)
        done.append(list(hand.did))
    return done


async def test_broker_is_stopped_and_started_at_its_times():
    """A restart without an end takes a second."""
    hand = Stagehand()
    agenda = agenda_of(scenario(RESTART), Means(hand))
    assert agenda.due_s == 20.0
    assert [len(it) for it in await did(agenda, hand, [19.9, 20.0, 21.0, 50.0, 79.0, 80.0])] == [0, 1, 2, 3, 3, 4]
    assert hand.did == ["stop", "start", "stop", "start"]
    assert agenda.due_s == float("inf")


async def test_patrol_tells_what_it_found():
    """Extinguisher, finding, note."""
    hand = Stagehand()
    await agenda_of(scenario(PATROL), Means(hand)).act(40.0)
    assert hand.did == [(DeviceRef("a", "s", "ext-1"), "missing", "gone")]


async def test_channel_takes_no_notices_while_it_is_down():
    """It answers 503 and nothing is delivered; afterwards it takes them again."""
    notice = {"event_action": "trigger", "alert": {"id": "x"}}
    async with Receiver(ManualClock()) as receiver, httpx.AsyncClient(trust_env=False) as client:
        agenda, answers = agenda_of(scenario(CHANNEL), Means(receiver=receiver)), []
        for t_s in (0.0, 10.0, 60.0):
            await agenda.act(t_s)
            answers.append((await client.post(f"{receiver.url}/guards", json=notice)).status_code)
    assert answers == [204, 503, 204]
    assert len(receiver.deliveries) == 2


@pytest.mark.parametrize(
    ("part", "means", "complaint"),
    [
        (RESTART, Means(), "this broker is not ours to restart; run the scenario without --mqtt"),
        (RESTART, Means(Stagehand(keeps_sessions=False)), "install mosquitto"),
        (CHANNEL, Means(), "nobody listens for notices here; judge the scenario with --expect"),
        (CUT, Means(Stagehand()), "a cut is ordered by the API; judge the scenario with --expect"),
        (PATROL, Means(api=ApiClient("http://service")), "register of extinguishers is not ours to write"),
    ],
)
def test_what_cannot_be_done_here_is_refused_before_anything_runs(part, means, complaint):
    """A rehearsal that silently left it out would judge something else."""
    with pytest.raises(ScenarioError, match=complaint):
        agenda_of(scenario(part), means)
