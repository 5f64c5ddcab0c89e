"""The webhook against a real HTTP server of this process, and Apprise without any network."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from alarm_samples import NOW_MS, condition

from alerts import lifecycle
from alerts.model import Text
from alerts.notify.apprise_channel import AppriseChannel
from alerts.notify.port import EventAction, Notice, PermanentError, Picture, RetryableError
from alerts.notify.webhook import WebhookChannel
from shedwatch.clock import ManualClock

NOTICE = Notice(
    id="hook-7",
    event_action=EventAction.TRIGGER,
    dedup_key="shedwatch-a1",
    created_ms=NOW_MS,
    alert=lifecycle.raised("a1", condition(value=72.5, evidence=("a.jpg",)), NOW_MS),
    summary=Text("【严重】热", "[HIGH] hot"),
    pictures=(Picture("a.jpg", "image/jpeg", b"\xff\xd8picture"),),
)


@dataclass
class Receiver:
    """An HTTP server that answers as told and keeps what it was sent."""

    answer: str = "HTTP/1.1 202 Accepted\r\ncontent-length: 2\r\n\r\nok"
    requests: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                lines = head.decode().split("\r\n")
                headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines[1:] if line)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                self.requests.append((headers, body))
                writer.write(self.answer.encode())
                await writer.drain()
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    received = Receiver()
    server = await asyncio.start_server(received.serve, "127.0.0.1", 0)
    received.port = server.sockets[0].getsockname()[1]
    yield received
    server.close()
    await server.wait_closed()


async def send(receiver: Receiver, secret: str | None = "geheim") -> Any:
    channel = WebhookChannel("hook", f"http://127.0.0.1:{receiver.port}/hook", ManualClock(NOW_MS), secret)
    try:
        return await channel.send(NOTICE)
    finally:
        await channel.close()


async def test_a_notice_arrives_whole_and_signed(receiver: Receiver) -> None:
    """Alert, picture and verbs; the signature is over the very bytes."""
    receipt = await send(receiver)
    assert receipt.detail == "202 ok"
    ((headers, body),) = receiver.requests
    expected = hmac.new(b"geheim", f"{NOW_MS}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["x-shedwatch-signature"] == f"sha256={expected}"
    assert (headers["x-shedwatch-timestamp"], headers["x-shedwatch-notice"]) == (str(NOW_MS), "hook-7")
    told = json.loads(body)
    assert (told["version"], told["event_action"], told["dedup_key"]) == (1, "trigger", "shedwatch-a1")
    assert (told["alert"]["id"], told["alert"]["value"], told["alert"]["message"]["zh"]) == ("a1", 72.5, "热")
    assert told["summary"] == {"zh": "【严重】热", "en": "[HIGH] hot"}
    (image,) = told["images"]
    assert (image["name"], image["content_type"]) == ("a.jpg", "image/jpeg")
    assert base64.b64decode(image["base64"]) == b"\xff\xd8picture"
    assert "严重".encode() in body


async def test_without_a_secret_nothing_is_signed(receiver: Receiver) -> None:
    """No empty signature that looks like one."""
    await send(receiver, secret=None)
    assert not [name for name in receiver.requests[0][0] if "signature" in name]


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("500 Oops", RetryableError),
        ("503 Busy", RetryableError),
        ("429 Slow", RetryableError),
        ("408 Late", RetryableError),
        ("400 Bad", PermanentError),
        ("401 Who", PermanentError),
        ("404 Where", PermanentError),
        ("302 Elsewhere", PermanentError),
    ],
)
async def test_an_answer_tells_whether_to_try_again(receiver: Receiver, status: str, error: type[Exception]) -> None:
    """Server faults pass, refusals do not; a redirect is not followed."""
    receiver.answer = f"HTTP/1.1 {status}\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 4\r\n\r\nwhy?"
    with pytest.raises(error, match=f"{status.split(maxsplit=1)[0]} why"):
        await send(receiver)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(("value", "expected"), [("17", 17.0), ("Wed, 21 Oct 2026 07:28:00 GMT", None), ("-5", None)])
async def test_a_named_time_of_return_is_kept(receiver: Receiver, value: str, expected: float | None) -> None:
    """In seconds; anything else is left to the own backoff."""
    receiver.answer = f"HTTP/1.1 429 Slow\r\nretry-after: {value}\r\ncontent-length: 0\r\n\r\n"
    with pytest.raises(RetryableError) as caught:
        await send(receiver)
    assert caught.value.retry_after_s == expected


async def test_a_receiver_that_is_not_there_is_tried_again(receiver: Receiver) -> None:
    """And so is one that hangs up without an answer."""
    receiver.answer = "nonsense\r\n\r\n"
    with pytest.raises(RetryableError):
        await send(receiver)
    receiver.port = 1
    with pytest.raises(RetryableError, match="Connect"):
        await send(receiver)


async def test_a_url_that_is_none_is_refused_for_good() -> None:
    """It will not become one."""
    channel = WebhookChannel("hook", "ftp://127.0.0.1/x", ManualClock())
    with pytest.raises(PermanentError):
        await channel.send(NOTICE)
    await channel.close()


# Apprise's mail plugin imports a module that Python 3.13 removes, and brings its own substitute.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
class TestApprise:
    """The adapter, with Apprise's sending replaced."""

    @pytest.mark.parametrize(
        ("event", "kind"),
        [(EventAction.TRIGGER, "failure"), (EventAction.RESOLVE, "success"), (EventAction.ACKNOWLEDGE, "info")],
    )
    async def test_title_text_picture_and_type_are_handed_over(
        self, monkeypatch: pytest.MonkeyPatch, event: EventAction, kind: str
    ) -> None:
        """In the words of Apprise."""
        channel, told = AppriseChannel("mail", "json://127.0.0.1:1"), []

        async def notify(**message: Any) -> bool:
            told.append(message)
            return True

        monkeypatch.setattr(channel._target, "async_notify", notify)
        await channel.send(replace(NOTICE, event_action=event))
        await channel.close()
        (message,) = told
        assert (message["title"], message["notify_type"]) == ("【严重】热", kind)
        assert message["body"] == "热\nhot"
        assert [(picture.name, picture.mimetype) for picture in message["attach"]] == [("a.jpg", "image/jpeg")]

    async def test_a_message_that_was_not_taken_is_tried_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Apprise gives no reason, so none is final."""
        channel = AppriseChannel("mail", "json://127.0.0.1:1")

        async def notify(**_: Any) -> bool:
            return False

        monkeypatch.setattr(channel._target, "async_notify", notify)
        with pytest.raises(RetryableError):
            await channel.send(NOTICE)

    async def test_it_reaches_a_real_receiver(self, receiver: Receiver) -> None:
        """Through Apprise's own JSON plugin, the picture included."""
        receiver.answer = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        await AppriseChannel("own", f"json://127.0.0.1:{receiver.port}/x").send(NOTICE)
        told = json.loads(receiver.requests[0][1])
        assert told["title"] == "【严重】热"
        assert base64.b64decode(told["attachments"][0]["base64"]) == b"\xff\xd8picture"

    def test_an_unknown_url_is_a_mistake_of_the_configuration_and_is_not_repeated(self) -> None:
        """URLs hold passwords."""
        with pytest.raises(ValueError, match="mail: not a URL") as caught:
            AppriseChannel("mail", "nosuch://user:geheim@host")
        assert "geheim" not in str(caught.value)
