"""Lives that are killed between two steps of a notice, an escalation or a cut, and the life after.

    python -m tests.alerts.doomed STORY FOLDER URL…
    python -m tests.alerts.doomed STORY FOLDER --twice FIRST… -- URL…

For k = 1, 2, … a process that lives through the story kills itself (SIGKILL) at its k-th step, another one takes up what
it left and lives to the end, and a line of JSON says what the world outside saw of both. It ends with the second
k that no life reaches. With --twice the first life dies at each of the steps FIRST, the second at its k-th, and a third
lives to the end. Steps are where something leaves the process: before and after a write to the ledger, a message, a command.

The processes are forked from one that has imported everything, so that each costs no more than what it does.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from alerts.cutoff.machine import CutTimes
from alerts.cutoff.model import Cut, CutOrder
from alerts.cutoff.room import CutRoom
from alerts.ledger.cuts import CutBook
from alerts.ledger.database import Ledger, NoticeRow
from alerts.model import AlarmState, AlertChange, AlertKind
from alerts.notify.chaser import Chaser
from alerts.notify.directory import Directory
from alerts.notify.escalation import Escalation, Policy, Step
from alerts.notify.notifier import MARK, Notifier
from alerts.notify.port import Notice, Receipt
from alerts.notify.routing import Route
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from ingest.contract import Command, Reply
from ingest.model import DeviceKind, DeviceRef, Reading
from shedwatch.clock import ScaledClock
from tests.alerts.desk_worker import CHARGER, TOPOLOGY

SPEED = 25.0
LONGEST_S = 20.0
QUIET = {kind: {"enabled": False} for kind in ("camera_offline", "charger_offline", "telemetry_stale")}
PORT = 3


class Fate:
    """Counts steps, writes down the last one, and kills this process at step number `at`."""

    def __init__(self, at: int, folder: Path) -> None:
        self._at = at
        self._file = folder / "last-step"
        self._count = 0

    def step(self, name: str) -> None:
        """One step further."""
        self._count += 1
        if self._count == self._at:
            self._file.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)


class World:
    """What is outside and outlives every process: messages that were received, commands, and what a port draws."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, name: str, line: str) -> None:
        """Something has arrived out there."""
        with (self._folder / name).open("a", encoding="utf-8") as file:
            file.write(line + "\n")
            file.flush()
            os.fsync(file.fileno())

    def lines(self, name: str) -> list[str]:
        """All that has arrived."""
        file = self._folder / name
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


class DoomedLedger(Ledger):
    """A ledger before and after each of whose writes the process may die."""

    def __init__(self, url: str, fate: Fate) -> None:
        super().__init__(url)
        self._fate = fate

    async def append(
        self,
        changes: Sequence[AlertChange],
        notices: Sequence[NoticeRow] = (),
        marks: Mapping[str, int] | None = None,
    ) -> None:
        what = [change.transition.action for change in changes] + [f"{row.channel} {row.state}" for row in notices]
        self._fate.step(f"before writing {', '.join(what)}")
        await super().append(changes, notices, marks)
        self._fate.step(f"after writing {', '.join(what)}")


class DoomedBook(CutBook):
    """Likewise for cuts."""

    def __init__(self, ledger: Ledger, fate: Fate) -> None:
        super().__init__(ledger)
        self._fate = fate

    async def save(self, cut: Cut) -> None:
        self._fate.step(f"before writing cut {cut.state}")
        await super().save(cut)
        self._fate.step(f"after writing cut {cut.state}")


class DoomedChannel:
    """A channel before and after each of whose messages the process may die."""

    def __init__(self, name: str, world: World, fate: Fate) -> None:
        self.name = name
        self._world = world
        self._fate = fate

    async def send(self, notice: Notice) -> Receipt:
        self._fate.step(f"before {self.name} is told")
        what = f"{self.name} {notice.event_action} {notice.level} {notice.alert.kind}"
        self._world.add("received", what)
        self._world.add("ports", str(notice.alert.port))
        self._fate.step(f"after {self.name} was told")
        return Receipt()

    async def close(self) -> None:
        """Nothing is open."""


