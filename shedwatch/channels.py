"""From the configuration's `notify.channels` to channels."""

from __future__ import annotations

from pathlib import Path

from alerts.notify.apprise_channel import AppriseChannel
from alerts.notify.port import Channel
from alerts.notify.webhook import WebhookChannel
from shedwatch.clock import Clock
from shedwatch.settings import AppriseSettings, WebhookSettings


def make_channel(settings: WebhookSettings | AppriseSettings, clock: Clock) -> Channel:
    """A channel.

    Raises:
        OSError: the file of a secret cannot be read.
        ValueError: a URL that Apprise does not know.
    """
    if isinstance(settings, AppriseSettings):
        return AppriseChannel(settings.name, _secret(settings.url, settings.url_file) or "")
    return WebhookChannel(settings.name, settings.url, clock, _secret(settings.secret, settings.secret_file))


def _secret(value: str | None, file: Path | None) -> str | None:
    return file.read_text(encoding="utf-8").strip() if file is not None else value
