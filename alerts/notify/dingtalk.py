"""DingTalk (钉钉) group robot: markdown with the picture by link, signed.

The robot takes no picture itself, only an address that DingTalk's servers can open. Who is mentioned stands in `at` and in the text.
Source: open.dingtalk.com, custom robot access and send group messages.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import tzinfo
from typing import Any
from urllib.parse import quote

from alerts.notify.port import Notice, PacedError, PermanentError, Receipt, RetryableError
from alerts.notify.wire import Wire, check, fields_of
from alerts.notify.wording import cut_bytes, lines, title
from shedwatch.clock import Clock

BASE = "https://oapi.dingtalk.com"
MAX_TEXT_BYTES = 18_000
"""The whole body may have 20,000 bytes."""

BLOCKED_S = 600.0
"""Beyond 20 messages a minute the robot is blocked for ten minutes; sending on only lengthens it."""

_BUSY = -1
_TOO_FREQUENT = {130101, 410100}


class DingtalkRobot:
    """A `Channel` to one group.

    Args:
        secret: begins with `SEC`; None where the robot is secured by keyword or address instead.
    """

    def __init__(
        self, name: str, token: str, secret: str | None, zone: tzinfo, clock: Clock, wire: Wire, base: str = BASE
    ) -> None:
        self.name = name
        self._url = f"{base}/robot/send?access_token={token}"
        self._secret = secret
        self._zone = zone
        self._clock = clock
        self._wire = wire

    async def send(self, notice: Notice) -> Receipt:
        # Made anew each time: the signature is good for an hour.
        url = self._url
        if self._secret:
            timestamp = str(self._clock.now_ms())
            url += f"&timestamp={timestamp}&sign={quote(sign(self._secret, timestamp), safe='')}"
        response = await self._wire.post_json(url, markdown(notice, self._zone))
        check(response)
        judge(fields_of(response))
        return Receipt("sent")

    async def close(self) -> None:
        await self._wire.close()


def sign(secret: str, timestamp_ms: str) -> str:
    r"""Base64 of HMAC-SHA256 over `timestamp\nsecret` with the secret as key, not yet percent-encoded."""
    digest = hmac.new(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def markdown(notice: Notice, zone: tzinfo) -> dict[str, Any]:
    """The message. A line break needs an empty line."""
    mobiles = [person.mobile.removeprefix("+86") for person in notice.people if person.mobile and not person.dingtalk]
    users = [person.dingtalk for person in notice.people if person.dingtalk]
    picture = [f"![]({notice.picture_link})"] if notice.picture_link and notice.pictures else []
    called = " ".join(f"@{who}" for who in (*mobiles, *users))
    text = "\n\n".join([f"### {title(notice)}", *lines(notice, zone), *picture, *([called] if called else [])])
    return {
        "msgtype": "markdown",
        "markdown": {"title": cut_bytes(title(notice), 300), "text": cut_bytes(text, MAX_TEXT_BYTES)},
        "at": {"atMobiles": mobiles, "atUserIds": users, "isAtAll": False},
    }


def judge(fields: dict[str, Any]) -> None:
    """What the answer's `errcode` means. Raises RetryableError, PacedError, PermanentError.

    Published tables of codes disagree, so only throttled, busy and refused are told apart.
    """
    code = fields.get("errcode")
    if code == 0:
        return
    message = str(fields.get("errmsg", ""))
    reason = f"errcode {code}: {message[:200]}"
    if code in _TOO_FREQUENT:
        raise PacedError(reason, BLOCKED_S)
    if code == _BUSY or "timestamp" in message:
        # A timestamp that is refused is made anew with the next attempt.
        raise RetryableError(reason)
    raise PermanentError(reason)
