"""The alarm room of one process: where the alarms are kept it is theirs, elsewhere a desk that passes orders on."""

from __future__ import annotations

from alerts.ledger.database import Ledger
from alerts.ledger_desk import LedgerDesk, PassOn
from alerts.memory import MemoryFile
from alerts.notify.notifier import MARK as NOTIFIER
from alerts.proving_ground import overrides
from alerts.register import RegisterFile
from alerts.rules.hazards import HAZARDS
from alerts.rules.settings import RuleBook
from alerts.service import AlarmService
from shedwatch.house import House

REGISTER_EVERY_S = 30.0


def rule_book(house: House) -> RuleBook:
    """The rules as configured, and as they are for proofs."""
    alerts = house.settings.alerts
    tests = overrides([str(kind) for kind in HAZARDS])
    return RuleBook.parse({"rules": alerts.rules, "overrides": [*alerts.overrides, tests]}, house.proved)


async def open_alarms(house: House, book: RuleBook, ledger: Ledger, register: RegisterFile) -> AlarmService:
    """The alarms themselves; they hear of every part's health."""
    settings, clock = house.settings, house.clock
    alarms = await house.stack.enter_async_context(
        AlarmService(
            house.proved,
            book,
            ledger,
            clock,
            seed=house.seed,
            memory=MemoryFile(settings.data_dir / "rules.memory"),
            limits=settings.limits(),
            zones=settings.zones(),
            register=register.register,
            groups=[group.group(house.topology) for group in settings.alerts.groups],
            fetched=frozenset(settings.sources()),
            followers=(NOTIFIER,),
            keep=house.keep.branch(),
        )
    )

    async def follow_register() -> None:
        """See what was imported meanwhile."""
        while True:
            await clock.sleep(REGISTER_EVERY_S)
            await register.look_again()

    house.keep.keep("extinguishers", follow_register)
    house.figures.alarms = alarms
    house.health.tell(alarms.submit_health)
    house.health.include(alarms.health)
    return alarms


def desk_elsewhere(house: House, ledger: Ledger, order: PassOn) -> LedgerDesk:
    """The desk of a process without the alarms: it reads the ledger, and passes orders on."""
    desk = LedgerDesk(ledger, order)
    house.stack.push_async_callback(ledger.close)
    if house.has("api"):
        house.keep.keep("ledger-desk", desk.run)
    return desk
