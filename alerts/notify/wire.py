"""HTTP as channels need it: one time limit, no redirects, and every failure as a channel error.

Redirects are not followed, so that signatures and pictures go nowhere else. Addresses of robots hold their key, so no error repeats one.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import httpx2
import msgspec

from alerts.notify.port import PermanentError, RetryableError

TIMEOUT_S = 10.0
"""A receiver that takes longer is tried again later; other notices should not wait for it."""

MAX_DETAIL = 200
_RETRY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}

JSON_TYPE = "application/json; charset=utf-8"


class Wire:
    """A client for one channel. `transport` replaces the network, for tests."""

    def __init__(self, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self._client = httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, transport=transport)

    async def post(self, url: str, **request: Any) -> httpx2.Response:
        """POST and give the answer, whatever its status. Raises RetryableError, PermanentError."""
        try:
            return await self._client.post(url, **request)
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise PermanentError(f"the URL cannot be used: {type(error).__name__}") from error
        except httpx2.HTTPError as error:
            raise RetryableError(f"{type(error).__name__}: {error}".replace(url, "URL").rstrip(": ")) from error

    async def post_json(self, url: str, body: Any, **headers: str) -> httpx2.Response:
        """POST a value as raw UTF-8 JSON, as the robots ask for. Raises RetryableError, PermanentError."""
        return await self.post(url, content=msgspec.json.encode(body), headers={"Content-Type": JSON_TYPE, **headers})

    async def close(self) -> None:
        """Let go of connections."""
        await self._client.aclose()


def detail_of(response: httpx2.Response) -> str:
    """Status and beginning of the answer, for the receipt."""
    return f"{response.status_code} {response.text[:MAX_DETAIL]}".rstrip()


def check(response: httpx2.Response) -> None:
    """Judge by the status alone: 2xx is success; 408, 425, 429 and 5xx may pass. Raises RetryableError, PermanentError."""
    if response.is_success:
        return
    if response.status_code in _RETRY or response.is_server_error:
        raise RetryableError(detail_of(response), _retry_after(response.headers.get("retry-after")))
    raise PermanentError(detail_of(response))


def fields_of(response: httpx2.Response) -> dict[str, Any]:
    """The JSON object a vendor answers with, which alone says whether it took the message.

    Raises:
        RetryableError: it is none: a proxy or gateway answered in the vendor's stead.
    """
    try:
        fields = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        fields = None
    if not isinstance(fields, dict):
        raise RetryableError(f"not the vendor's answer: {detail_of(response)}")
    return fields


def _retry_after(value: str | None) -> float | None:
    # The form with a date is rare and the own backoff does as well.
    return float(value) if value is not None and value.isdecimal() else None
