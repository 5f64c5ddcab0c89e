"""What a rehearsal can do because broker and service are its own: restart the one, write the other's register."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from alerts.register import Condition, Entry, RegisterFile
from ingest.embedded_broker import EmbeddedBroker
from ingest.model import DeviceRef


@dataclass(frozen=True, slots=True)
class OwnGrounds:
    """Implements `simulators.agenda.Backstage`; `register` is the file of the service's register of extinguishers."""

    broker: EmbeddedBroker
    register: Path

    @property
    def keeps_sessions(self) -> bool:
        return self.broker.kind == "mosquitto"

    async def stop_broker(self) -> None:
        await self.broker.stop()

    async def start_broker(self) -> None:
        await self.broker.start()

    async def patrol(self, extinguisher: DeviceRef, finds: str, note: str) -> None:
        await asyncio.to_thread(self._enter, extinguisher, finds, note)

    def _enter(self, extinguisher: DeviceRef, finds: str, note: str) -> None:
        file = RegisterFile(self.register)
        file.refresh()
        entries = dict(file.register.entries)
        site, shed, device = extinguisher
        entries[extinguisher] = Entry(site=site, shed=shed, id=device, condition=cast("Condition", finds), note=note)
        file.save(entries.values())
