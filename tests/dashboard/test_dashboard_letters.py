"""The page of refused messages, in a real browser over a real store."""

from __future__ import annotations

import pytest

from api.auth import Role
from ingest.store import dead_letters as table
from ingest.store.port import Refusal
from ingest.store.schema import connect_writer, transaction
from tests.dashboard.conftest import Visitor, Wall

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.alone]

AT_MS = 1_795_400_000_000


def bury(wall: Wall, *letters: tuple[str, str, str, bytes]) -> None:
    """Letters of (device, kind, reason, payload)."""
    connection = connect_writer(wall.home.evidence.parent / "telemetry.db")
    with transaction(connection):
        table.bury(
            connection,
            [
                Refusal(
                    AT_MS + n,
                    f"sheds/north/shed-1/charger/{name}/telemetry",
                    reason,
                    payload,
                    None,
                    kind,
                    f"north/shed-1/{name}",
                    unkept=40 * n,
                )
                for n, (name, kind, reason, payload) in enumerate(letters)
            ],
        )
    connection.close()


def open_letters(visitor: Visitor, role: Role = Role.OPERATOR) -> None:
    page = visitor.log_in(role)
    page.goto(f"{visitor.wall.url}/dead-letters")
    page.wait_for_selector("html[data-ready=true]")


def test_an_operator_is_led_to_what_was_refused_and_finds_the_reason(wall: Wall, visitor: Visitor) -> None:
    """The wall says how many there are; the list says whose, why, and with what in it."""
    bury(
        wall,
        ("c1", "port", "port 13: north/shed-1/c1 is configured with 12", b'{"ports": [{"port": 13}]}'),
        ("c2", "payload", "not JSON", b"<b>power</b>\xff\x00"),
    )
    page = visitor.log_in()
    page.click("#letters-link:visible")
    page.wait_for_selector("html[data-ready=true]")
    page.click(".letter-kind:has-text('端口不存在')")

    assert "2" in page.inner_text("#total")
    assert page.inner_text(".letter-text") == '{"ports": [{"port": 13}]}'
    assert "+40" in page.inner_text("#letters li:first-child .letter-alike")
    page.fill("[name=within]", "north/shed-1/c2")
    page.click("#filter button[type=submit]")
    page.wait_for_selector("#letters li:nth-child(1):last-child")
    page.click("#letters li summary")
    page.click(".letter-body details summary")
    assert page.inner_text(".letter-hex").startswith("3c 62 3e 70")
    assert page.locator(".letter-text").count() == 0
    assert page.locator("#letters b").count() == 0
    assert page.locator(".letter-actions button").count() == 1
    assert visitor.complaints == []
    assert visitor.elsewhere == []


def test_a_replay_says_what_came_of_it_and_an_admin_deletes(
    wall: Wall, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a process that takes messages it waits; a letter that is deleted is gone from the list."""
    monkeypatch.setattr("api.routes.dead_letters.REPLAY_WAIT_S", 0.1)
    bury(wall, ("c1", "port", "port 13", b"{}"))
    open_letters(visitor, Role.ADMIN)
    page = visitor.page
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("#letters li summary")
    page.click(".letter-actions .button-primary")
    page.wait_for_selector("#said:has-text('等待')")
    page.click(".letter-actions button:last-child")
    page.wait_for_selector("#letters li", state="detached")

    assert table.count(connect_writer(wall.home.evidence.parent / "telemetry.db"), table.LetterQuery()) == 0


def test_a_wall_without_refusals_and_a_viewer_see_no_link(wall: Wall, visitor: Visitor) -> None:
    """What nobody can or need do is not shown."""
    page = visitor.log_in(Role.OPERATOR)
    page.wait_for_timeout(500)

    assert not page.is_visible("#letters-link")
    bury(wall, ("c1", "port", "port 13", b"{}"))
    page = visitor.log_in(Role.VIEWER)
    page.wait_for_timeout(500)
    assert not page.is_visible("#letters-link")


def test_the_list_fits_a_phone(wall: Wall, visitor: Visitor) -> None:
    """Nothing runs over the edge."""
    bury(wall, ("c1", "value", "$.ports[0].power_w: Expected `float` <= 20000.0 " * 3, b"x" * 500))
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    open_letters(visitor)
    visitor.page.click("#letters li summary")
    visitor.page.wait_for_selector(".letter-text")
    edges = visitor.page.evaluate(
        "[...document.querySelectorAll('main *')].map(one => one.getBoundingClientRect().right)"
    )

    assert max(edges) <= 390
