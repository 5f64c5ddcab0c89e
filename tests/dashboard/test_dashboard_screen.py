"""The screen as an operator sees it, in a real browser over a real server."""

from __future__ import annotations

import re
from typing import Any

import pytest
from msgspec.structs import replace
from playwright.sync_api import Locator, Page, expect

from alerts.cutoff.model import CutState, CutStep
from alerts.model import AlarmState, AlertKind, Severity, Text
from api.app import hub_of
from api.auth import Role
from tests.api.fakes import CAMERA, SHED, SITE, alert, reading
from tests.dashboard.conftest import Visitor, Wall, jpeg

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.alone]


def row(page: Page, alert_id: str) -> Locator:
    return page.locator(f"[data-alert-id={alert_id}]")


def raise_alert(wall: Wall, alert_id: str = "a1", **changes: Any) -> None:
    now_ms = wall.home.clock.now_ms()
    wall.do(wall.home.desk.put, alert(alert_id, **{"raised_ts": now_ms, **changes}))


def end_alert(wall: Wall, alert_id: str) -> None:
    now_ms = wall.home.clock.now_ms()
    ended = replace(
        wall.home.desk.alerts[alert_id], state=AlarmState.NORMAL, active=False, cleared_ts=now_ms, closed_ts=now_ms
    )
    wall.do(wall.home.desk.put, ended, "clear")


def acknowledge(page: Page, alert_id: str, note: str = "") -> None:
    row(page, alert_id).locator("[data-action=acknowledge]").click()
    page.fill("#note-text", note)
    page.click("dialog [data-action=confirm]")


def test_an_alarm_comes_is_acknowledged_and_goes_without_a_reload(wall: Wall, visitor: Visitor) -> None:
    """Its whole life in front of the operator, with nothing refused by the browser and nothing asked of other hosts."""
    wall.do(wall.home.pictures.put, CAMERA, wall.home.clock.now_ms(), jpeg())
    page = visitor.log_in()
    expect(page.locator(".calm-title")).to_have_text("一切正常")

    raise_alert(wall)
    expect(row(page, "a1")).to_contain_text("烟雾（视频）", timeout=1_500)
    expect(row(page, "a1")).to_contain_text("翠屏北里 · 1号车棚")
    expect(row(page, "a1")).to_contain_text("1号摄像头")
    expect(page.locator(".card").first).to_have_attribute("data-severity", "critical")
    expect(page.locator(".calm")).to_be_hidden()

    acknowledge(page, "a1", "已派人查看")
    expect(row(page, "a1")).to_contain_text("operator-li 已于")
    expect(row(page, "a1").locator("[data-action=acknowledge]")).to_be_hidden()
    assert wall.home.desk.kept[-1].transition.note == "已派人查看"

    end_alert(wall, "a1")
    expect(row(page, "a1")).to_have_count(0, timeout=1_500)
    expect(page.locator(".calm-title")).to_be_visible()
    assert visitor.complaints == []
    assert visitor.elsewhere == []


def test_a_viewer_sees_alarms_but_cannot_order_anything(wall: Wall, visitor: Visitor) -> None:
    """The role decides; the server would refuse as well."""
    raise_alert(wall)

    page = visitor.log_in(Role.VIEWER)

    expect(row(page, "a1")).to_be_visible()
    expect(page.locator("#user-role")).to_have_text("只读")
    expect(page.locator("[data-action=acknowledge]")).to_be_hidden()


def test_a_refused_order_is_said_where_it_was_given(wall: Wall, visitor: Visitor) -> None:
    """Someone else was faster and the event is still on its way: the row says why nothing happened."""
    raise_alert(wall)
    page = visitor.log_in()
    row(page, "a1").locator("[data-action=acknowledge]").click()
    wall.home.desk.alerts["a1"] = replace(wall.home.desk.alerts["a1"], state=AlarmState.ACKNOWLEDGED)

    page.click("dialog [data-action=confirm]")

    expect(row(page, "a1").locator(".alarm-error")).to_contain_text("确认失败")


