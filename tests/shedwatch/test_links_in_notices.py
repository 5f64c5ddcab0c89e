"""The addresses in notices: whose they are, and where they say they were sent."""

from __future__ import annotations

from alerts.notify.port import Person
from api.links import GROUP, LinkSigner
from shedwatch.people import MAX_SENT_TO, links_to
from tests.api.fakes import alert

SIGNER = LinkSigner(b"k" * 32)
WANG, LI = Person("wang", "王强"), Person("li", "李梅")


def test_a_link_says_for_whom_it_is_and_by_which_channel_it_went() -> None:
    """One person's is theirs; that of a group is nobody's, but says who was meant."""
    links = links_to("https://shed.example/", SIGNER)
    for people, who, sent_to in (
        ((WANG,), "王强", "night-call"),
        ((), GROUP, "night-call"),
        ((WANG, LI), GROUP, "night-call: 王强, 李梅"),
    ):
        address, _picture = links("night-call", 7, alert("a1"), people, 1000)
        link = SIGNER.read(address.removeprefix("https://shed.example/n/"), 1000)
        assert link is not None
        assert (link.alert_id, link.seq, link.who, link.sent_to) == ("a1", 7, who, sent_to)


def test_a_link_to_many_stays_short_enough_for_a_message() -> None:
    """Robots count bytes."""
    many = [Person(f"p{number}", f"值班员{number}号") for number in range(40)]
    address, _picture = links_to("https://shed.example", SIGNER)("duty-room", 2**53, alert("a" * 20), many, 2**45)
    assert len(address) < 450
    link = SIGNER.read(address.rpartition("/")[2], 1000)
    assert link is not None
    assert len(link.sent_to) == MAX_SENT_TO