@asynccontextmanager
async def alarms(ledger: Ledger, clock: ScaledClock, ports: Sequence[int] = (PORT,)) -> AsyncIterator[AlarmService]:
    book = RuleBook.parse({"rules": QUIET})
    async with AlarmService(TOPOLOGY, book, ledger, clock, tick_s=5.0, followers=(MARK,)) as desk:
        # The charger reports again in every life.
        for port in ports:
            now_ms = clock.now_ms()
            hot = Reading(CHARGER, DeviceKind.CHARGER, now_ms, now_ms, port=port, values={"temperature_c": 90.0})
            await desk.submit_readings([hot])
        yield desk


async def finished(condition: Callable[[], Awaitable[object]]) -> None:
    async with asyncio.timeout(LONGEST_S):
        while not await condition():
            await asyncio.sleep(0.005)


async def all_sent(desk: AlarmService, number: int) -> bool:
    """Whether so many notices of the one open alert are written down as sent, and nothing waits."""
    (alert,) = desk.open_alerts()
    rows = await desk.notices(alert.id)
    return len(rows) >= number and all(row.state == "sent" for row in rows) and not desk.writing


async def notice(url: str, fate: Fate, world: World, clock: ScaledClock) -> None:
    """An alarm is told by one channel."""
    ledger, channel = DoomedLedger(url, fate), DoomedChannel("robot", world, fate)
    async with (
        alarms(ledger, clock) as desk,
        Notifier(desk, [(Route(), channel)], clock, lambda _name: None, seed=1),
    ):
        await finished(lambda: all_sent(desk, 1))


async def notices(url: str, fate: Fate, world: World, clock: ScaledClock) -> None:
    """In each life another port gets hot, and those before are hot still; each is told by one channel."""
    world.add("lives", "another")
    hot = range(1, len(world.lines("lives")) + 1)
    ledger, channel = DoomedLedger(url, fate), DoomedChannel("robot", world, fate)
    async with (
        alarms(ledger, clock, hot) as desk,
        Notifier(desk, [(Route(), channel)], clock, lambda _name: None, seed=1) as notifier,
    ):

        async def told() -> bool:
            rows = [row for alert in desk.open_alerts() for row in await desk.notices(alert.id)]
            done = notifier.taken_up and not any(notifier.waiting.values()) and not desk.writing
            return done and {row.state for row in rows} == {"sent"}

        await finished(told)


STEPS = (Step(0, ("robot",)), Step(2, ("voice",), ("wang",)), Step(4, ("voice",), ("chief",)))


async def escalation(url: str, fate: Fate, world: World, clock: ScaledClock) -> None:
    """Nobody answers through three steps; then somebody does."""
    ledger = DoomedLedger(url, fate)
    channels = [(Route(events=frozenset()), DoomedChannel(name, world, fate)) for name in ("robot", "voice")]
    chaser = Chaser(Escalation((Policy("p1", STEPS),)), Directory(), ["robot", "voice"])
    async with alarms(ledger, clock) as desk, Notifier(desk, channels, clock, lambda _name: None, chaser, seed=1):
        (alert,) = desk.open_alerts()
        if alert.state is not AlarmState.ACKNOWLEDGED:
            await finished(lambda: all_sent(desk, 3))
            fate.step("before somebody answers")
            await desk.acknowledge(alert.id, "wang", "")
            fate.step("after somebody answered")
        await finished(lambda: all_sent(desk, 3))


class Pile:
    """A charger outside: its relay is welded, its breaker works where `breaker` says so."""

    def __init__(self, world: World, fate: Fate, breaker: bool) -> None:
        self._world = world
        self._fate = fate
        self._breaker = breaker
        self.room: CutRoom | None = None
        self.clock: ScaledClock | None = None

    @property
    def power_w(self) -> float:
        """What the port draws."""
        opened = any(line.startswith("breaker_open") for line in self._world.lines("commands"))
        return 0.0 if opened and self._breaker else 180.0

    def take(self, charger: DeviceRef, command: Command) -> None:
        """A command of the room."""
        assert self.room is not None
        assert self.clock is not None
        room, loop = self.room, asyncio.get_running_loop()
        if command.command == "poll":
            now_ms = self.clock.now_ms()
            values = {"power_w": self.power_w}
            report = Reading(charger, DeviceKind.CHARGER, now_ms, now_ms, port=PORT, values=values)
            loop.call_later(0.002, room.take_readings, [report])
            return
        self._fate.step(f"before {command.command} is sent")
        self._world.add("commands", f"{command.command} {command.id}")
        self._fate.step(f"after {command.command} was sent")
        loop.call_later(0.002, room.take_reply, charger, Reply(command.id, True))


