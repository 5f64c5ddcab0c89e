"""WeCom (企业微信) group robot: a text that mentions who is meant, then the picture as a message of its own.

Text and not markdown: members who read through WeChat see no markdown, and only a text can mention by mobile number.
Source: developer.work.weixin.qq.com/document/path/91770 (requests, limits), 90454 and 90455 (codes).
"""

from __future__ import annotations

import base64
import hashlib
from datetime import tzinfo
from typing import Any

from alerts.notify.port import ChannelError, Notice, PacedError, PermanentError, Picture, Receipt, RetryableError
from alerts.notify.wire import Wire, check, fields_of
from alerts.notify.wording import cut_bytes, lines, title

BASE = "https://qyapi.weixin.qq.com"
MAX_TEXT_BYTES = 2048
MAX_PICTURE_BYTES = 2 * 1024 * 1024
TOO_FREQUENT_S = 60.0
"""Limits by the minute block for a minute (90454)."""

_BUSY = {-1, 45033}
_TOO_FREQUENT = 45009
_PICTURE_TYPES = {"image/jpeg", "image/png"}


class WecomRobot:
    """A `Channel` to one group. `key` is the only secret: it is part of the address and stays out of logs."""

    def __init__(self, name: str, key: str, zone: tzinfo, wire: Wire, base: str = BASE) -> None:
        self.name = name
        self._url = f"{base}/cgi-bin/webhook/send?key={key}"
        self._zone = zone
        self._wire = wire

    async def send(self, notice: Notice) -> Receipt:
        await self._post(text_message(notice, self._zone))
        # The alarm is told; a picture that fails must not have it told again.
        lost = []
        for picture in notice.pictures[:1]:
            try:
                await self._post(image_message(picture))
            except ChannelError as error:
                lost.append(f"; picture not taken: {error}")
        return Receipt("sent" + "".join(lost))

    async def close(self) -> None:
        await self._wire.close()

    async def _post(self, message: dict[str, Any]) -> None:
        response = await self._wire.post_json(self._url, message)
        check(response)
        judge(fields_of(response))


def text_message(notice: Notice, zone: tzinfo) -> dict[str, Any]:
    """The text, at most 2048 bytes, with whom it mentions."""
    text: dict[str, Any] = {
        "content": cut_bytes("\n".join([title(notice), *lines(notice, zone)]), MAX_TEXT_BYTES),
        "mentioned_list": [person.wecom for person in notice.people if person.wecom],
        # The robot knows mainland numbers without their country code.
        "mentioned_mobile_list": [
            person.mobile.removeprefix("+86") for person in notice.people if person.mobile and not person.wecom
        ],
    }
    return {"msgtype": "text", "text": text}


def image_message(picture: Picture) -> dict[str, Any]:
    """The picture; its MD5 is over the raw bytes. Raises PermanentError where the robot does not take such a picture."""
    if len(picture.data) > MAX_PICTURE_BYTES or picture.content_type not in _PICTURE_TYPES:
        raise PermanentError(f"{picture.content_type} of {len(picture.data)} bytes; JPEG or PNG up to 2 MiB are taken")
    digest = hashlib.md5(picture.data, usedforsecurity=False).hexdigest()
    return {"msgtype": "image", "image": {"base64": base64.b64encode(picture.data).decode(), "md5": digest}}


def judge(fields: dict[str, Any]) -> None:
    """What the answer's `errcode` means. Raises RetryableError, PacedError, PermanentError."""
    code = fields.get("errcode")
    if code == 0:
        return
    reason = f"errcode {code}: {str(fields.get('errmsg', ''))[:200]}"
    if code == _TOO_FREQUENT:
        raise PacedError(reason, TOO_FREQUENT_S)
    if code in _BUSY:
        raise RetryableError(reason)
    raise PermanentError(reason)
