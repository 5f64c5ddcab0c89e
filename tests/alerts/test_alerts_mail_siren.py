"""E-mail as mail readers show it and servers take it; sirens that follow the open alerts."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta, timezone
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from alarm_doubles import StillClock, service, until
from alarm_samples import NOW_MS, observation
from test_alerts_channels import NOTICE

from alerts import lifecycle
from alerts.feed import Feed, Subscription
from alerts.model import Alert, AlertKey, AlertKind, Condition, Severity, Text
from alerts.notify.mail import MailChannel, MailServer, compose
from alerts.notify.pace import Pace
from alerts.notify.port import EventAction, PermanentError, Person, RetryableError
from alerts.notify.siren import Sirens, sounding
from alerts.proving_ground import CAMERA
from shedwatch.clock import ManualClock
from vision.model import ObservationKind

ZONE = timezone(timedelta(hours=8))


@dataclass
class MailHost:
    """Enough of an SMTP server (RFC 5321) to hand mail in; refuses receivers as told."""

    refuses: dict[str, str] = field(default_factory=dict)
    mails: list[bytes] = field(default_factory=list)
    greeting: str = "220 mail"
    port: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"{self.greeting}\r\n".encode())
        try:
            while line := (await reader.readline()).decode().strip():
                verb = line.split(":")[0].upper()
                if verb.startswith("EHLO"):
                    writer.write(b"250-mail\r\n250 8BITMIME\r\n")
                elif verb == "RCPT TO":
                    address = line.partition("<")[2].partition(">")[0]
                    writer.write(f"{self.refuses.get(address, '250 ok')}\r\n".encode())
                elif verb == "DATA":
                    writer.write(b"354 go on\r\n")
                    self.mails.append((await reader.readuntil(b"\r\n.\r\n"))[:-5])
                    writer.write(b"250 taken\r\n")
                elif verb == "QUIT":
                    writer.write(b"221 bye\r\n")
                    break
                else:
                    writer.write(b"250 ok\r\n")
        finally:
            writer.close()


@asynccontextmanager
async def mail_host(**how: object) -> AsyncIterator[MailHost]:
    host = MailHost(**how)  # type: ignore[arg-type]
    server = await asyncio.start_server(host.serve, "127.0.0.1", 0)
    host.port = server.sockets[0].getsockname()[1]
    yield host
    server.close()
    await server.wait_closed()


def channel(host: MailHost) -> MailChannel:
    server = MailServer("127.0.0.1", host.port, "none")
    return MailChannel("email", server, "sheds@example.com", ZONE, ManualClock(NOW_MS), ("duty@example.com",))


async def test_a_mail_shows_its_picture_in_the_text() -> None:
    """Alternative of text and HTML, the picture related to the HTML; Chinese survives any relay."""
    async with mail_host() as host:
        await channel(host).send(replace(NOTICE, people=()))
    (raw,) = host.mails
    mail = message_from_bytes(raw, policy=policy.default)
    assert mail["To"] == "duty@example.com"
    assert mail["Subject"] == "【紧急】1号车棚 c1 3号口 温度 92 °C"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.get_content_type() == "multipart/alternative"
    text, related = mail.iter_parts()
    assert "查看并确认: https://sheds.example.com/n/abc" in text.get_content()
    assert text["Content-Transfer-Encoding"] == "base64"
    html, picture = related.iter_parts()
    assert f"cid:{picture['Content-ID'].strip('<>')}" in html.get_content()
    assert picture.get_content_disposition() == "inline"
    assert picture.get_content() == NOTICE.pictures[0].data


def test_all_mails_of_an_alarm_are_one_thread() -> None:
    """What follows refers to the first."""
    first = compose(NOTICE, "sheds@example.com", ["a@example.com"], ZONE, NOW_MS)
    later = replace(NOTICE, id="n-8", event_action=EventAction.RESOLVE)
    follow = compose(later, "sheds@example.com", ["a@example.com"], ZONE, NOW_MS)
    assert first["Message-ID"] == follow["In-Reply-To"] == follow["References"]
    assert follow["Message-ID"] != first["Message-ID"]


@pytest.mark.parametrize(("answer", "error"), [("450 later", RetryableError), ("550 no such user", PermanentError)])
async def test_a_server_says_by_its_code_whether_to_try_again(answer: str, error: type[Exception]) -> None:
    """4xx passes, 5xx does not."""
    async with mail_host(refuses={"duty@example.com": answer}) as host:
        with pytest.raises(error):
            await channel(host).send(replace(NOTICE, people=()))


async def test_a_mail_that_some_receive_is_delivered() -> None:
    """And the receipt names the others."""
    people = (Person("a", "A", email="a@example.com"), Person("b", "B", email="b@example.com"))
    async with mail_host(refuses={"b@example.com": "550 gone"}) as host:
        receipt = await channel(host).send(replace(NOTICE, people=people))
    assert "b@example.com refused: 550" in receipt.detail
    assert len(host.mails) == 1


async def test_a_server_that_is_away_is_tried_again() -> None:
    """Nobody listens there."""
    async with mail_host() as host:
        pass
    with pytest.raises(RetryableError):
        await channel(host).send(NOTICE if NOTICE.people == () else replace(NOTICE, people=()))


# ---- sirens


TEST_SMOKE = Condition(AlertKey(AlertKind.SMOKE, *CAMERA), True, Severity.CRITICAL, Text("烟", "smoke"))


async def test_a_siren_sounds_until_somebody_acknowledges(tmp_path: Path) -> None:
    """And says what for; a bus that was away is told again."""
    clock, told, away = StillClock(), [], [True]

    async def publish(topic: str, payload: bytes, retain: bool) -> None:
        if away[0]:
            raise ConnectionError("away")
        assert retain
        told.append((topic, json.loads(payload)))

    sheds = [("cuiping", "shed-1"), ("cuiping", "shed-2")]
    async with (
        service(f"sqlite:///{tmp_path / 'a.db'}", clock) as desk,
        Sirens(desk, publish, clock, sheds, Severity.CRITICAL, "sheds"),
    ):
        await desk.submit_observations([observation(ObservationKind.SMOKE, zone="a")])
        away[0] = False
        await until(lambda: any(order["on"] for _, order in told), clock, 0.5)
        (alert,) = desk.open_alerts()
        topic, order = next(one for one in told if one[1]["on"])
        assert topic == "sheds/cuiping/shed-1/siren"
        assert (order["alert_id"], order["severity"]) == (alert.id, "critical")
        assert order["say"]["zh"] == alert.message.zh
        assert ("sheds/cuiping/shed-2/siren", False) in [(where, one["on"]) for where, one in told]
        await desk.acknowledge(alert.id, "wang", "")
        await until(lambda: told[-1][1]["on"] is False, clock, 0.5)
        assert sounding(desk.open_alerts(), Severity.CRITICAL) == {}


# ---- pace


def test_a_pace_keeps_a_part_for_what_cannot_wait() -> None:
    """Twenty a minute, eight of them for fires."""
    pace = Pace(20, 60.0, kept=8)
    for _ in range(12):
        assert pace.wait_s(0.0, urgent=False) == 0.0
        pace.spend(0.0)
    assert pace.wait_s(1.0, urgent=False) == pytest.approx(59.0)
    for _ in range(8):
        assert pace.wait_s(1.0, urgent=True) == 0.0
        pace.spend(1.0)
    assert pace.wait_s(2.0, urgent=True) == pytest.approx(58.0)
    assert pace.wait_s(60.0, urgent=False) == pytest.approx(0.0)


def test_a_pace_counts_a_picture_as_a_message() -> None:
    """Text and picture are two."""
    pace = Pace(3, 60.0)
    pace.spend(0.0, 2)
    assert pace.wait_s(1.0, urgent=True, cost=2) == pytest.approx(59.0)
    assert pace.wait_s(1.0, urgent=True, cost=1) == 0.0


async def test_a_siren_that_is_asked_to_sounds_for_a_test_says_so_and_is_off_when_it_is_over() -> None:
    """The proof of a siren; another shed's stays silent."""
    feed, told, alerts = Feed(), [], [lifecycle.raised("t1", TEST_SMOKE, NOW_MS)]

    async def publish(topic: str, payload: bytes, _retain: bool) -> None:
        told.append((topic, json.loads(payload)))

    class Desk:
        def open_alerts(self) -> list[Alert]:
            return alerts

        def changes(self, after_seq: int | None = None) -> Subscription:
            return feed.subscribe()

    sheds = [("cuiping", "shed-1"), ("cuiping", "shed-2")]
    async with Sirens(Desk(), publish, StillClock(), sheds, Severity.CRITICAL, "sheds") as sirens:
        await until(lambda: len(told) == 2)
        assert [order["on"] for _, order in told] == [False, False]
        sirens.sound_tests(("cuiping", "shed-2"))
        await until(lambda: len(told) == 3)
        assert told[-1][0] == "sheds/cuiping/shed-2/siren"
        assert (told[-1][1]["on"], told[-1][1]["test"]) == (True, True)
        sirens.sound_tests(None)
        await until(lambda: len(told) == 4)
        assert told[-1] == ("sheds/cuiping/shed-2/siren", {"on": False, "ts": NOW_MS})
