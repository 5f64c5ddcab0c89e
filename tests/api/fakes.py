"""The ports of the API in memory: a desk, a store, cameras and a healthy house."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import msgspec

from alerts.cutoff.machine import requested
from alerts.cutoff.model import Cut, CutError, CutOrder, UnknownCutError
from alerts.desk import AlertQuery, DeskUnavailableError, Order, UnknownAlertError
from alerts.feed import Feed, Subscription
from alerts.load import LoadFigures, LoadMeter
from alerts.model import AlarmState, Alert, AlertChange, AlertKind, Severity, Text, Transition
from alerts.orders import Limits, carry_out
from alerts.proof.model import ProofError, ProofFigures, ProofKind, ProofOrder
from api.auth import Role, TokenBook
from api.deps import ApiDeps, DependencyState
from ingest.model import DeadLetter, Device, DeviceKind, DeviceRef, Frame, Name, Reading, Shed, Site, Topology
from ingest.store.letter_book import LetterBook
from ingest.store.port import Aggregate, Appended, LatestValue, Message, Refusal, StoreError
from ingest.store.retention import Retention
from ingest.store.schema import connect_writer
from ingest.store.sqlite import SqliteStore
from shedwatch.clock import ManualClock

SITE, SHED = "cuiping-beili", "shed-1"
CHARGER = DeviceRef(SITE, SHED, "c1")
SENSOR = DeviceRef(SITE, SHED, "smoke-1")
CAMERA = DeviceRef(SITE, SHED, "cam-1")
EXTINGUISHER = DeviceRef(SITE, SHED, "ext-1")
JPEG = b"\xff\xd8\xff\xe0 a picture \xff\xd9"


def topology() -> Topology:
    """One site: `shed-1` with a device of each kind, and an empty `shed-2`."""
    devices = (
        Device(CHARGER, DeviceKind.CHARGER, Name("1号桩", "Charger 1"), ports=4),
        Device(SENSOR, DeviceKind.SENSOR, Name("烟感", "Smoke head"), sensor_kind="smoke"),
        Device(CAMERA, DeviceKind.CAMERA, Name("1号摄像头", "Camera 1")),
        Device(EXTINGUISHER, DeviceKind.EXTINGUISHER, Name("灭火器", "Extinguisher"), inspected=date(2026, 10, 1)),
    )
    sheds = (
        Shed(SITE, SHED, Name("1号车棚", "Shed 1"), devices),
        Shed(SITE, "shed-2", Name("2号车棚", "Shed 2")),
    )
    return Topology((Site(SITE, Name("翠屏北里", "Cuiping Beili"), sheds),))


def alert(alert_id: str, kind: AlertKind = AlertKind.SMOKE, **changes: object) -> Alert:
    """An open critical alert of camera `cam-1`, but for `changes`."""
    base = Alert(
        id=alert_id,
        kind=kind,
        severity=Severity.CRITICAL,
        site=SITE,
        shed=SHED,
        device="cam-1",
        port=None,
        zone=None,
        state=AlarmState.UNACKNOWLEDGED,
        active=True,
        raised_ts=1_795_400_000_000,
        message=Text("发现烟雾", "Smoke seen"),
    )
    return msgspec.structs.replace(base, **changes)


class FakeDesk:
    """Keeps alerts and every change in lists; `down` makes the ledger unreachable."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.alerts: dict[str, Alert] = {}
        self.kept: list[AlertChange] = []
        self.queries: list[AlertQuery] = []
        self.down = False
        self.feed = Feed()
        self.limits = Limits()

    def put(self, changed: Alert, action: str = "raise", who: str = "system", note: str = "") -> Alert:
        """Make `changed` the present state of its alert and tell everyone."""
        before = self.alerts.get(changed.id)
        self.alerts[changed.id] = changed
        transition = Transition(
            seq=len(self.kept) + 1,
            alert_id=changed.id,
            at_ms=changed.raised_ts,
            who=who,
            action=action,
            from_state=before.state if before else None,
            to_state=changed.state,
            note=note,
        )
        change = AlertChange(changed, transition)
        self.kept.append(change)
        self.feed.publish(change)
        return changed

    async def query(self, query: AlertQuery) -> tuple[Sequence[Alert], str | None]:
        self._up()
        self.queries.append(query)
        start = self._start(query.cursor)
        found = [one for one in reversed(self.alerts.values()) if _matches(one, query)]
        page = found[start : start + query.limit]
        more = start + query.limit < len(found)
        return page, f"at-{start + query.limit}" if more else None

    async def get(self, alert_id: str) -> Alert:
        self._up()
        if alert_id not in self.alerts:
            raise UnknownAlertError(alert_id)
        return self.alerts[alert_id]

    async def log(self, alert_id: str) -> Sequence[Transition]:
        await self.get(alert_id)
        return [change.transition for change in self.kept if change.transition.alert_id == alert_id]

    async def order(self, order: Order) -> Alert:
        action, changed, note = carry_out(
            await self.get(order.alert_id), order, self.clock.now_ms(), limits=self.limits
        )
        return self.put(changed, action, order.who, note)

    def open_alerts(self) -> Sequence[Alert]:
        return sorted((one for one in self.alerts.values() if one.open), key=lambda one: -one.severity.rank)

    def load(self) -> LoadFigures:
        meter = LoadMeter()
        meter.seed(self.kept)
        return meter.figures(self.open_alerts(), self.clock.now_ms())

    def changes(self, after_seq: int | None = None) -> Subscription:
        if after_seq is None:
            return self.feed.subscribe()
        return self.feed.subscribe(lambda: self._after(after_seq))

    async def _after(self, seq: int) -> list[AlertChange]:
        return [change for change in self.kept if change.transition.seq > seq]

    def _up(self) -> None:
        if self.down:
            raise DeskUnavailableError("ledger.db: disk I/O error")

    @staticmethod
    def _start(cursor: str | None) -> int:
        if cursor is None:
            return 0
        if not cursor.startswith("at-"):
            raise ValueError(cursor)
        return int(cursor.removeprefix("at-"))


