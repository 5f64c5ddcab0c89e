"""What rules have learned over days (habits of ports, running sessions), kept in a file over restarts.

Learning is worth keeping and not worth an alarm: a file that cannot be read or written is logged and learned anew.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import msgspec
import structlog

from alerts.rules.runner import RuleSet

_log = structlog.get_logger(__name__)

SAVE_EVERY_S = 300.0
"""So much is learned anew after a `kill -9`."""

_VERSION = 1


class MemoryFile:
    """The memories of rules in one file, written whole and put in place at once."""

    def __init__(self, path: Path) -> None:
        self._path = path

    async def recall(self, rules: RuleSet, now_ms: int) -> None:
        """Give rules back what the file has of them."""
        try:
            version, memories = msgspec.msgpack.decode(await asyncio.to_thread(self._path.read_bytes))
        except FileNotFoundError:
            return
        except (OSError, ValueError, TypeError) as error:
            _log.warning(
                "what rules have learned cannot be read; they begin anew", file=str(self._path), reason=str(error)
            )
            return
        if version == _VERSION and isinstance(memories, dict):
            rules.recall(memories, now_ms)

    async def keep(self, rules: RuleSet, now_ms: int) -> None:
        """Write what rules remember now."""
        memories: dict[str, Any] = {}
        for name, memory in rules.remember(now_ms):
            memories[name] = memory
            # Ten thousand ports are a lot to pack; readings are judged in between.
            await asyncio.sleep(0)
        try:
            await asyncio.to_thread(self._write, msgspec.msgpack.encode([_VERSION, memories]))
        except OSError as error:
            _log.warning("what rules have learned cannot be written", file=str(self._path), reason=str(error))

    def _write(self, content: bytes) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        beside.write_bytes(content)
        beside.replace(self._path)
