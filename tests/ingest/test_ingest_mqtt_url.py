"""Where the broker is, from one line of configuration."""

from __future__ import annotations

import pytest

from ingest.mqtt_url import BrokerUrlError, parse_url


def test_everything_can_stand_in_the_url() -> None:
    """User, password with escapes, host, port and certificates."""
    url = parse_url("mqtts://shed:p%40ss%2Fword@broker.example:8884?ca=/etc/ca.pem&cert=c.pem&key=k.pem")

    assert (url.host, url.port, url.tls, url.username, url.password) == (
        "broker.example",
        8884,
        True,
        "shed",
        "p@ss/word",
    )
    assert (url.ca, url.cert, url.key) == ("/etc/ca.pem", "c.pem", "k.pem")


@pytest.mark.parametrize(("text", "port"), [("mqtt://h", 1883), ("mqtts://h", 8883), ("mqtt://[::1]:7", 7)])
def test_ports_have_their_customary_defaults(text: str, port: int) -> None:
    """1883 plain, 8883 with TLS."""
    assert parse_url(text).port == port


def test_the_password_is_never_shown() -> None:
    """Neither in the text nor in the representation of an address."""
    url = parse_url("mqtt://shed:secret@h")

    assert "secret" not in f"{url} {url!r}"


@pytest.mark.parametrize(
    "text", ["", "http://h", "mqtt://", "mqtt://h:port", "mqtt://h:99999", "mqtt://h?tls=1", "h:1883"]
)
def test_what_is_no_broker_is_refused(text: str) -> None:
    """With words, before anything is connected."""
    with pytest.raises(BrokerUrlError, match="broker URL"):
        parse_url(text)
