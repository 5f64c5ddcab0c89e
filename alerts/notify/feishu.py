"""Feishu (飞书) and Lark custom robot: one card with text, picture and a button.

A picture needs a self-built app of the same tenant (`im:resource`): it is uploaded, and the card names its key. Without an app, or
where the upload fails, the card goes without.
Source: open.feishu.cn, custom bot guide, im-v1 image/create, tenant_access_token_internal.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

from alerts.model import Severity
from alerts.notify.port import (
    ChannelError,
    EventAction,
    Notice,
    PacedError,
    PermanentError,
    Picture,
    Receipt,
    RetryableError,
)
from alerts.notify.wire import Wire, check, fields_of
from alerts.notify.wording import cut_bytes, lines, title
from shedwatch.clock import Clock

BASE = "https://open.feishu.cn"
MAX_TEXT_BYTES = 15_000
"""The whole body may have 20 KB."""

TOKEN_SPARE_S = 1800.0
"""A new token is issued only in the last half hour of the old one."""

_THROTTLED = {11232, 99991400}
_STALE = 19021
_TOKEN_INVALID = {99991663, 99991664, 99991665, 99991666, 99991668}
_COLOURS = {Severity.CRITICAL: "red", Severity.HIGH: "orange", Severity.MEDIUM: "yellow", Severity.LOW: "blue"}


@dataclass(frozen=True, slots=True)
class FeishuApp:
    """The app that uploads pictures."""

    id: str
    secret: str


class FeishuRobot:
    """A `Channel` to one group. `base` is another for Lark (`https://open.larksuite.com`)."""

    def __init__(
        self,
        name: str,
        token: str,
        secret: str | None,
        zone: tzinfo,
        clock: Clock,
        wire: Wire,
        app: FeishuApp | None = None,
        base: str = BASE,
    ) -> None:
        self.name = name
        self._hook = f"{base}/open-apis/bot/v2/hook/{token}"
        self._base = base
        self._secret = secret
        self._zone = zone
        self._clock = clock
        self._wire = wire
        self._app = app
        self._app_token = ("", 0.0)

    async def send(self, notice: Notice) -> Receipt:
        key, lost = await self._picture(notice)
        body: dict[str, Any] = {"msg_type": "interactive", "card": card(notice, self._zone, key)}
        if self._secret:
            timestamp = str(self._clock.now_ms() // 1000)
            body |= {"timestamp": timestamp, "sign": sign(self._secret, timestamp)}
        judge(await self._answer(self._hook, body))
        return Receipt(f"sent{lost}")

    async def close(self) -> None:
        await self._wire.close()

    async def _answer(self, url: str, body: dict[str, Any]) -> dict[str, Any]:
        response = await self._wire.post_json(url, body)
        check(response)
        return fields_of(response)

    async def _picture(self, notice: Notice) -> tuple[str | None, str]:
        """The key of the uploaded picture, and what to say where that failed: the text must go all the same."""
        if self._app is None or not notice.pictures:
            return None, ""
        try:
            return await self._upload(notice.pictures[0]), ""
        except ChannelError as error:
            return None, f"; picture not taken: {error}"

    async def _upload(self, picture: Picture) -> str:
        for fresh in (False, True):
            token = await self._tenant_token(fresh)
            response = await self._wire.post(
                f"{self._base}/open-apis/im/v1/images",
                headers={"Authorization": f"Bearer {token}"},
                data={"image_type": "message"},
                files={"image": (picture.name, picture.data, picture.content_type)},
            )
            fields = fields_of(response)
            if fields.get("code") not in _TOKEN_INVALID:
                break
        judge(fields)
        return str(fields.get("data", {}).get("image_key", ""))

    async def _tenant_token(self, fresh: bool) -> str:
        token, good_until_s = self._app_token
        if token and not fresh and self._clock.monotonic() < good_until_s:
            return token
        assert self._app is not None
        asked = {"app_id": self._app.id, "app_secret": self._app.secret}
        fields = await self._answer(f"{self._base}/open-apis/auth/v3/tenant_access_token/internal", asked)
        judge(fields)
        token = str(fields.get("tenant_access_token", ""))
        self._app_token = (token, self._clock.monotonic() + float(fields.get("expire", 0)) - TOKEN_SPARE_S)
        return token


def sign(secret: str, timestamp_s: str) -> str:
    r"""Base64 of HMAC-SHA256 over nothing with `timestamp\nsecret` as key: the reverse of DingTalk's roles."""
    return base64.b64encode(hmac.new(f"{timestamp_s}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


def card(notice: Notice, zone: tzinfo, image_key: str | None = None) -> dict[str, Any]:
    """The card: header in the colour of severity, text, picture, button."""
    done = notice.event_action is EventAction.RESOLVE
    called = "".join(f"<at id={person.feishu}></at>" for person in notice.people if person.feishu)
    text = "\n".join([*lines(notice, zone), *([called] if called else [])])
    elements: list[dict[str, Any]] = [
        {"tag": "div", "text": {"tag": "lark_md", "content": cut_bytes(text, MAX_TEXT_BYTES)}}
    ]
    if image_key:
        elements.append({"tag": "img", "img_key": image_key, "alt": {"tag": "plain_text", "content": "画面"}})
    if notice.link and notice.event_action is EventAction.TRIGGER:
        button = {"tag": "button", "type": "primary", "url": notice.link}
        elements.append(
            {"tag": "action", "actions": [button | {"text": {"tag": "plain_text", "content": "查看并确认"}}]}
        )
    return {
        "header": {
            "template": "green" if done else _COLOURS[notice.alert.severity],
            "title": {"tag": "plain_text", "content": cut_bytes(title(notice), 300)},
        },
        "elements": elements,
    }


def judge(fields: dict[str, Any]) -> None:
    """What the answer's `code` means. Raises RetryableError, PacedError, PermanentError."""
    code = fields.get("code", fields.get("StatusCode"))
    if code == 0:
        return
    reason = f"code {code}: {str(fields.get('msg', ''))[:200]}"
    if code in _THROTTLED:
        raise PacedError(reason, 5.0)
    if code == _STALE:
        # Either the secret is wrong or our clock was; a new timestamp tells.
        raise RetryableError(reason)
    raise PermanentError(reason)