def test_the_worst_and_newest_come_first_and_what_is_gone_looks_different(wall: Wall, visitor: Visitor) -> None:
    """Order by severity, then unseen before seen, then newest; a condition that is gone still asks for notice."""
    now_ms = wall.home.clock.now_ms()
    raise_alert(wall, "low", severity=Severity.LOW, kind=AlertKind.EXTINGUISHER_DUE)
    raise_alert(wall, "old", severity=Severity.HIGH, kind=AlertKind.OVER_POWER, raised_ts=now_ms - 60_000)
    raise_alert(wall, "new", severity=Severity.HIGH, kind=AlertKind.LEAKAGE)
    raise_alert(wall, "fire")
    gone = {"state": AlarmState.RETURNED_UNACKNOWLEDGED, "active": False, "kind": AlertKind.WATER}
    raise_alert(wall, "gone", severity=Severity.MEDIUM, **gone)

    page = visitor.log_in()

    expect(page.locator(".alarm")).to_have_count(5)
    order = page.locator(".alarm").evaluate_all("rows => rows.map((one) => one.dataset.alertId)")
    assert order == ["fire", "new", "old", "gone", "low"]
    expect(row(page, "gone")).to_have_attribute("data-standing", "returned")
    expect(row(page, "gone")).to_contain_text("现象已消失，仍需确认")
    expect(page.locator("#counts .count-number")).to_have_text(["1", "2", "1", "1"])


def test_text_from_outside_is_never_markup(wall: Wall, visitor: Visitor) -> None:
    """A message, a name of a kind nobody knows, a zone: shown as it came, and nothing of it runs."""
    trap = "<img src=x onerror='window.trapped=1'>"
    raise_alert(wall, message=Text(trap, trap), zone=trap)

    page = visitor.log_in(path="/alerts/a1")

    expect(page.locator(".big-message")).to_have_text(trap)
    expect(row(page, "a1")).to_contain_text(trap)
    assert page.evaluate("window.trapped") is None
    assert page.locator("img[src=x]").count() == 0


def test_an_alert_says_what_to_do_and_keeps_the_record(wall: Wall, visitor: Visitor) -> None:
    """For fire: power off is not safe, words for 119 with the address, and each step goes into the log."""
    raise_alert(wall, port=3, related=("c1#3",))
    page = visitor.log_in(path="/alerts/a1")

    expect(page.locator(".danger")).to_contain_text("断电不等于安全")
    expect(page.locator(".script-text")).to_contain_text("翠屏北里1号车棚，1号桩 3 号口")
    expect(row(page, "a1").locator(".duty-left")).to_contain_text("剩 02:5")
    step = page.locator(".step", has_text="人员到场")
    step.get_by_role("button").click()
    expect(step).to_contain_text("operator-li")
    expect(page.locator(".log-line").first).to_contain_text("人员到场")
    expect(row(page, "a1").locator(".duty-left")).to_contain_text("已到场")
    page.keyboard.press("Escape")
    expect(page.locator("#panel")).to_be_hidden()


def test_a_port_shows_what_it_reports_at_once_and_its_history(wall: Wall, visitor: Visitor) -> None:
    """A cell changes with the reading; its panel has values with their age and curves."""
    clock = wall.home.clock
    wall.home.store.points = [(clock.now_ms() - second * 1000, 180.0) for second in range(3600, 0, -60)]
    page = visitor.log_in()
    cell = page.locator(".cell").nth(2)
    expect(cell).to_have_attribute("data-state", "unknown")

    hub = hub_of(wall.app)
    wall.do(hub.notify_readings, [reading(clock, 3, state="charging", power_w=181.6, temperature_c=63.0)])

    expect(cell).to_have_attribute("data-state", "charging", timeout=3_000)
    expect(cell.locator(".cell-main")).to_have_text("182")
    expect(cell.locator(".cell-heat")).to_have_text("63°")
    cell.click()
    expect(page.locator(".panel-title")).to_have_text("1号桩 3 号口")
    expect(page.locator(".values").first).to_contain_text("182 W")
    expect(page.locator(".chart canvas")).to_have_count(3)
    assert visitor.complaints == []


def test_a_picture_that_is_too_old_is_never_shown_as_live(wall: Wall, visitor: Visitor) -> None:
    """Fresh: live, with its age. When no newer one comes: greyed, and it says for how long."""
    clock, pictures = wall.home.clock, wall.home.pictures
    wall.do(pictures.put, CAMERA, clock.now_ms(), jpeg())
    page = visitor.log_in()
    picture = page.locator(".tile .picture")
    expect(picture).to_have_attribute("data-view", "live")

    clock.advance(31)

    expect(picture).to_have_attribute("data-view", "stale")
    expect(picture).to_contain_text(re.compile(r"画面已过期 3\d 秒"))
    wall.do(pictures.put, CAMERA, clock.now_ms(), jpeg(60))
    expect(picture).to_have_attribute("data-view", "live")


