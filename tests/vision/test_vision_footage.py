"""Floors for left objects on labelled real footage; what is measured is higher, and written in the documentation."""

from __future__ import annotations

import pytest

from vision.evaluate import evaluate

pytestmark = [pytest.mark.footage, pytest.mark.slow, pytest.mark.timeout(600)]


def test_most_left_objects_are_found_with_hardly_a_false_alarm(footage):
    """Eight events, twenty-one clips without; a detector that alarms on everything or nothing fails."""
    blocked = evaluate(footage / "catalogue.csv", ["blocked"], fps=2.5)["summary"]["blocked"]
    assert blocked["events"] == 8
    assert blocked["tp"] >= 6
    assert blocked["fp"] <= 2