def _matches(one: Alert, query: AlertQuery) -> bool:
    return (
        (query.state == "all" or one.open == (query.state == "open"))
        and query.kind in (None, one.kind)
        and query.severity in (None, one.severity)
        and query.site in (None, one.site)
        and query.shed in (None, one.shed)
        and (query.since_ms is None or one.raised_ts >= query.since_ms)
    )


class FakeCuts:
    """Cuts that stay as they were requested; `error` is raised by the next order."""

    def __init__(self) -> None:
        self.cuts: list[Cut] = []
        self.error: CutError | None = None

    async def cut(self, order: CutOrder) -> Cut:
        if self.error is not None:
            raise self.error
        self.cuts.insert(0, requested(f"c{len(self.cuts) + 1}", order, 1, automatic=False, breaker_allowed=True))
        return self.cuts[0]

    async def find(self, cut_id: str) -> Cut:
        for cut in self.cuts:
            if cut.id == cut_id:
                return cut
        raise UnknownCutError(cut_id)

    async def recent(self, limit: int) -> Sequence[Cut]:
        return self.cuts[:limit]


class FakeProofs:
    """Proofs that are ordered and never end; `error` is raised instead."""

    def __init__(self) -> None:
        self.orders: list[ProofOrder] = []
        self.error: ProofError | None = None

    async def prove(self, order: ProofOrder) -> None:
        if self.error is not None:
            raise self.error
        self.orders.append(order)

    async def figures(self) -> ProofFigures:
        if self.error is not None:
            raise self.error
        kinds = (ProofKind.HEAT,)
        return ProofFigures(True, 5, kinds, ("duty",), ("duty",), (), {}, [], bool(self.orders), "", [])


@dataclass
class FakeStore:
    """Answers with what it was given; `down` makes it fail."""

    latest_values: dict[tuple[DeviceRef, int | None], dict[str, LatestValue]] = field(default_factory=dict)
    points: list[tuple[int, float]] = field(default_factory=list)
    asked: list[tuple[object, ...]] = field(default_factory=list)
    down: bool = False

    async def append(self, messages: Sequence[Message], refusals: Sequence[Refusal] = ()) -> Appended:
        raise AssertionError("the API writes no readings")

    async def latest(self) -> dict[tuple[DeviceRef, int | None], dict[str, LatestValue]]:
        self._up()
        return self.latest_values

    async def history(
        self, device: DeviceRef, port: int | None, field: str, from_ms: int, to_ms: int, every_s: int, agg: Aggregate
    ) -> list[tuple[int, float]]:
        self._up()
        self.asked.append((device, port, field, from_ms, to_ms, every_s, agg))
        return self.points

    async def dead_letters(self, limit: int, before_id: int | None = None) -> list[DeadLetter]:
        self._up()
        return []

    async def dead_letter_count(self) -> int:
        self._up()
        return 0

    async def close(self) -> None:
        return

    def _up(self) -> None:
        if self.down:
            raise StoreError("telemetry.db: database is locked")


