"""What the parts of the service tell each other: orders and cuts come back answered, attention arrives, silence is said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from msgspec.structs import replace

from alerts.cutoff.model import CutOrder, CutUnavailableError, RefusedCutError, UnknownPortError
from alerts.proof.model import ProofError, ProofOrder, ProofUnavailableError, RefusedProofError
from alerts.proof.remote import RemoteProofDesk
from ingest.broker import Broker
from ingest.inbox import Inbound, Inbox
from ingest.model import DeviceRef
from shedwatch import relay as relay_module
from shedwatch.relay import Relay
from tests.api.fakes import FakeCuts, FakeProofs

ORDER = CutOrder("cuiping-beili", "shed-1", "c1", 3, "wang", "smoke")


class Bus:
    """A broker that hands every message to the relays of both processes."""

    def __init__(self) -> None:
        self.inboxes = (Inbox(), Inbox())

    def end(self, number: int) -> Broker:
        bus = self

        class End:
            inbox = bus.inboxes[number]

            def publish(self, topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> bool:
                for inbox in bus.inboxes:
                    inbox.put(Inbound(topic, payload, len(payload), None, False, False, lambda: None))
                return True

        return cast("Broker", End())


@pytest.fixture
async def ends() -> AsyncIterator[tuple[Relay, Relay]]:
    """The API's process and that of the alarms."""
    bus = Bus()
    pair = (Relay(bus.end(0), "sheds/service/x"), Relay(bus.end(1), "sheds/service/x"))
    running = [asyncio.create_task(one.run()) for one in pair]
    yield pair
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def test_a_cut_is_carried_out_by_the_process_that_keeps_the_alarms(ends: tuple[Relay, Relay]) -> None:
    """And its beginning comes back."""
    api, alarms = ends
    cuts = FakeCuts()
    alarms.serve_cuts(cuts)
    begun = (await api.cut(ORDER)).result()
    assert (begun.port, begun.who) == (3, "wang")
    assert cuts.cuts == [begun]


@pytest.mark.parametrize("error", [UnknownPortError("no such port"), RefusedCutError("a person must")])
async def test_a_refusal_comes_back_as_what_it_is(ends: tuple[Relay, Relay], error: Any) -> None:
    """With its words."""
    api, alarms = ends
    cuts = FakeCuts()
    cuts.error = error
    alarms.serve_cuts(cuts)
    with pytest.raises(type(error), match=str(error)):
        (await api.cut(replace(ORDER, port=64))).result()


async def test_no_answer_is_said(ends: tuple[Relay, Relay], monkeypatch: pytest.MonkeyPatch) -> None:
    """So that somebody walks to the breaker."""
    monkeypatch.setattr(relay_module, "ANSWER_S", 0.05)
    with pytest.raises(CutUnavailableError, match="did not answer"):
        (await ends[0].cut(ORDER)).result()


async def test_attention_reaches_the_process_that_sees(ends: tuple[Relay, Relay]) -> None:
    """The camera, and until when."""
    alarms, vision = ends
    wanted: list[tuple[DeviceRef, int]] = []
    vision.serve_attention(lambda camera, until_ms: wanted.append((camera, until_ms)))
    camera = DeviceRef("cuiping-beili", "shed-1", "cam-1")
    alarms.send_attention(camera, 7)
    while not wanted:
        await asyncio.sleep(0.01)
    assert wanted == [(camera, 7)]


async def test_a_proof_is_made_by_the_process_that_keeps_the_alarms(
    ends: tuple[Relay, Relay], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order, question and refusal come back answered; silence is said."""
    api, alarms = ends
    proofs, desk = FakeProofs(), RemoteProofDesk(api.prove)
    alarms.serve_proofs(proofs)
    assert not (await desk.figures()).running
    await desk.prove(ProofOrder("wang"))
    assert proofs.orders == [ProofOrder("wang")]
    for error in (RefusedProofError("a proof is under way"), ProofUnavailableError("the service is starting")):
        proofs.error = error
        with pytest.raises(ProofError, match=str(error)) as raised:
            await desk.prove(ProofOrder("li"))
        assert type(raised.value) is type(error)
    monkeypatch.setattr(relay_module, "ANSWER_S", 0.05)
    alarms._takers.pop("proof")
    with pytest.raises(ProofUnavailableError):
        await desk.figures()
