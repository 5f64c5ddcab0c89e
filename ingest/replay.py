"""Dead letters taken again after a mend, as what they are: messages of the past.

Each goes through the same translation as when it came, with the time it came at. What is right in it now fills history; the
alarms are not told, so that nothing of it can ring. A letter that is refused again, in whole or in part, stays
with its new reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import structlog

from ingest.contract import DEFAULT_PREFIX
from ingest.counters import RefusalKind, RefusedError
from ingest.inbox import Inbound
from ingest.model import DeadLetter, Topology
from ingest.store.letter_book import LetterBook, RefusedAgain
from ingest.store.port import Message, StoreError, TelemetryStore
from ingest.timekeeping import DeviceClocks, TimePolicy
from ingest.translate import Translator, digest_of
from shedwatch.clock import Clock

log = structlog.get_logger(__name__)

BATCH = 100
# Another process may have asked: the file is looked into this often.
LOOK_EVERY_S = 1.0
AGAIN_S = 5.0
# What is true or useful only at the moment it comes.
_OF_THE_MOMENT = {
    "status": "a status counts when it comes; the device's next one does",
    "reply": "a reply is awaited only after its command",
    "frame": "a picture of the past shows nobody anything",
}


class Tried(NamedTuple):
    """What came of a letter: a message to store, a reason why not (or not all of it), or both."""

    letter: DeadLetter
    message: Message | None
    refused: RefusedAgain | None


class Replayer:
    """Keep `run` running in the process that takes messages in."""

    def __init__(
        self,
        topology: Topology,
        store: TelemetryStore,
        letters: LetterBook,
        clock: Clock,
        prefix: str = DEFAULT_PREFIX,
        times: TimePolicy | None = None,
    ) -> None:
        self._topology = topology
        self._store = store
        self._letters = letters
        self._clock = clock
        self._prefix = prefix
        self._times = times or TimePolicy()

    async def run(self) -> None:
        """Take what is wanted, until cancelled."""
        while True:
            try:
                while await self.take_wanted():
                    pass
                wait_s = LOOK_EVERY_S
            except StoreError as error:
                log.warning("replay_waits", reason=str(error))
                wait_s = AGAIN_S
            try:
                async with asyncio.timeout(wait_s):
                    await self._letters.wanted_here.wait()
            except TimeoutError:
                pass

    async def take_wanted(self) -> int:
        """Take some of the letters that are wanted again; how many were tried. Raises StoreError."""
        self._letters.wanted_here.clear()
        wanted = await self._letters.wanted(BATCH)
        if not wanted:
            return 0
        tried = await self._store_all([self._try(letter) for letter in wanted])
        refused = [each.refused for each in tried if each.refused is not None]
        await self._letters.settle([each.letter for each in tried if each.refused is None], refused)
        log.info("letters_replayed", stored=len(tried) - len(refused), refused=len(refused))
        return len(wanted)

    def _try(self, letter: DeadLetter) -> Tried:
        """Translate it as of the time it came."""
        # Clocks of its own: what a device's clock does now says nothing about then, and the other way round.
        translator = Translator(self._topology, DeviceClocks(self._times), self._prefix)
        # As a retained message, which never rings.
        inbound = Inbound(letter.topic, letter.payload, letter.size, None, dup=True, retain=True, ack=_nothing)
        try:
            topic, device = translator.address(letter.topic)
            _check_use(letter, topic.channel)
            translated = translator.translate(inbound, topic, device, letter.received_ms)
        except RefusedError as error:
            return Tried(letter, None, RefusedAgain(letter, error.kind, error.reason))
        except Exception as error:  # noqa: BLE001 - the one letter fails, as the one message would have; its reason is kept
            reason = f"could not be handled: {error!r}"
            return Tried(letter, None, RefusedAgain(letter, RefusalKind.INTERNAL, reason))
        message = Message(translated.readings, digest_of(letter.topic, letter.payload), redelivered=True)
        refused = None
        if translated.refused:
            reasons = "; ".join(reason for _, reason in translated.refused)
            refused = RefusedAgain(letter, translated.refused[0][0], reasons)
        return Tried(letter, message if translated.readings else None, refused)

    async def _store_all(self, tried: Sequence[Tried]) -> list[Tried]:
        """Append what is right, together as far as that goes. Raises StoreError."""
        # Of a message of which single values were refused the rest was stored when it came: that is looked at one by one.
        together = [each for each in tried if each.message is not None and each.letter.kind != RefusalKind.VALUE]
        if together:
            try:
                await self._store.append([each.message for each in together if each.message is not None])
            except StoreError:
                raise
            except Exception:  # noqa: BLE001 - one of them is to blame, and is found below
                together = []
        return [each if each in together else await self._store_one(each) for each in tried]

    async def _store_one(self, each: Tried) -> Tried:
        """Append one, if there is anything to append. Raises StoreError."""
        letter, message, _ = each
        if message is None:
            return each
        try:
            appended = await self._store.append([message])
        except StoreError:
            raise
        except Exception as error:
            log.exception("letter_not_stored", letter=letter.id)
            return Tried(letter, None, RefusedAgain(letter, RefusalKind.INTERNAL, f"could not be stored: {error!r}"))
        if appended.stored or letter.kind != RefusalKind.VALUE:
            return each
        reason = "all else of it was stored when it came, and a value cannot be added to that"
        return Tried(letter, message, RefusedAgain(letter, RefusalKind.VALUE, reason))


def _check_use(letter: DeadLetter, channel: str) -> None:
    """Raises RefusedError where it can be of no use any more."""
    if channel in _OF_THE_MOMENT:
        raise RefusedError(RefusalKind.STALE, _OF_THE_MOMENT[channel])
    if not letter.whole:
        raise RefusedError(RefusalKind.SIZE, f"only {len(letter.payload)} of its {letter.size} bytes were kept")


def _nothing() -> None:
    """There is no broker to tell."""
