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

import httpx2
import msgspec

from alerts.notify.port import Notice, Receipt
from alerts.notify.wire import JSON_TYPE, Wire, check, detail_of
from alerts.notify.wording import headline
from shedwatch.clock import Clock


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
        self._wire = Wire(transport)

    async def send(self, notice: Notice) -> Receipt:
        body = encode(notice)
        response = await self._wire.post(self._url, content=body, headers=self._headers(notice, body))
        check(response)
        return Receipt(detail_of(response))

    async def close(self) -> None:
        await self._wire.close()

    def _headers(self, notice: Notice, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": JSON_TYPE, "X-Shedwatch-Notice": notice.id}
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
            "summary": headline(notice),
            "test": notice.test,
            "alert": notice.alert,
            "images": images,
        }
    )
