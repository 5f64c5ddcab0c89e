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
Q = TypeVar("Q")
A = TypeVar("A")
Take = Callable[[bytes], Awaitable[None]]


class PartHealth(msgspec.Struct, frozen=True):
    """How a part of another process does."""

    name: str
    state: Literal["ok", "degraded", "down"]
    detail: str


class Attention(msgspec.Struct, frozen=True):
    """A camera that is to be watched more closely."""

    camera: DeviceRef
    until_ms: int


class ProofQuestion(msgspec.Struct, frozen=True):
    """A proof that is ordered, or the question how it stands."""

    order: ProofOrder | None


class Sent(msgspec.Struct, Generic[T], frozen=True):
    """A question or its answer on its way, and the id they belong together by."""

    id: str
    value: T


class _Way(Generic[Q, A]):
    """One kind of question to another process: its topics, and who waits for an answer."""

    def __init__(self, what: str, answer: str, question_type: type[Q], answer_type: type[A], relay: Relay) -> None:
        self._what = what
        self._answer = answer
        self._relay = relay
        self._questions = msgspec.json.Decoder(Sent[question_type])  # type: ignore[valid-type]
        self._answers = msgspec.json.Decoder(Sent[answer_type])  # type: ignore[valid-type]
        self._waiting: dict[str, asyncio.Future[A]] = {}
        relay.take(answer, self._answered)

    async def ask(self, question: Q) -> A | None:
        """Send a question under a number of its own; None where no answer comes in time."""
        number = secrets.token_hex(8)
        self._waiting[number] = answered = asyncio.get_running_loop().create_future()
        self._relay.send(self._what, Sent(number, question))
        try:
            async with asyncio.timeout(ANSWER_S):
                answer: A = await answered
                return answer
        except TimeoutError:
            return None
        finally:
            del self._waiting[number]

    def serve(self, carry_out: Callable[[Q], Awaitable[A]]) -> None:
        """Answer the questions of other processes."""

        async def taken(payload: bytes) -> None:
            sent = self._questions.decode(payload)
            self._relay.send(self._answer, Sent(sent.id, await carry_out(sent.value)))

        self._relay.take(self._what, taken)

    async def _answered(self, payload: bytes) -> None:
        # One that nobody waits for any more is left.
        sent = self._answers.decode(payload)
        waiting = self._waiting.get(sent.id)
        if waiting is not None and not waiting.done():
            waiting.set_result(sent.value)


class Relay:
    """One process's end of it. Each `serve_*` says what this process takes; `run` and the broker's `run` must run."""

    def __init__(self, broker: Broker, base: str) -> None:
        self._broker = broker
        self._base = base
        self._takers: dict[str, Take] = {}
        self._orders = _Way("order", "answer", Order, Answer, self)
        self._cuts = _Way("cut", "cut-answer", CutOrder, CutAnswer, self)
        self._proofs = _Way("proof", "proof-answer", ProofQuestion, ProofAnswer, self)

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

    def send(self, what: str, value: object) -> None:
        """Put something on the bus for other processes."""
        self._broker.publish(f"{self._base}/{what}", msgspec.json.encode(value), qos=1)

    def take(self, what: str, take: Take) -> None:
        """From now on have what comes from other processes taken so."""
        self._takers[what] = take

    # vision → alerts

    async def send_observations(self, observations: list[Observation]) -> None:
        """Hand observations on."""
        self.send("observation", observations)

    def serve_observations(self, take: Callable[[list[Observation]], Awaitable[None]]) -> None:
        """Take observations of other processes."""
        decoder = msgspec.json.Decoder(list[Observation])

        async def taken(payload: bytes) -> None:
            await take(decoder.decode(payload))

        self.take("observation", taken)

    # alerts → vision

    def send_attention(self, camera: DeviceRef, until_ms: int) -> None:
        """Have a camera of another process watched more closely."""
        self.send("attend", Attention(camera, until_ms))

    def serve_attention(self, attend: Callable[[DeviceRef, int], None]) -> None:
        """Watch cameras more closely that another process names."""
        decoder = msgspec.json.Decoder(Attention)

        async def taken(payload: bytes) -> None:
            wanted = decoder.decode(payload)
            attend(wanted.camera, wanted.until_ms)

        self.take("attend", taken)

    # any part → alerts

    def send_health(self, name: str, state: Literal["ok", "degraded", "down"], detail: str) -> None:
        """Say how a part of this process does."""
        self.send("health", PartHealth(name, state, detail))

    def serve_health(self, take: Callable[[str, Literal["ok", "degraded", "down"], str], None]) -> None:
        """Hear how the parts of other processes do."""
        decoder = msgspec.json.Decoder(PartHealth)

        async def taken(payload: bytes) -> None:
            health = decoder.decode(payload)
            take(health.name, health.state, health.detail)

        self.take("health", taken)

    # api → alerts

    async def order(self, order: Order) -> Answer:
        """Have an order carried out by the process that keeps the alarms."""
        return await self._orders.ask(order) or Answer.refusal(DeskUnavailableError(NO_ANSWER))

    def serve_orders(self, desk: AlarmDesk) -> None:
        """Carry out the orders of other processes."""

        async def carry_out(order: Order) -> Answer:
            try:
                return Answer(await desk.order(order))
            except DeskError as error:
                return Answer.refusal(error)

        self._orders.serve(carry_out)

    async def cut(self, order: CutOrder) -> CutAnswer:
        """Have power cut by the process that keeps the alarms."""
        return await self._cuts.ask(order) or CutAnswer.refusal(CutUnavailableError(NO_ANSWER))

    def serve_cuts(self, desk: CutDesk) -> None:
        """Carry out the cuts that other processes order."""

        async def carry_out(order: CutOrder) -> CutAnswer:
            try:
                return CutAnswer(await desk.cut(order))
            except CutError as error:
                return CutAnswer.refusal(error)

        self._cuts.serve(carry_out)

    async def prove(self, order: ProofOrder | None) -> ProofAnswer:
        """Have the process that keeps the alarms prove them, or say how it stands."""
        return await self._proofs.ask(ProofQuestion(order)) or ProofAnswer(None, "", NO_ANSWER)

    def serve_proofs(self, desk: ProofDesk) -> None:
        """Carry out the proofs that other processes order."""
        self._proofs.serve(lambda question: answer_of(desk, question.order))
