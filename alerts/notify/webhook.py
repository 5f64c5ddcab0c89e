"""POSTs each notice as JSON to a URL, signed. The form an incident service or a property's own system can take in.

    {"version": 1, "notice_id", "event_action": "trigger"|"acknowledge"|"resolve", "dedup_key", "created_ts",
     "summary": {"zh","en"}, "alert": {…the alert object…}, "images": [{"name","content_type","base64"}]}

Headers: `X-Shedwatch-Notice` (the same for every attempt) and, with a secret, `X-Shedwatch-Timestamp` (epoch
milliseconds) and `X-Shedwatch-Signature: sha256=HEX`, the HMAC-SHA256 of `TIMESTAMP.BODY` with the secret as key over the
very bytes sent. A 2xx answer is success; 408, 425, 429 and 5xx are tried again, everything else is refused for good.
Redirects are not followed, so that the signature and the pictures go nowhere else.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from http import HTTPStatus

import httpx2
import msgspec

from alerts.notify.port import Notice, PermanentError, Receipt, RetryableError
from shedwatch.clock import Clock

TIMEOUT_S = 10.0
"""A receiver that takes longer is tried again later; other notices should not wait for it."""

_RETRY = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_MAX_DETAIL = 200


class WebhookChannel:
    """A `Channel` to one URL.

    Args:
        secret: key of the signature; None sends unsigned.
        transport: replaces the network, for tests.
    """

    def __init__(
        self,
        name: str,
        url: str,
        clock: Clock,
        secret: str | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self.name = name
        self._url = url
        self._clock = clock
        self._secret = secret.encode() if secret else None
        self._client = httpx2.AsyncClient(timeout=TIMEOUT_S, follow_redirects=False, transport=transport)

    async def send(self, notice: Notice) -> Receipt:
        body = encode(notice)
        try:
            response = await self._client.post(self._url, content=body, headers=self._headers(notice, body))
        except (httpx2.UnsupportedProtocol, httpx2.InvalidURL) as error:
            raise PermanentError(f"the URL cannot be used: {error}") from error
        except httpx2.HTTPError as error:
            raise RetryableError(f"{type(error).__name__}: {error}".rstrip(": ")) from error
        detail = f"{response.status_code} {response.text[:_MAX_DETAIL]}".rstrip()
        if response.is_success:
            return Receipt(detail)
        if response.status_code in _RETRY or response.is_server_error:
            raise RetryableError(detail, _retry_after(response.headers.get("retry-after")))
        raise PermanentError(detail)

    async def close(self) -> None:
        await self._client.aclose()

    def _headers(self, notice: Notice, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json; charset=utf-8", "X-Shedwatch-Notice": notice.id}
        if self._secret is not None:
            timestamp = str(self._clock.now_ms())
            headers["X-Shedwatch-Timestamp"] = timestamp
            headers["X-Shedwatch-Signature"] = f"sha256={sign(self._secret, timestamp, body)}"
        return headers


def sign(secret: bytes, timestamp: str, body: bytes) -> str:
    """Hexadecimal HMAC-SHA256 of `timestamp.body`; receivers compare in constant time and refuse old timestamps."""
    return hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def encode(notice: Notice) -> bytes:
    """The body of the request."""
    images = [
        {
            "name": picture.name,
            "content_type": picture.content_type,
            "base64": base64.b64encode(picture.data).decode(),
        }
        for picture in notice.pictures
    ]
    return msgspec.json.encode(
        {
            "version": 1,
            "notice_id": notice.id,
            "event_action": str(notice.event_action),
            "dedup_key": notice.dedup_key,
            "created_ts": notice.created_ms,
            "summary": notice.summary,
            "alert": notice.alert,
            "images": images,
        }
    )


def _retry_after(value: str | None) -> float | None:
    # The form with a date is rare and the own backoff does as well.
    return float(value) if value is not None and value.isdecimal() else None
