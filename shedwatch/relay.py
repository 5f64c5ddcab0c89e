"""What the parts of the service tell each other over the bus when they run as processes of their own (`--only`).

Topics, all QoS 1 below `{prefix}/service/{instance}/`: `observation` (vision → alerts), `health` (any part → alerts),
`attend` (alerts → vision), `order`, `cut`, `proof` (api → alerts) and `answer`, `cut-answer`, `proof-answer` (alerts → api).
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from typing import Generic, Literal, TypeVar

import msgspec
import structlog

from alerts.cutoff.model import CutDesk, CutError, CutOrder, CutUnavailableError
from alerts.cutoff.remote import CutAnswer
from alerts.desk import AlarmDesk, DeskError, DeskUnavailableError, Order
from alerts.ledger_desk import Answer
from alerts.proof.model import ProofDesk, ProofOrder
from alerts.proof.remote import ProofAnswer, answer_of
from ingest.broker import Broker
from ingest.model import DeviceRef
from vision.model import Observation

log = structlog.get_logger(__name__)

ANSWER_S = 5.0
NO_ANSWER = f"the process that keeps the alarms did not answer within {ANSWER_S:g} s"
BATCH = 100

T = TypeVar("T")


class PartHealth(msgspec.Struct, frozen=True):
    """How a part of another process does."""

    name: str
    state: Literal["ok", "degraded", "down"]
    detail: str


class SentOrder(msgspec.Struct, frozen=True):
    """An order on its way, and the id its answer is known by."""

    id: str
    order: Order


class SentAnswer(msgspec.Struct, frozen=True):
    """The answer to the order with this id."""

    id: str
    answer: Answer


class Attention(msgspec.Struct, frozen=True):
    """A camera that is to be watched more closely."""

    camera: DeviceRef
    until_ms: int


class SentCut(msgspec.Struct, frozen=True):
    """A cut that is ordered, and the id its answer is known by."""

    id: str
    order: CutOrder


class SentCutAnswer(msgspec.Struct, frozen=True):
    """The answer to the cut with this id."""

    id: str
    answer: CutAnswer


class SentProof(msgspec.Struct, frozen=True):
    """A proof that is ordered, or the question how it stands, and the id its answer is known by."""

    id: str
    order: ProofOrder | None


class SentProofAnswer(msgspec.Struct, frozen=True):
    """The answer to the proof with this id."""

    id: str
    answer: ProofAnswer


class _Questions(Generic[T]):
    """What was asked of another process and is not answered yet."""

    def __init__(self) -> None:
        self._waiting: dict[str, asyncio.Future[T]] = {}

    async def ask(self, send: Callable[[str], None]) -> T | None:
        """Send a question under a number of its own; None where no answer comes in time."""
        number = secrets.token_hex(8)
        self._waiting[number] = answered = asyncio.get_running_loop().create_future()
        send(number)
        try:
            async with asyncio.timeout(ANSWER_S):
                answer: T = await answered
                return answer
        except TimeoutError:
            return None
        finally:
            del self._waiting[number]

    def answered(self, number: str, answer: T) -> None:
        """An answer has come; one that nobody waits for any more is left."""
        waiting = self._waiting.get(number)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)


class Relay:
    """One process's end of it. Each `serve_*` says what this process takes; `run` and the broker's `run` must run."""

    def __init__(self, broker: Broker, base: str) -> None:
        self._broker = broker
        self._base = base
        self._orders = _Questions[Answer]()
        self._cuts = _Questions[CutAnswer]()
        self._proofs = _Questions[ProofAnswer]()
        self._takers: dict[str, Callable[[bytes], Awaitable[None]]] = {
            "answer": self._take_answer,
            "cut-answer": self._take_cut_answer,
            "proof-answer": self._take_proof_answer,
        }

    @staticmethod
    def base(prefix: str, instance: str) -> str:
        """The topic all of it is below."""
        return f"{prefix}/service/{instance}"

    async def run(self) -> None:
        """Take messages until cancelled; one that is not understood is said and left."""
        while True:
            for message in await self._broker.inbox.take(BATCH):
                take = self._takers.get(message.topic.removeprefix(f"{self._base}/"))
                try:
                    if take is not None:
                        await take(message.payload)
                except (msgspec.DecodeError, DeskError) as error:
                    log.warning("message between parts refused", topic=message.topic, why=str(error))
                message.ack()

    def _send(self, what: str, value: object) -> None:
        self._broker.publish(f"{self._base}/{what}", msgspec.json.encode(value), qos=1)

    # vision → alerts

    async def send_observations(self, observations: list[Observation]) -> None:
        """Hand observations on."""
        self._send("observation", observations)

    def serve_observations(self, take: Callable[[list[Observation]], Awaitable[None]]) -> None:
        """Take observations of other processes."""
        decoder = msgspec.json.Decoder(list[Observation])

        async def taken(payload: bytes) -> None:
            await take(decoder.decode(payload))

        self._takers["observation"] = taken

    # alerts → vision

    def send_attention(self, camera: DeviceRef, until_ms: int) -> None:
        """Have a camera of another process watched more closely."""
        self._send("attend", Attention(camera, until_ms))

    def serve_attention(self, attend: Callable[[DeviceRef, int], None]) -> None:
        """Watch cameras more closely that another process names."""
        decoder = msgspec.json.Decoder(Attention)

        async def taken(payload: bytes) -> None:
            wanted = decoder.decode(payload)
            attend(wanted.camera, wanted.until_ms)

        self._takers["attend"] = taken

    # any part → alerts

    def send_health(self, name: str, state: Literal["ok", "degraded", "down"], detail: str) -> None:
        """Say how a part of this process does."""
        self._send("health", PartHealth(name, state, detail))

    def serve_health(self, take: Callable[[str, Literal["ok", "degraded", "down"], str], None]) -> None:
        """Hear how the parts of other processes do."""
        decoder = msgspec.json.Decoder(PartHealth)

        async def taken(payload: bytes) -> None:
            health = decoder.decode(payload)
            take(health.name, health.state, health.detail)

        self._takers["health"] = taken

    # api → alerts

    async def order(self, order: Order) -> Answer:
        """Have an order carried out by the process that keeps the alarms."""
        answer = await self._orders.ask(lambda number: self._send("order", SentOrder(number, order)))
        return answer or Answer.refusal(DeskUnavailableError(NO_ANSWER))

    async def _take_answer(self, payload: bytes) -> None:
        sent = msgspec.json.decode(payload, type=SentAnswer)
        self._orders.answered(sent.id, sent.answer)

    def serve_orders(self, desk: AlarmDesk) -> None:
        """Carry out the orders of other processes."""
        decoder = msgspec.json.Decoder(SentOrder)

        async def taken(payload: bytes) -> None:
            sent = decoder.decode(payload)
            try:
                answer = Answer(await desk.order(sent.order))
            except DeskError as error:
                answer = Answer.refusal(error)
            self._send("answer", SentAnswer(sent.id, answer))

        self._takers["order"] = taken

    async def cut(self, order: CutOrder) -> CutAnswer:
        """Have power cut by the process that keeps the alarms."""
        answer = await self._cuts.ask(lambda number: self._send("cut", SentCut(number, order)))
        return answer or CutAnswer.refusal(CutUnavailableError(NO_ANSWER))

    async def _take_cut_answer(self, payload: bytes) -> None:
        sent = msgspec.json.decode(payload, type=SentCutAnswer)
        self._cuts.answered(sent.id, sent.answer)

    def serve_cuts(self, desk: CutDesk) -> None:
        """Carry out the cuts that other processes order."""
        decoder = msgspec.json.Decoder(SentCut)

        async def taken(payload: bytes) -> None:
            sent = decoder.decode(payload)
            try:
                answer = CutAnswer(await desk.cut(sent.order))
            except CutError as error:
                answer = CutAnswer.refusal(error)
            self._send("cut-answer", SentCutAnswer(sent.id, answer))

        self._takers["cut"] = taken

    async def prove(self, order: ProofOrder | None) -> ProofAnswer:
        """Have the process that keeps the alarms prove them, or say how it stands."""
        answer = await self._proofs.ask(lambda number: self._send("proof", SentProof(number, order)))
        return answer or ProofAnswer(None, "", NO_ANSWER)

    async def _take_proof_answer(self, payload: bytes) -> None:
        sent = msgspec.json.decode(payload, type=SentProofAnswer)
        self._proofs.answered(sent.id, sent.answer)

    def serve_proofs(self, desk: ProofDesk) -> None:
        """Carry out the proofs that other processes order."""
        decoder = msgspec.json.Decoder(SentProof)

        async def taken(payload: bytes) -> None:
            sent = decoder.decode(payload)
            self._send("proof-answer", SentProofAnswer(sent.id, await answer_of(desk, sent.order)))

        self._takers["proof"] = taken
