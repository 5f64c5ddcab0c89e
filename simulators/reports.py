"""A verdict as a table for people, as JSON, and as JUnit XML."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree as ET

import msgspec

from simulators.verdict import Verdict


def table(verdict: Verdict) -> str:
    """The verdict for people: a line for each expectation, then what nobody expected."""
    rows = [("expected", "due by", "delay", "cleared", "")]
    rows += [
        (
            it.expected,
            f"{it.after_s + it.within_s:.0f} s",
            "-" if it.delay_s is None else f"{it.delay_s:.1f} s",
            "-" if it.cleared_delay_s is None else f"+{it.cleared_delay_s:.1f} s",
            "ok" if it.ok else f"FAILED: {it.reason}",
        )
        for it in verdict.outcomes
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines += [
        f"UNEXPECTED at {it.at_s:.1f} s: {it.alert} ({it.severity}, {it.alert_id}): {it.message}"
        for it in verdict.unexpected
    ]
    met = sum(it.ok for it in verdict.outcomes)
    nothing_else = "nothing else alarmed" if not verdict.unexpected else f"{len(verdict.unexpected)} unexpected alarms"
    lines.append(f"{verdict.name}: {met} of {len(verdict.outcomes)} expectations met, {nothing_else}")
    return "\n".join(lines)


def write_json(verdict: Verdict, path: Path) -> None:
    """Write the verdict as JSON."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(verdict), indent=2) + b"\n")


def write_junit(verdict: Verdict, path: Path) -> None:
    """Write the verdict as JUnit XML: a case for each expectation, and one for "nothing else alarmed"."""
    failures = sum(not it.ok for it in verdict.outcomes) + bool(verdict.unexpected)
    suite = ET.Element("testsuite", name=verdict.name, tests=str(len(verdict.outcomes) + 1), failures=str(failures))
    for outcome in verdict.outcomes:
        case = ET.SubElement(
            suite, "testcase", classname=verdict.name, name=outcome.expected, time=str(outcome.delay_s or 0.0)
        )
        if not outcome.ok:
            ET.SubElement(case, "failure", message=outcome.reason)
    nothing_else = ET.SubElement(suite, "testcase", classname=verdict.name, name="nothing else alarmed")
    if verdict.unexpected:
        text = "\n".join(f"{it.at_s:.1f} s {it.alert} ({it.severity})" for it in verdict.unexpected)
        ET.SubElement(nothing_else, "failure", message=f"{len(verdict.unexpected)} unexpected").text = text
    ET.ElementTree(suite).write(path, encoding="utf-8", xml_declaration=True)