def test_a_camera_that_cannot_see_says_since_when(wall: Wall, visitor: Visitor) -> None:
    """Blindness covers the picture, however fresh it is, and takes the all-clear away."""
    clock = wall.home.clock
    wall.do(wall.home.pictures.put, CAMERA, clock.now_ms(), jpeg())
    since_ms = clock.now_ms() - 90_000
    raise_alert(wall, "blind", kind=AlertKind.CAMERA_COVERED, severity=Severity.MEDIUM, raised_ts=since_ms)

    page = visitor.log_in()

    picture = page.locator(".tile .picture")
    expect(picture).to_have_attribute("data-view", "blind")
    expect(picture).to_contain_text(re.compile(r"自 \d\d:\d\d:\d\d 起看不见，已 01:3\d"))
    expect(page.locator(".figure[data-bad]")).to_contain_text("0/1")


def test_a_lost_connection_cannot_be_overlooked_and_heals_by_itself(wall: Wall, visitor: Visitor) -> None:
    """The banner says since when; what happened meanwhile is there as soon as the server is back."""
    page = visitor.log_in()
    raise_alert(wall, "before")
    expect(row(page, "before")).to_be_visible()

    wall.stop()
    expect(page.locator("#banner")).to_be_visible(timeout=10_000)
    expect(page.locator("#banner")).to_contain_text("画面不是实时状态")
    expect(page.locator("#banner")).to_contain_text(re.compile(r"自 \d\d:\d\d:\d\d 起"))
    end = wall.home.desk.alerts["before"]
    wall.home.desk.alerts["before"] = replace(end, state=AlarmState.NORMAL, active=False, closed_ts=end.raised_ts)
    wall.home.desk.alerts["meanwhile"] = alert("meanwhile", raised_ts=wall.home.clock.now_ms())
    wall.start()

    expect(page.locator("#banner")).to_be_hidden(timeout=15_000)
    expect(row(page, "meanwhile")).to_be_visible()
    expect(row(page, "before")).to_have_count(0)


def test_a_wall_that_is_logged_out_says_so_and_stays(wall: Wall, visitor: Visitor) -> None:
    """A revoked code or an ended session must not leave a quiet login page where alarms were."""
    raise_alert(wall)
    page = visitor.log_in()
    entry = next(one for one in wall.home.tokens.list() if one.role is Role.OPERATOR)

    wall.do(wall.home.tokens.revoke, entry.id)

    expect(page.locator("#banner")).to_contain_text("登录已失效", timeout=20_000)
    expect(row(page, "a1")).to_be_visible()
    page.get_by_role("button", name="重新登录").click()
    page.wait_for_url("**/login?next=*")


def test_the_all_clear_is_not_given_before_the_alarms_were_read(wall: Wall, visitor: Visitor) -> None:
    """A ledger that does not answer leaves the list in doubt, not in peace."""
    wall.home.desk.down = True

    page = visitor.log_in()

    expect(page.locator(".alarms-wait")).to_have_text("正在读取报警……")
    expect(page.locator(".calm")).to_be_hidden()


def test_the_all_clear_is_not_given_while_something_is_not_seen(wall: Wall, visitor: Visitor) -> None:
    """No alarm has been raised yet, but a camera has no fresh picture: quiet is not the same as well."""
    page = visitor.log_in()

    expect(page.locator(".calm-title")).to_have_text("无报警，但并非全部可见")
    expect(page.locator(".calm-text")).to_contain_text("1 个摄像头看不见")
    wall.do(wall.home.pictures.put, CAMERA, wall.home.clock.now_ms(), jpeg())
    expect(page.locator(".calm-title")).to_have_text("一切正常")


def test_a_part_that_is_down_is_named(wall: Wall, visitor: Visitor) -> None:
    """Degradation is on the screen in words."""
    wall.home.health.parts = {"store": ("down", "disk full"), "broker": ("ok", "")}

    page = visitor.log_in()

    expect(page.locator("#service")).to_have_text("系统降级 · 数据存储 停止 (disk full)")


def test_a_shed_has_its_own_page_beside_all_alarms(wall: Wall, visitor: Visitor) -> None:
    """Looking at one shed never hides what happens in another."""
    raise_alert(wall, "here")
    raise_alert(wall, "there", shed="shed-2", device="c9")

    page = visitor.log_in(path=f"/sheds/{SITE}/{SHED}")

    expect(page.locator(".shed-name")).to_have_text("翠屏北里 1号车棚")
    expect(page.locator("#shed .cell:not(.cell-sample)")).to_have_count(4)
    expect(page.locator(".alarm")).to_have_count(2)
    expect(row(page, "here")).to_have_attribute("data-here", "")
    page.get_by_role("button", name="返回总览").click()
    expect(page.locator(".card")).to_have_count(2)


