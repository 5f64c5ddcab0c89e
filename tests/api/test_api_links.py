"""Signed links: whoever was told acknowledges from the phone without a login, once, and nobody else can."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from alerts.model import AlarmState
from alerts.orders import Limits, Several
from api.app import create_app
from api.links import GOOD_FOR_MS, GROUP, Link, LinkSigner, _text, signer_in
from tests.api.fakes import JPEG, House, alert

SIGNER = LinkSigner(b"k" * 32)
LINK = Link("a1", 1, "王强", 1_795_400_000_000 + GOOD_FOR_MS, "night-call")


@pytest.fixture
def phone(home: House) -> Iterator[TestClient]:
    with TestClient(create_app(replace(home.deps, links=SIGNER))) as made:
        yield made


def test_opening_a_link_shows_the_alert_and_changes_nothing(phone: TestClient, home: House) -> None:
    """Messengers open addresses by themselves to show a preview."""
    home.desk.put(alert("a1"))
    page = phone.get(f"/n/{SIGNER.token(LINK)}")
    assert page.status_code == 200
    assert "发现烟雾" in page.text
    assert 'method="post"' in page.text
    assert home.desk.alerts["a1"].state is AlarmState.UNACKNOWLEDGED


def test_the_button_acknowledges_in_the_name_of_whom_the_link_was_made_for(phone: TestClient, home: House) -> None:
    """Without a login, and only once."""
    home.desk.put(alert("a1"))
    address = f"/n/{SIGNER.token(LINK)}"
    assert 'data-state="done"' in phone.post(address).text
    assert home.desk.alerts["a1"].acknowledged_by == "王强"
    assert home.desk.kept[-1].transition.note == "链接发给 night-call / by link sent to night-call"
    kept = len(home.desk.kept)
    assert 'data-state="done"' in phone.post(address).text
    assert len(home.desk.kept) == kept


def test_a_link_of_an_earlier_annunciation_acknowledges_nothing(phone: TestClient, home: House) -> None:
    """The fire came back after the message was sent: somebody must see the newest one."""
    home.desk.put(alert("a1"))
    home.desk.put(alert("a1"), "worsen")
    page = phone.post(f"/n/{SIGNER.token(LINK)}")
    assert 'data-state="newer"' in page.text
    assert home.desk.alerts["a1"].state is AlarmState.UNACKNOWLEDGED


@pytest.mark.parametrize("token", ["nonsense-token", "YQ.YQYQYQ", LinkSigner(b"other" * 8).token(LINK)])
def test_a_link_that_was_not_made_here_is_no_link(phone: TestClient, home: House, token: str) -> None:
    """And says nothing of any alert."""
    home.desk.put(alert("a1"))
    for answer in (phone.get(f"/n/{token}"), phone.post(f"/n/{token}")):
        assert answer.status_code == 404
        assert "发现烟雾" not in answer.text
    assert phone.get(f"/n/{token}/picture.jpg").status_code == 404
    assert home.desk.alerts["a1"].state is AlarmState.UNACKNOWLEDGED


def test_a_link_is_over_after_a_day(phone: TestClient, home: House) -> None:
    """A phone that was lost opens nothing next week."""
    home.desk.put(alert("a1"))
    home.clock.advance(GOOD_FOR_MS / 1000)
    assert phone.get(f"/n/{SIGNER.token(LINK)}").status_code == 404


def test_the_picture_comes_with_the_link(phone: TestClient, home: House) -> None:
    """For the page, and for messengers that show pictures only by address."""
    (home.evidence / "smoke-1.jpg").write_bytes(JPEG)
    home.desk.put(alert("a1", evidence=("smoke-1.jpg",)))
    address = f"/n/{SIGNER.token(LINK)}"
    assert f"{address}/picture.jpg" in phone.get(address).text
    assert phone.get(f"{address}/picture.jpg").content == JPEG


def test_a_ledger_that_is_down_is_said(phone: TestClient, home: House) -> None:
    """So that whoever pressed the button calls the control room."""
    home.desk.put(alert("a1"))
    home.desk.down = True
    page = phone.post(f"/n/{SIGNER.token(LINK)}")
    assert page.status_code == 503
    assert "请打电话" in page.text


def test_without_links_there_are_none(client: TestClient, home: House) -> None:
    """A service that sends none opens none."""
    assert client.get(f"/n/{SIGNER.token(LINK)}").status_code == 404


@given(
    st.text(st.characters(blacklist_characters="\n", blacklist_categories=("Cs",)), max_size=40),
    st.integers(0, 2**53),
    st.sampled_from(("", "duty-room", "duty-room: 王强, 李梅")),
)
def test_what_a_token_says_comes_back(who: str, seq: int, sent_to: str) -> None:
    """Whatever the name."""
    link = Link("1795400000000-0a1b2c3d", seq, who, 2, sent_to)
    assert SIGNER.read(SIGNER.token(link), 1) == link
    assert SIGNER.read(SIGNER.token(link), 2) is None


def test_a_link_of_before_the_update_still_opens() -> None:
    """It was sent an hour ago; it does not say where."""
    body = b"a1\n1\n9\n\xe7\x8e\x8b\xe5\xbc\xba"
    assert SIGNER.read(f"{_text(body)}.{_text(SIGNER._sign(body))}", 0) == Link("a1", 1, "王强", 9)


@given(st.text(max_size=80))
def test_no_text_opens_anything(text: str) -> None:
    """Nor breaks anything."""
    assert SIGNER.read(text, 0) is None


@given(st.integers(0, 200), st.sampled_from("ABCxyz019-_"))
def test_a_token_that_was_changed_is_refused(place: int, letter: str) -> None:
    """At any letter."""
    token = SIGNER.token(LINK)
    place %= len(token)
    changed = token[:place] + letter + token[place + 1 :]
    read = SIGNER.read(changed, 0)
    assert read is None or read == LINK


def test_the_key_outlives_a_restart_and_is_nobody_elses(tmp_path: Path) -> None:
    """Links that are on their way stay good."""
    token = signer_in(tmp_path / "data").token(LINK)
    assert signer_in(tmp_path / "data").read(token, 0) == LINK
    assert (tmp_path / "data" / "link.key").stat().st_mode & 0o077 == 0


def test_where_two_have_to_the_first_link_does_not_end_it_and_says_so(phone: TestClient, home: House) -> None:
    """The second person's link does."""
    home.desk.limits = Limits(several=(Several(2),))
    home.desk.put(alert("a1", acknowledgements_needed=2))
    address = f"/n/{SIGNER.token(LINK)}"
    for page in (phone.post(address), phone.post(address), phone.get(address)):
        assert 'data-state="part"' in page.text
        assert "需 2 人确认，已有 1 人" in page.text
    assert home.desk.alerts["a1"].state is AlarmState.UNACKNOWLEDGED
    second = phone.post(f"/n/{SIGNER.token(replace(LINK, who='李梅'))}")
    assert 'data-state="done"' in second.text
    assert home.desk.alerts["a1"].acknowledged_by == "王强, 李梅"