class FakePictures:
    """Cameras whose pictures a test puts in by hand."""

    def __init__(self) -> None:
        self._frames: dict[DeviceRef, Frame] = {}
        self.overlays: dict[DeviceRef, bytes] = {}
        self._news = asyncio.Event()
        self.subscribers = 0

    def put(self, camera: DeviceRef, at_ms: int, image: bytes = JPEG) -> Frame:
        """A picture taken and received at `at_ms`."""
        frame = Frame(camera, at_ms, at_ms, image, 640, 360)
        self._frames[camera] = frame
        self._news.set()
        return frame

    def latest(self, ref: DeviceRef) -> Frame | None:
        return self._frames.get(ref)

    def overlay(self, ref: DeviceRef) -> bytes | None:
        return self.overlays.get(ref)

    async def subscribe(self, ref: DeviceRef) -> AsyncIterator[Frame]:
        self.subscribers += 1
        seen = self._frames.get(ref)
        try:
            while True:
                self._news.clear()
                await self._news.wait()
                if self._frames[ref] is not seen:
                    seen = self._frames[ref]
                    yield seen
        finally:
            self.subscribers -= 1


@dataclass
class FakeHealth:
    """Says what it is told."""

    parts: dict[str, tuple[DependencyState, str]] = field(default_factory=lambda: {"store": ("ok", "")})

    def dependencies(self) -> Mapping[str, tuple[DependencyState, str]]:
        return self.parts


@dataclass
class House:
    """Everything the API is given, with a token of each role."""

    deps: ApiDeps
    desk: FakeDesk
    store: FakeStore
    letters: LetterBook
    pictures: FakePictures
    health: FakeHealth
    clock: ManualClock
    tokens: TokenBook
    token: dict[Role, str]
    evidence: Path
    cuts: FakeCuts
    proofs: FakeProofs

    def bearer(self, role: Role = Role.VIEWER) -> dict[str, str]:
        """Headers of someone with a role."""
        return {"Authorization": f"Bearer {self.token[role]}"}


@cache
def _token_book() -> tuple[bytes, dict[Role, str]]:
    """A book with a token of each role, as bytes: made once, because each token is a wait for the disk."""
    with tempfile.TemporaryDirectory() as folder:
        book = TokenBook(Path(folder) / "tokens.db")
        tokens = {role: book.create(f"{role}-li", role) for role in Role}
        book.close()
        return (Path(folder) / "tokens.db").read_bytes(), tokens


@cache
def _empty_store() -> bytes:
    """The file of a store with nothing in it: made once, for the same reason."""
    with tempfile.TemporaryDirectory() as folder:
        connect_writer(Path(folder) / "telemetry.db").close()
        return (Path(folder) / "telemetry.db").read_bytes()


def house(folder: Path, base_url: str = "") -> House:
    """A house whose files lie in `folder`."""
    clock = ManualClock()
    desk, store, pictures, health = FakeDesk(clock), FakeStore(), FakePictures(), FakeHealth()
    cuts, proofs = FakeCuts(), FakeProofs()
    book, token = _token_book()
    (folder / "tokens.db").write_bytes(book)
    tokens = TokenBook(folder / "tokens.db")
    (folder / "telemetry.db").write_bytes(_empty_store())
    letters = SqliteStore(folder / "telemetry.db", clock, Retention()).letters
    evidence = folder / "evidence"
    evidence.mkdir()
    deps = ApiDeps(
        topology=topology(),
        store=store,
        letters=letters,
        desk=desk,
        tokens=tokens,
        pictures=pictures,
        evidence_dir=evidence,
        health=health,
        counters=lambda: {"readings_total": 7, "refused_total": {"not JSON": 2}, "outbox_depth": 3},
        clock=clock,
        base_url=base_url,
        cuts=cuts,
        proofs=proofs,
    )
    return House(deps, desk, store, letters, pictures, health, clock, tokens, dict(token), evidence, cuts, proofs)


def reading(clock: ManualClock, port: int | None = None, **values: float | bool | str) -> Reading:
    """What charger `c1`, or a port of it, reports now."""
    now_ms = clock.now_ms()
    return Reading(CHARGER, DeviceKind.CHARGER, now_ms, now_ms, port=port, values=values)
