"""Everything Apprise can reach: e-mail, DingTalk, WeCom, Feishu, Bark, Telegram, …, by its URL.

Apprise says only whether a service took the message, so that every failure counts as one that may pass; some services
report refusal in the body of an HTTP 200, which Apprise takes for success (robots of WeCom, DingTalk and Feishu). Pictures
go with services that take attachments.

Errors:
    ValueError: Apprise does not know the URL
"""

from __future__ import annotations

from typing import Any

from alerts.model import Severity
from alerts.notify.port import EventAction, Notice, Receipt, RetryableError
from alerts.notify.wording import title, warning

TIMEOUT_S = 30.0
"""Mail servers greet slowly; longer than that and the notice is tried again."""


class AppriseChannel:
    """A `Channel` to one Apprise URL (`mailto://…`, `dingtalk://…`)."""

    def __init__(self, name: str, url: str) -> None:
        # Loading Apprise takes most of a second, which only those pay who use it.
        import apprise
        from apprise.attachment.memory import AttachMemory

        self.name = name
        self._apprise: Any = apprise
        self._attachment: Any = AttachMemory
        self._target = self._apprise.Apprise()
        if not self._target.add(url):
            raise ValueError(
                f"channel {name}: not a URL that Apprise knows (its beginning: {url.partition('://')[0]}://)"
            )

    async def send(self, notice: Notice) -> Receipt:
        attach = self._apprise.AppriseAttachment()
        for picture in notice.pictures:
            attach.add(self._attachment(content=picture.data, name=picture.name, mimetype=picture.content_type))
        delivered = await self._target.async_notify(
            title=title(notice),
            body="\n".join(filter(None, (warning(notice), notice.alert.message.zh, notice.alert.message.en))),
            notify_type=self._type(notice),
            attach=attach if notice.pictures else None,
            timeout=TIMEOUT_S,
        )
        if not delivered:
            raise RetryableError("the service did not take the message; Apprise gives no reason")
        return Receipt()

    async def close(self) -> None:
        """Apprise keeps nothing open."""

    def _type(self, notice: Notice) -> Any:
        types = self._apprise.NotifyType
        if notice.event_action is EventAction.RESOLVE:
            return types.SUCCESS
        if notice.event_action is EventAction.ACKNOWLEDGE:
            return types.INFO
        return types.FAILURE if notice.alert.severity.rank >= Severity.HIGH.rank else types.WARNING
