"""What the screen knows: events and answers in any order. The module runs in the browser it is written for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dashboard.conftest import Visitor, Wall

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.alone]

PRELUDE = """
async () => {
  const { Model, byUrgency, portOf } = await import("/static/js/model.js");
  const model = new Model();
  const open = (id, more = {}) => ({ id, kind: "smoke", severity: "critical", state: "unacknowledged", active: true,
    site: "s", shed: "h", device: "cam-1", raised_ts: 1000, closed_ts: null, ...more });
  const event = (seq, alert) => model.onAlert({ alert, transition: { seq, at_ms: 2000 } });
  const ids = () => model.openAlerts().map((one) => one.id);
  %s
}
"""


@pytest.fixture
def run(wall: Wall, visitor: Visitor) -> Any:
    visitor.page.goto(f"{wall.url}/login")
    return lambda body: visitor.page.evaluate(PRELUDE % body)


def test_an_older_transition_never_undoes_a_newer_one(run) -> None:
    """The resumed stream repeats what is known: the higher number wins."""
    assert (
        run("event(5, open('a', { state: 'acknowledged' })); event(4, open('a')); return model.alerts.get('a').state")
        == "acknowledged"
    )


def test_a_closed_alert_never_comes_back(run) -> None:
    """Neither by a late event nor by an answer that was on its way."""
    body = """
      const mark = model.mark();
      event(1, open('a')); event(2, open('a', { closed_ts: 3000, state: 'normal' }));
      model.putAlerts([open('a')], mark); model.putAlert(open('a'));
      return ids()
    """
    assert run(body) == []


def test_an_answer_never_undoes_an_event_that_came_after_its_request(run) -> None:
    """What was raised while the list was on its way stays; what the list does not know and is older goes."""
    body = """
      event(1, open('gone'));
      const mark = model.mark();
      event(2, open('new'));
      model.putAlerts([open('listed')], mark);
      return ids().sort()
    """
    assert run(body) == ["listed", "new"]


def test_a_shed_that_is_older_than_what_is_shown_is_left_out(run) -> None:
    """Events of a shed may overtake each other; the newest report counts."""
    body = """
      model.onShed({ site: 's', shed: 'h', power_w: 2, updated_ts: 20 });
      model.onShed({ site: 's', shed: 'h', power_w: 1, updated_ts: 10 });
      return model.sheds.get('s/h').power_w
    """
    assert run(body) == 2


def test_nonsense_changes_nothing_and_breaks_nothing(run) -> None:
    """Missing parts, unknown kinds and severities: counted as medium, shown as they came."""
    body = """
      model.onAlert({}); model.onShed({}); model.onShed(null ?? {}); model.onCamera({ site: 's' }); model.putDetail({});
      model.putSheds([null, {}, { site: 's', shed: 'h' }], model.mark()); model.putAlerts([null, {}], model.mark());
      event(1, open('odd', { kind: 'meteor', severity: 'apocalyptic' })); event(2, open('low', { severity: 'low' }));
      return [ids(), [...model.sheds.keys()]]
    """
    assert run(body) == [["odd", "low"], ["s/h"]]


def test_a_month_of_alarms_leaves_nothing_behind(run) -> None:
    """What is remembered of closed alerts is bounded."""
    body = """
      for (let n = 0; n < 3000; n += 1) {
        event(2 * n, open(`a${n}`)); event(2 * n + 1, open(`a${n}`, { closed_ts: n + 1, state: 'normal' }));
      }
      model.putAlerts([], model.mark());
      return [model.alerts.size, model.remembered() <= 1500]
    """
    assert run(body) == [0, True]


def test_the_port_of_an_alert_is_found_where_it_is_told(run) -> None:
    """By its own charger, by what is related, by the zone's name; never guessed between two chargers."""
    body = """
      const detail = { chargers: [{ id: 'c1' }, { id: 'c2' }] };
      return [portOf({ device: 'c2', port: 7 }, detail), portOf({ device: 'cam-1', port: 3, related: ['s/h/c1#3'] }, detail),
        portOf({ device: 'cam-1', port: 3 }, detail), portOf({ device: 'cam-1', port: 3 }, { chargers: [{ id: 'c1' }] }),
        portOf({ device: 'c1', port: null }, detail)]
    """
    assert run(body) == ["c2#7", "c1#3", None, "c1#3", None]


@pytest.mark.parametrize("kind", ["smoke", "flame", "corridor_blocked"])
def test_how_sure_a_detector_is_is_no_quantity(run, kind: str) -> None:
    """A bare 0.86 says nothing to an operator; a temperature is shown with its limit."""
    body = f"""
      const {{ figures }} = await import("/static/js/alarms.js");
      const {{ loadWords }} = await import("/static/js/i18n.js");
      await loadWords("/static");
      return [figures(open('a', {{ kind: '{kind}', value: 0.864 }})),
        figures(open('b', {{ kind: 'over_temperature', value: 72.4, unit: '°C', threshold: 65 }}))]
    """
    sure, hot = run(body)
    assert sure == "置信度 86%"
    assert "72.4" in hot
    assert "65" in hot


def test_the_clock_follows_the_server_and_its_speed(run) -> None:
    """A simulated hour is an hour on the screen; an ordinary clock is not made to drift by a slow answer."""
    body = """
      const clock = await import("/static/js/clock.js");
      const wait = (ms) => new Promise((done) => setTimeout(done, ms));
      const start = performance.now();
      for (let n = 0; n < 5; n += 1) { clock.tell(1e12 + (performance.now() - start) * 60); await wait(800); }
      return [Math.round(clock.speed()), Math.abs(clock.now() - (1e12 + (performance.now() - start) * 60)) < 600]
    """
    assert run(body) == [60, True]


def test_a_gap_in_a_series_stays_a_gap(run) -> None:
    """A line across hours without data would claim that they were seen; a slow device's own pace is no gap."""
    body = """
      const { withHoles } = await import("/static/js/chart.js");
      const slow = withHoles([[0, 1], [180000, 2], [360000, 3], [540000, 4]], 10);
      const gap = withHoles([[0, 1], [60000, 2], [120000, 3], [3600000, 4]], 60);
      return [slow[1], gap[1]]
    """
    assert run(body) == [[1, 2, 3, 4], [1, 2, 3, None, 4]]


SOUND = """
async () => {
  const { Sound } = await import("/static/js/sound.js");
  const sound = new Sound(() => {});
  %s
}
"""


def test_a_mute_is_broken_by_the_next_grave_alarm_and_by_a_worse_one(wall: Wall, visitor: Visitor) -> None:
    """Silence is for what is known; what comes new, or gets worse, is heard."""
    visitor.page.goto(f"{wall.url}/login")
    body = """
      const states = [];
      const note = () => states.push([sound.level, sound.mutedMs > 0]);
      sound.follow([{ id: "a", severity: "high" }]); note();
      sound.mute(); note();
      sound.follow([{ id: "a", severity: "high" }, { id: "m", severity: "medium" }]); note();
      sound.follow([{ id: "a", severity: "critical" }]); note();
      sound.mute();
      sound.follow([{ id: "a", severity: "critical" }, { id: "b", severity: "high" }]); note();
      sound.follow([]); note();
      return states
    """
    assert visitor.page.evaluate(SOUND % body) == [
        ["high", False],
        ["high", True],
        ["high", True],
        ["critical", False],
        ["critical", False],
        [None, False],
    ]
