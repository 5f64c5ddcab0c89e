"""Cuts that are expected: reached, late, not reached, not lasting, and those nobody asked for."""

import httpx2 as httpx
import msgspec
import pytest

from ingest.model import DeviceRef
from simulators.api_client import ApiClient, ExpectError
from simulators.cuts import CutExpectation, CutLine, SeenCut, decide_cuts
from simulators.expect import judge
from simulators.scenario import parse

START_MS = 1_795_400_000_000
C1 = DeviceRef("a", "s", "c1")
SCENARIO = """
name: small
duration_s: 300
sites: [{id: a, sheds: [{id: s, chargers: [{id: c1, ports: 4}]}]}]
people: [{does: cut, device: a/s/c1, port: 3, at_s: 100}]
expect: [{cut: verified, device: a/s/c1, port: 3, after_s: 100, within_s: 12}]
"""


def expected(state, within_s=30.0, **changes):
    return CutExpectation(state, C1, **{"port": 3, "after_s": 100.0, "within_s": within_s, **changes})


def cut(*states, cut_id="k1", at_s=100.0, port=3, automatic=False):
    """A cut whose log has these (state, seconds) after the request."""
    lines = [("requested", at_s), *states]
    log = [CutLine(START_MS + round(t_s * 1000), state, f"is {state}") for state, t_s in lines]
    return SeenCut(cut_id, "a", "s", "c1", log[-1].state, log[0].ts, port, automatic, "smoke", log)


def judged(cuts, *expectations):
    return decide_cuts(expectations, cuts, START_MS)


def test_cut_is_timed_by_its_own_log():
    """From the order to the line in which the state was reached; one cut can meet several expectations."""
    seen = cut(("accepted", 100.2), ("escalated", 112.0), ("verified", 116.5))
    outcomes, unexpected = judged([seen], expected("escalated"), expected("verified"))
    assert [(it.ok, it.delay_s, it.cut_id) for it in outcomes] == [(True, 12.0, "k1"), (True, 16.5, "k1")]
    assert outcomes[0].expected == "cut escalated a/s/c1#3"
    assert not unexpected


@pytest.mark.parametrize(
    ("cuts", "reason"),
    [
        ([], "no such cut"),
        ([cut(("verified", 102.0), port=4)], "no such cut"),
        ([cut(("verified", 92.0), at_s=90.0)], "no such cut"),
        ([cut(("verified", 102.0), automatic=True)], "no such cut"),
        ([cut(("accepted", 101.0))], "it is accepted: is accepted"),
        ([cut(("verified", 135.0))], "5.0 s late"),
        ([cut(("verified", 102.0), ("failed", 160.0))], "it did not last: is failed"),
    ],
)
def test_what_is_missing_is_said(cuts, reason):
    """No cut, one of another port, too early, by another hand, not finished, late, or power that came back."""
    (outcome,), _ = judged(cuts, expected("verified", by="people"))
    assert (outcome.ok, outcome.reason) == (False, reason)


def test_automatic_cut_that_nobody_expects_is_a_false_one():
    """Power is not cut for nothing; what people order is their own affair."""
    by_policy, by_people = cut(cut_id="k2", port=4, automatic=True), cut(cut_id="k3", port=1)
    _, unexpected = judged([cut(("verified", 102.0)), by_policy, by_people], expected("verified"))
    assert [(it.alert, it.alert_id, it.at_s, it.message) for it in unexpected] == [
        ("cut a/s/c1#4", "k2", 100.0, "smoke")
    ]


class Deployment:
    """Its API: no alarms, these cuts, and whatever is posted."""

    def __init__(self, *cuts, status=202):
        self.cuts = list(cuts)
        self.posted = []
        self._status = status

    def answer(self, request):
        if request.method == "POST":
            self.posted.append((request.url.path, msgspec.json.decode(request.content)))
            return httpx.Response(self._status, json={})
        if request.url.path.endswith("/cuts"):
            return httpx.Response(200, content=msgspec.json.encode({"items": self.cuts}))
        return httpx.Response(200, json={"items": [], "next": None})

    def client(self):
        return ApiClient("http://service", transport=httpx.MockTransport(self.answer))


async def test_judge_reads_cuts_by_the_public_api():
    """Those within the scenario's time count."""
    scenario = parse(SCENARIO, "small.yaml", START_MS)
    later = cut(("verified", 401.0), cut_id="k9", at_s=400.0, port=1, automatic=True)
    async with Deployment(cut(("accepted", 100.1), ("verified", 104.0)), later).client() as api:
        verdict = await judge(scenario, api, START_MS)
    assert verdict.met
    assert [it.delay_s for it in verdict.outcomes] == [4.0]


async def test_judge_fails_where_the_power_stayed_on():
    """A verdict counts cuts as it counts alarms."""
    async with Deployment(cut(("accepted", 100.1))).client() as api:
        assert not (await judge(parse(SCENARIO, "small.yaml", START_MS), api, START_MS)).met


async def test_operator_orders_by_the_public_api():
    """With the note that will stand in the cut's log; a refusal is told."""
    willing, unwilling = Deployment(), Deployment(status=403)
    async with willing.client() as api:
        await api.cut(C1, 3, "a smell")
    assert willing.posted == [("/api/v1/chargers/a/s/c1/ports/3/cut", {"note": "a smell"})]
    async with unwilling.client() as api:
        with pytest.raises(ExpectError, match="answers 403"):
            await api.cut(C1, 3, "")