def test_english_by_a_click_and_it_stays(wall: Wall, visitor: Visitor) -> None:
    """The switch leads back to the same page, and the next visit remembers."""
    raise_alert(wall)
    page = visitor.log_in()

    page.click(".user a")

    expect(row(page, "a1")).to_contain_text("Smoke on camera")
    expect(row(page, "a1")).to_contain_text("Smoke seen")
    page.goto(f"{wall.url}/")
    expect(row(page, "a1")).to_contain_text("Smoke on camera")


def test_without_a_session_the_page_leads_to_the_login_and_back(wall: Wall, visitor: Visitor) -> None:
    """A link from a message ends where it pointed; a wrong code is said and nothing is shown."""
    raise_alert(wall)
    page = visitor.page
    page.goto(f"{wall.url}/alerts/a1")
    page.wait_for_url("**/login?next=*")
    page.fill("#token", "wrong")
    page.click("button[type=submit]")
    expect(page.locator("#login-error")).to_contain_text("访问码不正确")

    page.fill("#token", wall.home.token[Role.VIEWER])
    page.click("button[type=submit]")

    expect(page.locator(".panel-title")).to_have_text("烟雾（视频）")


def test_a_phone_shows_the_alarms_first_and_fits(wall: Wall, visitor: Visitor) -> None:
    """One column, no sideways scrolling, sheds one tap away."""
    visitor.page.set_viewport_size({"width": 390, "height": 844})
    raise_alert(wall)

    page = visitor.log_in()

    expect(row(page, "a1")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator(".card").first).to_be_hidden()
    page.locator("[data-tab=sheds]").click()
    expect(page.locator(".card").first).to_be_in_viewport()


def test_a_silent_browser_is_said_and_a_touch_gives_it_its_voice(wall: Wall, visitor: Visitor) -> None:
    """Browsers keep a page silent until someone touched it: an operator must know that, and how to end it."""
    page = visitor.log_in()
    page.goto(f"{wall.url}/sheds/{SITE}/{SHED}")
    page.wait_for_selector("body[data-connection=live]")
    expect(page.locator("#sound-hint")).to_contain_text("浏览器未允许报警声音")

    page.mouse.click(400, 500)

    expect(page.locator("#sound-hint")).to_be_hidden()
    raise_alert(wall)
    expect(page.locator("#sound")).to_contain_text("消音 3 分钟")
    page.click("#sound")
    expect(page.locator("#sound")).to_contain_text(re.compile(r"消音中 0[23]:\d\d"))
    raise_alert(wall, "a2", kind=AlertKind.FLAME)
    expect(page.locator("#sound")).to_contain_text("消音 3 分钟")


def test_what_was_closed_lately_can_be_looked_up(wall: Wall, visitor: Visitor) -> None:
    """The drawer lists closed alarms, and each opens with its record."""
    raise_alert(wall, "done")
    end_alert(wall, "done")
    page = visitor.log_in()

    page.locator("#recent summary").click()
    page.locator(".closed-open").click()

    expect(page.locator(".panel-title")).to_have_text("烟雾（视频）")
    expect(page.locator(".alarm-hero")).to_contain_text("关闭")
    expect(page.locator(".alarm-hero [data-action=acknowledge]")).to_be_hidden()
    expect(page.locator(".log-line")).to_have_count(2)


def test_power_is_cut_by_two_presses_and_the_proof_is_followed(wall: Wall, visitor: Visitor) -> None:
    """One press never cuts; what follows says that power off is not safe."""
    page = visitor.log_in(Role.OPERATOR)
    page.goto(f"{wall.url}/#port={SITE}/{SHED}/c1/3")
    page.locator("[data-action=cut]").click()
    assert wall.home.cuts.cuts == []
    page.locator("[data-action=cut-confirm]").click()
    expect(page.locator(".cut-state")).to_have_text("指令已发出")
    (cut,) = wall.home.cuts.cuts
    now_ms = wall.home.clock.now_ms()
    step = CutStep(now_ms, CutState.VERIFIED, "已无电流 / no current any more")
    wall.home.cuts.cuts[0] = replace(
        cut, state=CutState.VERIFIED, verified_ts=now_ms, watch_until_ts=now_ms + 3_600_000, log=(*cut.log, step)
    )
    expect(page.locator(".cut-state")).to_have_text("已断电（电流为零）")
    expect(page.locator(".cut-warning")).to_contain_text("断电不等于安全")
    assert visitor.complaints == []


def test_a_viewer_has_no_switch(wall: Wall, visitor: Visitor) -> None:
    """Looking is not switching."""
    page = visitor.log_in(Role.VIEWER)
    page.goto(f"{wall.url}/#port={SITE}/{SHED}/c1/3")
    expect(page.locator(".cut h3")).to_be_visible()
    expect(page.locator("[data-action=cut]")).to_be_hidden()