async def cut_by_breaker(url: str, fate: Fate, world: World, clock: ScaledClock) -> None:
    """A port that does not switch off is cut by its breaker."""
    await _cut(url, fate, clock, Pile(world, fate, breaker=True))


async def cut_by_nobody(url: str, fate: Fate, world: World, clock: ScaledClock) -> None:
    """Neither relay nor breaker switch off: people are called."""
    await _cut(url, fate, clock, Pile(world, fate, breaker=False))


async def _cut(url: str, fate: Fate, clock: ScaledClock, pile: Pile) -> None:
    ledger = DoomedLedger(url, fate)
    book = DoomedBook(ledger, fate)
    times = CutTimes(resend_s=2.5, verify_s=4.0, poll_s=1.0, watch_s=600.0)
    async with alarms(ledger, clock) as desk:
        room = CutRoom(TOPOLOGY, desk, book, pile.take, clock, times=times)
        pile.room, pile.clock = room, clock
        async with room:
            if not await book.recent(1):
                # Whoever ordered it and got no answer orders it again.
                await room.cut(CutOrder(CHARGER.site, CHARGER.shed, CHARGER.device, PORT, "wang"))

            async def settled() -> bool:
                (cut,) = await room.recent(2)
                return cut.settled and not room._unkept and not desk.writing

            await finished(settled)


STORIES = {story.__name__: story for story in (notice, notices, escalation, cut_by_breaker, cut_by_nobody)}


def live(story: str, url: str, folder: Path, at: int, clock: ScaledClock) -> int:
    """One life in a process of its own; its exit status, negative for the signal that ended it."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            asyncio.run(STORIES[story](url, Fate(at, folder), World(folder), clock))
            status = 0
        except BaseException:  # noqa: BLE001 - whatever ended this life is said, and nothing of the parent runs in it
            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


async def outcome(url: str) -> dict[str, object]:
    """What stands in the ledger at the end."""
    ledger = Ledger(url)
    await ledger.open()
    alerts = await ledger.open_alerts()
    cuts = await CutBook(ledger).recent(10)
    await ledger.close()
    hot = [alert for alert in alerts if alert.kind is AlertKind.OVER_TEMPERATURE]
    return {
        "alerts": [str(alert.state) for alert in hot],
        "cut_failed": sum(alert.kind is AlertKind.CUT_FAILED for alert in alerts),
        "cuts": [str(cut.state) for cut in cuts],
    }


def main(story: str, folder: Path, urls: Sequence[str]) -> None:
    """Kill at every step in turn, each time with a ledger of its own."""
    ended = 0
    for at, own in enumerate(urls, start=1):
        here = folder / str(at)
        here.mkdir(parents=True)
        clock = ScaledClock(1_795_400_000_000, SPEED, time.monotonic())
        killed = live(story, own, here, at, clock)
        if killed == 0:
            # How writes fall together differs a little from life to life: the end is reached twice, then it is the end.
            ended += 1
            if ended == 2:
                return
            continue
        after = live(story, own, here, 0, clock) if killed == -signal.SIGKILL else killed
        say(at, here, own, after)
    raise SystemExit("more steps than ledgers")


def main_twice(story: str, folder: Path, firsts: Sequence[int], urls: Sequence[str]) -> None:
    """Kill one life at each of the steps `firsts`, and the next at every step in turn."""
    left = iter(urls)
    for first in firsts:
        second, killed = 0, -signal.SIGKILL
        while killed == -signal.SIGKILL:
            second += 1
            here, own = folder / f"{first}-{second}", next(left)
            here.mkdir(parents=True)
            clock = ScaledClock(1_795_400_000_000, SPEED, time.monotonic())
            assert live(story, own, here, first, clock) == -signal.SIGKILL
            killed = live(story, own, here, second, clock)
            say(second, here, own, live(story, own, here, 0, clock))


def say(at: int, here: Path, own: str, status: int) -> None:
    """A line about what the world saw."""
    world = World(here)
    told = {
        "at": at,
        "step": " ".join(world.lines("last-step")),
        "status": status,
        "received": world.lines("received"),
        "ports": world.lines("ports"),
        "commands": world.lines("commands"),
        **asyncio.run(outcome(own)),
    }
    sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[3] == "--twice":
        end = sys.argv.index("--")
        main_twice(sys.argv[1], Path(sys.argv[2]), [int(one) for one in sys.argv[4:end]], sys.argv[end + 1 :])
    else:
        main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
