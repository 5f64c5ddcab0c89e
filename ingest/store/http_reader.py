"""GET requests to a remote store, for its two query languages."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx2

from ingest.store.line_sender import TokenSource
from ingest.store.port import StoreError
from ingest.store.remote_url import RemoteUrl

QUERY_TIMEOUT_S = 5.0
PROBE_TIMEOUT_S = 1.0


class HttpReader:
    """Asks with the token of the moment."""

    def __init__(self, url: RemoteUrl, token: TokenSource) -> None:
        self._name = str(url)
        self._token = token
        # Databases stand in the same network; a proxy of the environment is for what is outside.
        self._client = httpx2.AsyncClient(base_url=url.base, timeout=QUERY_TIMEOUT_S, trust_env=False)

    async def json(self, path: str, params: Mapping[str, str]) -> Any:
        """The decoded answer.

        Raises:
            StoreError: no answer, an error, or no JSON.
        """
        try:
            token = await asyncio.to_thread(self._token)
            headers = {"Authorization": f"Token {token}"} if token else {}
            response = await self._client.post(path, data=dict(params), headers=headers)
            if response.is_success:
                return response.json()
        except (httpx2.HTTPError, OSError) as error:
            raise StoreError(f"{self._name}: {error or type(error).__name__}") from error
        except ValueError as error:
            raise StoreError(f"{self._name}: the answer is no JSON") from error
        raise StoreError(f"{self._name}: {response.status_code} {response.text[:300]}")

    async def is_there(self) -> bool:
        """Whether `/ping` is answered."""
        try:
            return (await self._client.get("/ping", timeout=PROBE_TIMEOUT_S)).is_success
        except (httpx2.HTTPError, OSError):
            return False

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()
