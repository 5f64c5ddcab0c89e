"""The dead man's handle: calls an address of another service as long as alarms would work; that service raises the alarm when it stops.

Nothing inside this service can tell that it has stopped, so somebody outside must wait for it.
"""

from __future__ import annotations

from collections.abc import Callable

import httpx2
import structlog

from shedwatch.clock import Clock

log = structlog.get_logger(__name__)

TIMEOUT_S = 10.0
RETRY_S = 5.0


class Heartbeat:
    """Keep `run` running.

    Args:
        ailment: why alarms would not work now, or empty where they would; then the address is not called.
        transport: replaces the network, for tests.
    """

    def __init__(
        self,
        url: str,
        every_s: float,
        ailment: Callable[[], str],
        clock: Clock,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._url = url
        self._every_s = every_s
        self._ailment = ailment
        self._clock = clock
        self._transport = transport
        self.last_ms: int | None = None
        self.trouble = ""

    async def run(self) -> None:
        """Call again and again, until cancelled."""
        async with httpx2.AsyncClient(timeout=TIMEOUT_S, transport=self._transport) as client:
            while True:
                called = await self._call(client)
                await self._clock.sleep(self._every_s if called else min(RETRY_S, self._every_s))

    async def _call(self, client: httpx2.AsyncClient) -> bool:
        if reason := self._ailment():
            return self._failed(f"not called: {reason}")
        try:
            response = await client.post(self._url)
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            return self._failed(type(error).__name__)
        if not response.is_success:
            return self._failed(f"answered {response.status_code}")
        self.last_ms = self._clock.now_ms()
        self.trouble = ""
        return True

    def _failed(self, reason: str) -> bool:
        if reason != self.trouble:
            # The address may hold a key; the reason alone is told.
            log.warning("heartbeat not given", reason=reason)
        self.trouble = reason
        return False
