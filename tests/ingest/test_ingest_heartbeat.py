"""Connected is who receives: a beat of our own has to come back."""

from __future__ import annotations

from ingest.heartbeat import BEAT_EVERY_S, DEAF_AFTER_S, BusHeartbeat


def test_a_connection_that_brings_nothing_is_deaf() -> None:
    """Although it is open; until anything arrives."""
    heart = BusHeartbeat()
    heart.connected(100.0)
    heart.received(0, 119.0)
    before, after = heart.deaf_s(100.0 + DEAF_AFTER_S - 0.1), heart.deaf_s(100.0 + DEAF_AFTER_S)
    heart.received(1, 121.0)

    assert (before, after, heart.deaf_s(122.0)) == (None, DEAF_AFTER_S, None)


def test_beats_are_sent_often_enough_to_be_missed_in_time() -> None:
    """At once, and then at their interval."""
    heart = BusHeartbeat()
    heart.connected(0.0)

    assert [second for second in range(60) if heart.due(float(second))] == list(range(0, 60, int(BEAT_EVERY_S)))
    assert DEAF_AFTER_S >= 2 * BEAT_EVERY_S


def test_whoever_does_not_listen_on_purpose_is_not_deaf() -> None:
    """Nothing is read while the store is behind."""
    heart = BusHeartbeat()
    heart.connected(0.0)
    heart.excused(500.0)

    assert heart.deaf_s(501.0) is None


def test_before_the_first_connection_nothing_is_expected() -> None:
    """That it is not there is said elsewhere."""
    assert BusHeartbeat().deaf_s(1000.0) is None
