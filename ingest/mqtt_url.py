"""Where the broker is: `mqtt://user:password@host:port`, `mqtts://…?ca=FILE&cert=FILE&key=FILE`.

Errors:
    BrokerUrlError(ValueError): the URL says nothing that can be connected to; the message never contains the password.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

PORTS = {"mqtt": 1883, "mqtts": 8883}


class BrokerUrlError(ValueError):
    """Not a broker's URL."""


@dataclass(frozen=True, slots=True)
class BrokerUrl:
    """A broker's address. `str` of it never shows the password."""

    host: str
    port: int
    tls: bool = False
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    cert: str | None = None
    key: str | None = None

    def __str__(self) -> str:
        who = f"{self.username}@" if self.username else ""
        return f"{'mqtts' if self.tls else 'mqtt'}://{who}{self.host}:{self.port}"

    def tls_context(self) -> ssl.SSLContext:
        """A context that verifies the broker's certificate and name; with a client certificate where one is given.

        Raises:
            OSError: a file cannot be read.
        """
        context = ssl.create_default_context(cafile=self.ca)
        if self.cert:
            context.load_cert_chain(self.cert, self.key)
        return context


def parse_url(url: str) -> BrokerUrl:
    """Read a broker's URL. Raises BrokerUrlError."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BrokerUrlError(f"broker URL: {error}") from None
    if parts.scheme not in PORTS:
        raise BrokerUrlError(f"broker URL: begins with {parts.scheme!r}, use mqtt:// or mqtts://")
    if not parts.hostname:
        raise BrokerUrlError("broker URL: no host; write mqtt://host:port")
    files = {name: values[-1] for name, values in parse_qs(parts.query).items()}
    if unknown := files.keys() - {"ca", "cert", "key"}:
        raise BrokerUrlError(f"broker URL: unknown {', '.join(sorted(unknown))}; there are ca, cert and key")
    return BrokerUrl(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        tls=parts.scheme == "mqtts",
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password is not None else None,
        **files,
    )
