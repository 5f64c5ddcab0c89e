"""What an operator does about alarms on the page, and how the page stays readable: put aside, groups, load, escalation."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, Page, expect

from alerts.desk import Order
from alerts.model import AlarmState, AlertKind, Aside, Severity
from alerts.orders import Limits, Several
from api.auth import Role
from api.dashboard.assets import FOLDER
from tests.api.fakes import alert
from tests.dashboard.conftest import Visitor, Wall
from tests.dashboard.test_dashboard_screen import raise_alert, row

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.alone]


def give(page: Page, order: str) -> None:
    page.locator(f"#panel [data-order={order}]").click()
    expect(page.locator("#order-dialog")).to_be_visible()


def confirm(page: Page) -> None:
    page.locator("#order-dialog [data-action=confirm]").click()


def test_an_alarm_is_shelved_with_minutes_and_a_reason_and_stays_in_sight(wall: Wall, visitor: Visitor) -> None:
    """It leaves the list of what asks for somebody, and stands below it with who, why and until when."""
    raise_alert(wall, kind=AlertKind.OVER_POWER, severity=Severity.MEDIUM)
    page = visitor.log_in(path="/alerts/a1")
    give(page, "shelve")
    page.locator("#order-dialog [data-minutes='30']").click()
    confirm(page)
    # The browser asks for the reason that is missing; nothing was ordered.
    assert len(wall.home.desk.kept) == 1

    page.fill("#order-note", "等电工到场")
    confirm(page)

    expect(page.locator("#order-dialog")).to_be_hidden()
    aside = page.locator("[data-aside-id=a1]")
    page.locator(".aside summary").click()
    expect(aside).to_contain_text("已搁置 · 过载")
    expect(aside).to_contain_text("operator-li，至")
    expect(aside).to_contain_text("等电工到场")
    expect(row(page, "a1")).to_have_count(0)
    expect(page.locator("#panel .alarm-aside")).to_contain_text("等电工到场")
    kept = wall.home.desk.alerts["a1"]
    assert (kept.state, kept.shelved_until_ts) == (AlarmState.SHELVED, wall.home.clock.now_ms() + 30 * 60_000)

    give(page, "unshelve")
    confirm(page)
    expect(row(page, "a1")).to_be_visible()
    expect(page.locator(".aside")).to_be_hidden()
    assert visitor.complaints == []


def test_a_fire_is_offered_minutes_only(wall: Wall, visitor: Visitor) -> None:
    """And the dialog says why."""
    raise_alert(wall)
    page = visitor.log_in(path="/alerts/a1")
    give(page, "shelve")
    expect(page.locator("#order-dialog [data-minutes]")).to_have_count(2)
    expect(page.locator("#order-minutes")).to_have_attribute("max", "5")
    expect(page.locator("#order-dialog")).to_contain_text("从冒烟到爆燃只有几分钟")


def test_a_refusal_is_shown_in_the_dialog_which_keeps_what_was_typed(wall: Wall, visitor: Visitor) -> None:
    """Someone else was faster."""
    raise_alert(wall)
    page = visitor.log_in(path="/alerts/a1")
    give(page, "shelve")
    page.fill("#order-note", "蒸汽")
    taken = Aside("chen", 1, "x", 2)
    wall.home.desk.alerts["a1"] = replace(wall.home.desk.alerts["a1"], state=AlarmState.SHELVED, aside=taken)
    confirm(page)
    expect(page.locator("#order-dialog .dialog-error")).to_contain_text("shelved by chen")
    assert page.input_value("#order-note") == "蒸汽"


def test_out_of_service_is_asked_by_one_and_allowed_by_another(wall: Wall, browser: Browser, visitor: Visitor) -> None:
    """The first sees that it waits, the second sees who asks, and why."""
    raise_alert(wall, kind=AlertKind.CAMERA_DARK, severity=Severity.MEDIUM)
    page = visitor.log_in(path="/alerts/a1")
    give(page, "out_of_service")
    page.locator("#order-dialog [data-minutes='480']").click()
    page.fill("#order-note", "补光灯待换")
    confirm(page)
    expect(page.locator("#panel .order-note")).to_contain_text("operator-li 申请停用")
    expect(page.locator("#panel [data-order=allow], #panel [data-order=out_of_service]")).to_have_count(0)

    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    second = Visitor(context, wall)
    other = second.log_in(Role.ADMIN, path="/alerts/a1")
    give(other, "allow")
    expect(other.locator("#order-dialog")).to_contain_text("补光灯待换")
    confirm(other)

    expect(page.locator("#panel .alarm-aside")).to_contain_text("operator-li（admin-li 批准）")
    expect(page.locator("[data-aside-id=a1]")).to_have_attribute("data-state", "out_of_service")
    context.close()


def test_a_false_alarm_is_judged_with_its_cause(wall: Wall, visitor: Visitor) -> None:
    """Without a cause nothing is sent."""
    raise_alert(wall)
    page = visitor.log_in(path="/alerts/a1")
    give(page, "false_alarm")
    confirm(page)
    assert len(wall.home.desk.kept) == 1
    page.select_option("#order-cause", "headlights")
    confirm(page)
    expect(page.locator("#panel .alarm-verdict")).to_have_text("已判为误报：车灯")
    assert (wall.home.desk.alerts["a1"].false_alarm, wall.home.desk.alerts["a1"].cause) == (True, "headlights")


def test_a_viewer_is_offered_no_order(wall: Wall, visitor: Visitor) -> None:
    """The server would refuse as well."""
    raise_alert(wall)
    page = visitor.log_in(Role.VIEWER, path="/alerts/a1")
    expect(page.locator("#panel .big-message")).to_be_visible()
    expect(page.locator("#panel [data-order]")).to_have_count(0)


def test_what_waits_under_another_alarm_says_so_and_what_is_long_aside_stands_out(wall: Wall, visitor: Visitor) -> None:
    """Forgotten shelves are seen; the parent lists its children."""
    now_ms = wall.home.clock.now_ms()
    raise_alert(wall, "down", kind=AlertKind.SHED_OFFLINE, severity=Severity.HIGH, device="shed")
    for number in (1, 2):
        under = Aside("shed_offline", now_ms, "explained", parent="down")
        child = {"kind": AlertKind.CHARGER_OFFLINE, "severity": Severity.MEDIUM, "device": f"c{number}"}
        raise_alert(wall, f"child{number}", state=AlarmState.SUPPRESSED, aside=under, **child)
    since_ms = now_ms - 9 * 3_600_000
    old = Aside("wang", since_ms, "待修", now_ms + 600_000, "chen")
    raise_alert(wall, "old", kind=AlertKind.CAMERA_DARK, state=AlarmState.OUT_OF_SERVICE, aside=old, raised_ts=since_ms)

    page = visitor.log_in(path="/alerts/down")

    expect(page.locator(".aside-count")).to_have_text("停用 1 · 已归并 2")
    page.locator(".aside summary").click()
    expect(page.locator("[data-aside-id=child1]")).to_contain_text("因“车棚失联 翠屏北里 · 1号车棚”归并")
    expect(page.locator("[data-aside-id=old]")).to_have_attribute("data-long", "")
    expect(page.locator("[data-aside-id=old] .aside-age")).to_have_text("已 9小时0分")
    expect(page.locator("#panel .children li")).to_have_count(3)
    expect(page.locator("#counts .count-number")).to_have_text(["0", "1", "0", "0"])


def test_a_flood_is_a_handful_of_groups_and_a_fire_stands_for_itself(wall: Wall, visitor: Visitor) -> None:
    """Each group opens to its alarms; the operator may see them one by one."""
    now_ms = wall.home.clock.now_ms()

    def pour() -> None:
        for number in range(40):
            for kind in (AlertKind.OVER_TEMPERATURE, AlertKind.CHARGER_FAULT):
                more: dict[str, Any] = {"device": f"c{number}", "severity": Severity.HIGH, "raised_ts": now_ms}
                wall.home.desk.put(alert(f"{kind}-{number}".replace("_", ""), kind=kind, **more))

    wall.do(pour)
    raise_alert(wall, "fire")

    page = visitor.log_in()

    expect(page.locator(".alarm-group")).to_have_count(2)
    expect(page.locator(".alarms-body > .alarm-list > .alarm")).to_have_count(1)
    expect(row(page, "fire")).to_be_visible()
    expect(page.locator(".load-line")).to_contain_text("报警泛滥：10 分钟 81 条")
    group = page.locator(".alarm-group").first
    expect(group.locator(".group-number")).to_have_text("40 条")
    group.locator(".group-head").click()
    expect(group.locator(".alarm")).to_have_count(40)
    page.locator(".grouping").click()
    expect(page.locator(".alarm-group")).to_have_count(0)
    expect(page.locator(".alarms-more")).to_have_text("另有 21 条未显示")


def test_the_load_panel_names_what_repeats(wall: Wall, visitor: Visitor) -> None:
    """By the line over the list."""
    raise_alert(wall)
    for _ in range(3):
        wall.do(wall.home.desk.put, wall.home.desk.alerts["a1"], "renew")
    page = visitor.log_in()
    page.locator(".load-line").click()
    expect(page.locator("#panel-title")).to_have_text("报警负荷")
    expect(page.locator(".load-repeated")).to_contain_text("烟雾（视频） ×4")


def test_a_critical_alarm_nobody_notices_takes_over_the_wall(wall: Wall, visitor: Visitor) -> None:
    """After half a minute; noticing it ends that."""
    page = visitor.page
    page.clock.install()
    visitor.log_in()
    raise_alert(wall, "high", severity=Severity.HIGH, kind=AlertKind.OVER_POWER)
    raise_alert(wall)
    expect(row(page, "a1")).to_be_visible()
    page.clock.run_for(25_000)
    expect(page.locator("#escalation")).to_be_hidden()
    page.clock.run_for(7_000)
    expect(page.locator("#escalation")).to_contain_text("紧急报警 1 条无人确认")
    expect(page.locator("#escalation")).to_contain_text("翠屏北里 · 1号车棚")
    page.locator("#escalation button").click()
    expect(page.locator("#panel-title")).to_have_text("烟雾（视频）")
    page.locator("#panel [data-action=acknowledge]").click()
    page.click("#note-dialog [data-action=confirm]")
    page.clock.run_for(1_000)
    expect(page.locator("#escalation")).to_be_hidden()


def test_on_a_phone_orders_and_lists_fit(wall: Wall, browser: Browser) -> None:
    """Nothing leaves the screen sideways, and the dialog can be sent."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    visitor = Visitor(context, wall)
    raise_alert(wall, kind=AlertKind.OVER_POWER, severity=Severity.MEDIUM)
    page = visitor.log_in(path="/alerts/a1")
    give(page, "shelve")
    page.fill("#order-note", "等电工到场")
    box = page.locator("#order-dialog").bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
    assert box["y"] + box["height"] <= 844
    confirm(page)
    expect(page.locator("#order-dialog")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    context.close()


def test_an_alarm_that_needs_two_people_stays_until_both_took_notice(wall: Wall, visitor: Visitor) -> None:
    """It says one of two and who; whoever has acknowledged is not asked again."""
    wall.home.desk.limits = Limits(several=(Several(2),))
    raise_alert(wall, acknowledgements_needed=2)
    page = visitor.log_in()
    alarm = row(page, "a1")
    expect(alarm).to_contain_text("待确认，需 2 人")
    alarm.locator("[data-action=acknowledge]").click()
    page.locator("#note-dialog [data-action=confirm]").click()
    expect(alarm.get_by_text("1/2 人已确认：operator-li")).to_be_visible()
    expect(alarm.locator("[data-action=acknowledge]")).to_be_hidden()
    expect(alarm).to_have_attribute("data-standing", "new")
    wall.do(lambda: asyncio.ensure_future(wall.home.desk.order(Order("acknowledge", "a1", "王强"))))
    expect(alarm).to_have_attribute("data-standing", "known")
    expect(alarm).to_contain_text("operator-li, 王强")
    assert visitor.complaints == []


def test_in_a_flood_a_group_is_acknowledged_as_it_was_seen(wall: Wall, visitor: Visitor) -> None:
    """Asked for twice; what comes between the two presses still waits."""
    now_ms = wall.home.clock.now_ms()
    for number in range(70):
        raise_alert(wall, f"a{number}", kind=AlertKind.OVER_POWER, severity=Severity.MEDIUM, raised_ts=now_ms)
    page = visitor.log_in()
    button = page.locator("[data-action=acknowledge-group]")
    expect(button).to_have_text("全部确认（70）")
    button.click()
    expect(button).to_have_text("再按一次：确认 70 条")
    raise_alert(wall, "late", kind=AlertKind.OVER_POWER, severity=Severity.MEDIUM, raised_ts=now_ms + 60_000)
    expect(page.locator(".group-number")).to_contain_text("71")
    button.click()
    expect(page.locator(".alarm-group .alarm-error")).to_contain_text("1 条未确认")
    expect(page.locator(".group-waiting")).to_contain_text("1")
    waiting = [one.id for one in wall.home.desk.alerts.values() if one.state is AlarmState.UNACKNOWLEDGED]
    assert waiting == ["late"]
    assert visitor.complaints == []


def test_the_page_begins_with_the_limits_that_hold_by_default() -> None:
    """Until it has heard from the server; no choice that would be refused."""
    source, limits = (FOLDER / "js" / "model.js").read_text("utf-8"), Limits()
    line = next(line for line in source.splitlines() if line.startswith("  limits = "))
    said = {name: int(value) for name, value in re.findall(r"(\w+): (\d+)", line)}
    assert said == {
        **{severity.value: limits.shelve[severity] for severity in Severity},
        "shelve_fire": limits.shelve_fire,
        "out_of_service": limits.out_of_service,
        "out_of_service_fire": limits.out_of_service_fire,
    }
