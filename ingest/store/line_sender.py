"""Lines to `/api/v2/write`, through `influxdb-client` as transport; InfluxDB and VictoriaMetrics both take them there.

The client's own batching is not used: it keeps what waits in memory, and drops what is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ingest.store.remote import Answer
from ingest.store.remote_url import RemoteUrl

TokenSource = Callable[[], str]
"""The token as of now, empty where none is needed; it may change while the service runs. Raises OSError."""

TIMEOUT_S = 20.0
BODY_CHARACTERS = 4000


class LineSender:
    """Sends one request at a time. The client is made at the first, and anew where the token has changed."""

    def __init__(self, url: RemoteUrl, token: TokenSource, timeout_s: float = TIMEOUT_S) -> None:
        self._url = url
        self._token = token
        self._timeout_s = timeout_s
        self._client: Any = None
        self._used_token = ""

    async def send(self, lines: bytes) -> Answer:
        """See `RemoteStore.write`."""
        # Importing it takes more than a second, in which nothing else may wait.
        errors = await asyncio.to_thread(import_module, "aiohttp")
        rest = await asyncio.to_thread(import_module, "influxdb_client.rest")
        try:
            client = await self._ready_client()
            await client.write_api().write(
                self._url.bucket or "shedwatch", self._url.org or "shedwatch", lines, write_precision="ms"
            )
        except rest.ApiException as error:
            return Answer(int(error.status or 0), _text(error.body) or str(error.reason or ""), _retry_after_s(error))
        except (errors.ClientError, TimeoutError, OSError) as error:
            return Answer(0, str(error) or type(error).__name__)
        response = client.api_client.last_response
        return Answer(int(response.status), _text(response.data))

    async def close(self) -> None:
        """Let go of the connection."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def _ready_client(self) -> Any:
        token = await asyncio.to_thread(self._token)
        if self._client is None or token != self._used_token:
            await self.close()
            module = await asyncio.to_thread(import_module, "influxdb_client.client.influxdb_client_async")
            # A redirection would turn the POST into a GET, and its page into a success.
            self._client = module.InfluxDBClientAsync(
                self._url.base,
                token,
                self._url.org or "shedwatch",
                timeout=int(self._timeout_s * 1000),
                enable_gzip=True,
                allow_redirects=False,
            )
            self._used_token = token
        return self._client


def _text(body: Any) -> str:
    if isinstance(body, bytes | bytearray | memoryview):
        body = bytes(body).decode("utf-8", "replace")
    return str(body or "")[:BODY_CHARACTERS]


def _retry_after_s(error: Any) -> float | None:
    """`Retry-After` in seconds; None where there is none, or a date."""
    value = (error.headers or {}).get("Retry-After")
    try:
        return float(value) if value is not None else None
    except ValueError:
        return None
