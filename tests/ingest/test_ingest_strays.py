"""Which topics are strays, and why."""

from __future__ import annotations

import pytest

from ingest.strays import why_stray


@pytest.mark.parametrize(
    "topic",
    [
        "sheds/north/shed-1/charger/c1/telemetry",
        "sheds/north/shed-1/camera/cam-1/frame",
        "sheds/north/shed-1/charger/c1/command",
        "sheds/north/shed-1/alert/0123",
        "sheds/north/shed-1/siren",
        "sheds/service/shedwatch/status",
        "sheds/service/shedwatch/observation",
    ],
)
def test_a_topic_of_the_contract_is_none(topic):
    """Devices' topics belong to the intake, the others are our own."""
    assert why_stray(topic, "sheds") is None


@pytest.mark.parametrize(
    ("topic", "says"),
    [
        ("sheds/north/shed-1/toaster/t1/telemetry", "no device kind 'toaster'"),
        ("sheds/north/shed-1/charger/c1/gossip", "a charger has no 'gossip'"),
        ("sheds/nowhere", "expected sheds/site/shed/kind/id/channel"),
        ("sheds/north/shed-1/charger/C 1/telemetry", "'C 1' is not an id"),
    ],
)
def test_any_other_is_refused_with_what_is_wrong_in_it(topic, says):
    """Whoever wires a device reads where the mistake is."""
    assert says in (why_stray(topic, "sheds") or "")
