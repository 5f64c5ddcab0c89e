"""E-mail with the picture in the text; all mails of one alarm make one thread.

Mail servers greet slowly and speak a blocking protocol: each notice is one connection in a thread.
Source: RFC 5322 (threads), RFC 2387 (related parts), RFC 3834 (Auto-Submitted).
"""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from email.message import EmailMessage
from email.utils import format_datetime, formataddr
from html import escape

from alerts.notify.port import EventAction, Notice, PermanentError, Person, Receipt, RetryableError
from alerts.notify.wording import lines, title
from shedwatch.clock import Clock

TIMEOUT_S = 20.0

_TRANSIENT = range(400, 500)


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in. `security`: `tls` from the first byte, `starttls`, or `none` for a relay on this machine."""

    host: str
    port: int
    security: str
    user: str | None = None
    password: str | None = None


class MailChannel:
    """A `Channel`: one mail to all who are meant, else to `default`."""

    def __init__(
        self, name: str, server: MailServer, sender: str, zone: tzinfo, clock: Clock, default: tuple[str, ...] = ()
    ) -> None:
        self.name = name
        self._server = server
        self._sender = sender
        self._zone = zone
        self._clock = clock
        self._default = default

    async def send(self, notice: Notice) -> Receipt:
        receivers = addresses(notice.people) or list(self._default)
        if not receivers:
            raise PermanentError("nobody to reach: no one who is meant has an e-mail address")
        mail = compose(notice, self._sender, receivers, self._zone, self._clock.now_ms())
        refused = await asyncio.to_thread(self._hand_in, mail, receivers)
        return Receipt("sent" + "".join(f"; {who} refused: {why}" for who, why in refused.items()))

    async def close(self) -> None:
        """Every notice has its own connection."""

    def _hand_in(self, mail: EmailMessage, receivers: list[str]) -> dict[str, str]:
        try:
            with self._connect() as smtp:
                if self._server.user and self._server.password:
                    smtp.login(self._server.user, self._server.password)
                refused = smtp.send_message(mail, self._sender, receivers)
        except smtplib.SMTPRecipientsRefused as error:
            raise _failure(next(iter(error.recipients.values()))) from error
        except smtplib.SMTPResponseException as error:
            raise _failure((error.smtp_code, error.smtp_error)) from error
        except (smtplib.SMTPException, OSError) as error:
            raise RetryableError(f"{type(error).__name__}: {error}") from error
        return {who: f"{code} {_text(reason)}" for who, (code, reason) in refused.items()}

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        context = ssl.create_default_context()
        if server.security == "tls":
            return smtplib.SMTP_SSL(server.host, server.port, timeout=TIMEOUT_S, context=context)
        smtp = smtplib.SMTP(server.host, server.port, timeout=TIMEOUT_S)
        if server.security == "starttls":
            smtp.starttls(context=context)
        return smtp


def addresses(people: Sequence[Person]) -> list[str]:
    """The e-mail addresses of those who have one."""
    return [person.email for person in people if person.email]


def compose(notice: Notice, sender: str, receivers: list[str], zone: tzinfo, now_ms: int) -> EmailMessage:
    """Text and, with the first picture in it, HTML; the picture is related to the HTML so that every client shows it there."""
    domain = sender.rpartition("@")[2].rstrip(">") or "shedwatch.invalid"
    first = f"<{notice.dedup_key}.0@{domain}>"
    mail = EmailMessage()
    mail["From"] = formataddr(("Shedwatch", sender))
    mail["To"] = ", ".join(receivers)
    mail["Subject"] = title(notice).replace("\n", " ")
    mail["Date"] = format_datetime(datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone))
    # What follows the first mail of an alarm refers to it, so that an alarm is one thread.
    if notice.event_action is EventAction.TRIGGER and notice.level == 0 and notice.alert.count == 1:
        mail["Message-ID"] = first
    else:
        mail["Message-ID"] = f"<{notice.id}@{domain}>"
        mail["In-Reply-To"] = mail["References"] = first
    mail["Auto-Submitted"] = "auto-generated"
    said = lines(notice, zone)
    # base64: a relay without 8BITMIME must not spoil the Chinese text.
    mail.set_content("\n".join([title(notice), "", *said]), cte="base64")
    if notice.pictures:
        _add_html(mail, notice, said, domain)
    return mail


def _add_html(mail: EmailMessage, notice: Notice, said: list[str], domain: str) -> None:
    picture = notice.pictures[0]
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in said)
    html = f'<h3>{escape(title(notice))}</h3><p><img src="cid:frame@{domain}" width="640"></p>{paragraphs}'
    mail.add_alternative(html, subtype="html", cte="base64")
    parts = mail.get_payload()
    assert isinstance(parts, list)
    related = parts[1]
    assert isinstance(related, EmailMessage)
    maintype, _, subtype = picture.content_type.partition("/")
    related.add_related(
        picture.data,
        maintype,
        subtype,
        cid=f"<frame@{domain}>",
        filename=picture.name,
        disposition="inline",
    )


def _failure(answer: tuple[int, bytes | str]) -> RetryableError | PermanentError:
    code, reason = answer
    text = f"{code} {_text(reason)}"
    return RetryableError(text) if code in _TRANSIENT else PermanentError(text)


def _text(reason: bytes | str) -> str:
    return (reason.decode(errors="replace") if isinstance(reason, bytes) else reason)[:200]
