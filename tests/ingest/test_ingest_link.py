"""The life of a broker connection: versions, back-off, and no way out of STOPPED."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from ingest.link import MAX_BACKOFF_S, Link, LinkState, Protocol


def test_version_5_is_tried_first() -> None:
    """And accepted, it is kept."""
    link = Link().opening().greeting().accepted().proved()

    assert (link.state, link.protocol, link.settled) == (LinkState.ONLINE, Protocol.V5, True)


def test_a_broker_that_refuses_version_5_gets_3_1_1_at_once() -> None:
    """Without waiting: nothing is wrong but the version."""
    link = Link().opening().greeting().refused("unsupported", wrong_version=True)

    assert link.protocol is Protocol.V311
    assert link.delay_s(random.Random(0)) == 0.0


def test_a_broker_that_hangs_up_on_version_5_gets_3_1_1_at_once() -> None:
    """Some brokers do that instead of answering."""
    link = Link().opening().greeting().lost("hung up")

    assert link.protocol is Protocol.V311


def test_a_port_that_nobody_listens_on_says_nothing_about_versions() -> None:
    """Only a silence after our CONNECT does."""
    link = Link().opening().lost("connection refused")

    assert link.protocol is Protocol.V5
    assert link.delay_s(random.Random(0)) > 0


def test_a_settled_version_survives_a_hang_up() -> None:
    """A broker that is being restarted hangs up too."""
    link = Link().opening().greeting().accepted().lost("gone").opening().greeting().lost("hung up")

    assert link.protocol is Protocol.V5


def test_a_broker_that_refuses_both_versions_is_not_hammered() -> None:
    """The way back to version 5 waits."""
    rng = random.Random(1)
    link, at_once = Link(), 0
    for _ in range(20):
        link = link.opening().greeting().refused("unsupported", wrong_version=True)
        at_once += link.delay_s(rng) == 0.0

    assert at_once == 1


def test_online_is_who_has_received_something() -> None:
    """Taken in is not enough; and a connection that brought nothing counts as an attempt that failed."""
    link = Link().opening().lost("no route").opening().greeting().accepted()
    proving, deaf = link, link.deaf("nothing comes back")
    given_up = deaf.lost("given up")

    assert (proving.state, deaf.state, deaf.connected) == (LinkState.PROVING, LinkState.DEAF, True)
    assert deaf.proved().state is LinkState.ONLINE
    assert (given_up.state, given_up.failures) == (LinkState.WAITING, 2)
    assert deaf.proved().lost("gone").failures == 1


def test_who_is_not_connected_proves_nothing() -> None:
    """A message of an earlier connection that is still on its way through."""
    link = Link().opening().lost("gone")

    assert link.proved() is link
    assert link.deaf("nothing comes back") is link


STEPS = st.lists(
    st.sampled_from(["opening", "greeting", "accepted", "proved", "deaf", "refused", "wrong", "lost", "stopped"])
)


@given(STEPS, st.integers(0, 2**32))
def test_delays_are_bounded_and_stopped_is_for_good(steps: list[str], seed: int) -> None:
    """Whatever happens in whatever order."""
    link, stopped = Link(), False
    for step in steps:
        if stopped and step in ("opening", "greeting", "accepted"):
            continue
        match step:
            case "refused":
                link = link.refused("no")
            case "wrong":
                link = link.refused("no", wrong_version=True)
            case "deaf":
                link = link.deaf("nothing")
            case "lost":
                link = link.lost("gone")
            case _:
                link = getattr(link, step)()
        stopped = stopped or step == "stopped"
        assert 0 <= link.delay_s(random.Random(seed)) <= MAX_BACKOFF_S

    assert not stopped or link.state is LinkState.STOPPED
