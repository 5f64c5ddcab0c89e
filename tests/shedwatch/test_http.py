"""Listening for HTTP."""

from __future__ import annotations

import socket

import pytest

from shedwatch.http import AddressTakenError, listen


def test_the_listening_socket_names_its_protocol():
    """asyncio turns Nagle's algorithm off only then; otherwise each kept-alive answer waits for a delayed ACK."""
    with listen("127.0.0.1", 0) as sock:
        assert sock.proto == socket.IPPROTO_TCP


def test_an_address_in_use_is_told_in_words():
    """Whoever starts a second service reads which address."""
    with listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(AddressTakenError, match=f"cannot listen on 127.0.0.1:{port}"):
            listen("127.0.0.1", port)
