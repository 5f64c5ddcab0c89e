"""Acknowledgements go out in the order of arrival, and what waits to be sent is bounded."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ingest.delivery import AckQueue, Outbox, Outgoing


@given(st.permutations(range(12)))
def test_acknowledgements_keep_the_order_of_arrival(order: list[int]) -> None:
    """However the work on the messages was ordered, none is given twice or early."""
    queue = AckQueue()
    messages = [queue.add(mid) for mid in range(12)]
    given_: list[int] = []
    for number, mid in enumerate(order):
        messages[mid]()
        given_ += queue.ready()
        assert set(given_) <= set(order[: number + 1])

    assert given_ == list(range(12))


def test_what_an_earlier_connection_brought_is_never_acknowledged_on_a_later_one() -> None:
    """The same number may belong to another message there."""
    queue = AckQueue()
    old = queue.add(1)
    queue.clear()
    new = queue.add(1)

    old()
    assert queue.ready() == []
    new()
    assert queue.ready() == [1]
    new()
    assert queue.ready() == []


def test_it_is_told_once_of_any_number_of_messages_that_are_done() -> None:
    """So that they are acknowledged in one piece, and again after it was asked."""
    told: list[str] = []
    queue = AckQueue(lambda: told.append("done"))
    messages = [queue.add(mid) for mid in range(4)]
    for message in messages[:3]:
        message()
    before = list(told)
    ready = queue.ready()
    messages[3]()

    assert (before, ready, told) == (["done"], [0, 1, 2], ["done", "done"])


def test_of_retained_messages_the_newest_of_each_topic_is_kept() -> None:
    """Even when nothing else finds room."""
    outbox = Outbox(limit=2)
    taken = [
        outbox.keep(Outgoing("a", b"1", 1, True)),
        outbox.keep(Outgoing("b", b"1", 1, False)),
        outbox.keep(Outgoing("b", b"2", 1, False)),
        outbox.keep(Outgoing("a", b"2", 1, True)),
        outbox.keep(Outgoing("c", b"0", 0, False)),
    ]

    assert taken == [True, True, False, True, False]
    sent: list[Outgoing] = []
    outbox.drain(lambda message: not sent.append(message))
    assert [(message.topic, message.payload) for message in sent] == [("b", b"1"), ("a", b"2")]
    assert len(outbox) == 0


def test_what_is_not_taken_waits_on() -> None:
    """A connection that has just come back may have no room for all that waits; none of it is lost, nor its order."""
    outbox, sent = Outbox(), []
    for number in range(5):
        outbox.keep(Outgoing("t", b"%d" % number, 1, False))
    outbox.take_back([Outgoing("t", b"first", 1, False)])

    outbox.drain(lambda message: len(sent) < 3 and not sent.append(message.payload))
    waiting = len(outbox)
    outbox.drain(lambda message: not sent.append(message.payload))

    assert (waiting, sent) == (3, [b"first", b"0", b"1", b"2", b"3", b"4"])
