"""Which pictures of alarms are kept: the settings, and what the alarm desk still needs."""

from __future__ import annotations

from pathlib import Path

from alerts.desk import AlarmDesk, AlertQuery
from shedwatch.clock import Clock
from shedwatch.settings import EvidenceSettings
from vision.evidence_keeping import EvidenceKeeping, EvidenceLimits


def evidence_keeping(settings: EvidenceSettings, folder: Path, desk: AlarmDesk, clock: Clock) -> EvidenceKeeping:
    """What gives up old pictures of this folder, and asks the desk which are needed."""
    limits = EvidenceLimits(settings.days, int(settings.max_gb * 1e9))
    return EvidenceKeeping(folder, lambda: pictures_of_open_alarms(desk), limits, clock)


async def pictures_of_open_alarms(desk: AlarmDesk) -> set[str]:
    """Names of their evidence, in the ledger and not there yet. Raises DeskUnavailableError where that cannot be known."""
    names = {name for alert in desk.open_alerts() for name in alert.evidence}
    cursor = None
    while True:
        alerts, cursor = await desk.query(AlertQuery(state="open", limit=500, cursor=cursor))
        names.update(name for alert in alerts for name in alert.evidence)
        if cursor is None:
            return names
