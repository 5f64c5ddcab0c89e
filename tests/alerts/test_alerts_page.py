"""docs/alarms.md says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from alerts.lifecycle import TABLE, Action, Fork
from alerts.model import AlarmState, AlertKind, Severity
from alerts.orders import FIRE_KINDS, Limits
from api.routes.alerts import _ORDERS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "alarms.md"
BEGIN, END = "<!-- table of steps: begin -->\n", "<!-- table of steps: end -->"


def steps() -> str:
    """The table of the lifecycle as the page shows it, one row an action, one column a state."""
    states = [None, *AlarmState]
    lines = ["| action | (none) | " + " | ".join(f"`{state}`" for state in AlarmState) + " |"]
    lines.append("|---" * (len(states) + 1) + "|")
    for action in Action:
        cells = []
        for state in states:
            step = TABLE.get((state, action))
            cells.append(f"{step.active} / {step.gone}" if isinstance(step, Fork) else str(step or ""))
        lines.append(f"| `{action}` | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def test_the_table_of_steps_is_that_of_the_code() -> None:
    """Copy what this test prints between the two comments of the page when the table changes."""
    shown = PAGE.read_text("utf-8").partition(BEGIN)[2].partition(END)[0]
    assert shown == steps(), f"docs/alarms.md should say:\n{steps()}"


def test_states_and_orders_of_the_page_are_those_of_the_code() -> None:
    """Every state has its row, every order its row."""
    text = PAGE.read_text("utf-8")
    states = text.partition("## States")[2].partition("## Steps")[0]
    orders = text.partition("## What people may order")[2].partition("## Chatter")[0]
    assert re.findall(r"^\| `(\w+)`", states, re.MULTILINE) == [
        *(state for state in AlarmState if state is not AlarmState.NORMAL),
        AlarmState.NORMAL,
    ]
    assert set(re.findall(r"^\| `([a-z-]+)`", orders, re.MULTILINE)) == set(_ORDERS)


def test_the_limits_of_the_page_are_those_of_the_code() -> None:
    """In minutes, by severity and for fires."""
    text, limits = PAGE.read_text("utf-8"), Limits()
    by_severity = ", ".join(f"{severity} {limits.shelve[severity]}" for severity in Severity)
    assert f"longest: {by_severity} minutes; smoke, flame, smoke and heat sensors {limits.shelve_fire}" in text
    assert f"longest {limits.out_of_service} minutes, fire kinds {limits.out_of_service_fire};" in text
    assert frozenset({AlertKind.SMOKE, AlertKind.FLAME, AlertKind.SMOKE_SENSOR, AlertKind.HEAT_SENSOR}) == FIRE_KINDS