def test_the_link_of_a_group_asks_each_who_they_are_where_several_have_to(phone: TestClient, home: House) -> None:
    """One link in a group chat must not count twice for one person, nor be nobody's; the log has the name and the door."""
    home.desk.limits = Limits(several=(Several(2),))
    home.desk.put(alert("a1", acknowledgements_needed=2))
    address = f"/n/{SIGNER.token(replace(LINK, who=GROUP, sent_to='duty-room'))}"
    assert 'name="name"' in phone.get(address).text
    assert "此链接发给：duty-room" in phone.get(address).text
    assert 'data-state="open"' in phone.post(address).text
    assert home.desk.alerts["a1"].acknowledgements == ()
    assert 'data-state="part"' in phone.post(address, data={"name": " 王  强 "}).text
    assert [one.by for one in home.desk.alerts["a1"].acknowledgements] == ["王 强"]
    assert (home.desk.kept[-1].transition.who, home.desk.kept[-1].transition.note) == (
        "王 强",
        "1 of 2: 链接发给 duty-room / by link sent to duty-room; 姓名自填 / name as typed",
    )
    phone.post(address, data={"name": "王 强"})
    assert home.desk.alerts["a1"].state is AlarmState.UNACKNOWLEDGED
    assert 'data-state="done"' in phone.post(address, data={"name": "李梅"}).text
