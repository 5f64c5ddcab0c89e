"""The control room's page on a real service: an alarm comes, is acknowledged, and goes when its cause is gone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.journeys.service import Service
from tests.journeys.test_journey_telemetry import TELEMETRY, charging, now_ms, publish

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.alone]


def test_an_alarm_appears_without_reload_is_acknowledged_and_goes_when_it_clears(tmp_path, mosquitto, browser):
    """The whole life of an alarm as the operator sees it."""
    fast = {"rules": {"over_temperature": {"off_delay_s": 1, "jump_wait_s": 0}}}
    with Service(tmp_path, mosquitto.url, alerts=fast) as service:
        publish(mosquitto, TELEMETRY, charging(now_ms(), 180, temperature_c=31.0))
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        problems: list[str] = []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.goto(service.url)
        page.locator("input[name=token]").fill(service.token)
        page.locator("form button[type=submit]").click()
        alarm = page.locator("[data-alert-id]").filter(has_text=re.compile("温度|过热|超温"))
        expect(page.locator("body")).to_contain_text("1号车棚")
        expect(alarm).to_have_count(0)

        publish(mosquitto, TELEMETRY, charging(now_ms(), 400, temperature_c=96.0))
        expect(alarm).to_have_count(1, timeout=3000)
        alarm.locator("[data-action=acknowledge]").click()
        page.locator("dialog [data-action=confirm]").click()
        expect(alarm).to_contain_text("journey")
        (alert,) = service.alerts(kind="over_temperature")
        assert (alert["state"], alert["acknowledged_by"]) == ("acknowledged", "journey")

        def cooled() -> bool:
            publish(mosquitto, TELEMETRY, charging(now_ms(), 180, temperature_c=31.0))
            return not service.alerts(kind="over_temperature")

        service.until(cooled, 60, "the alarm did not clear")
        expect(alarm).to_have_count(0, timeout=3000)
        assert problems == []
        page.close()
