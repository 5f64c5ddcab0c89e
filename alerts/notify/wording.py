"""What a notice says in a channel that carries text: a title, lines, and texts no longer than a vendor takes. Pure.

Chinese first, English below it. WeCom and DingTalk count bytes, SMS counts characters; a cut never splits a character.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo

from alerts.model import Severity, Text
from alerts.notify.port import EventAction, Notice

TEST = Text("测试", "TEST")

SEVERITY: dict[Severity, Text] = {
    Severity.CRITICAL: Text("紧急", "CRITICAL"),
    Severity.HIGH: Text("严重", "HIGH"),
    Severity.MEDIUM: Text("一般", "MEDIUM"),
    Severity.LOW: Text("提示", "LOW"),
}

_LINK_LIKE = re.compile(r"(https?://\S+)|(\b\d{1,3}(\.\d{1,3}){3}\b)|[【】]")


def title(notice: Notice) -> str:
    """One line in Chinese: how bad, where, what; a proof of the chain says first that it is one."""
    return headline(notice).zh


def headline(notice: Notice) -> Text:
    """The title in both languages."""
    said = notice.summary
    return Text(f"【{TEST.zh}】{said.zh}", f"[{TEST.en}] {said.en}") if notice.test else said


def warning(notice: Notice) -> str:
    """That it is a test, as a line of its own; empty where it is none."""
    return f"这是测试，不是真实告警。{TEST.en}: not a real alarm." if notice.test else ""


def lines(notice: Notice, zone: tzinfo) -> list[str]:
    """The body: what to do, since when, who is called and how often, both languages, the link."""
    alert = notice.alert
    said = [alert.message.zh, alert.message.en, f"发生 {clock_time(alert.raised_ts, zone)} · 编号 {alert.id}"]
    if notice.test:
        said.insert(0, warning(notice))
    if notice.level:
        said.append(f"无人确认，第{notice.level}次升级 · not acknowledged, escalation {notice.level}")
    if alert.acknowledgements_needed > 1 and notice.event_action is EventAction.TRIGGER:
        by = "、".join(one.by for one in alert.acknowledgements)
        have = f"，已有 {len(alert.acknowledgements)} 人（{by}）" if by else ""
        needed = f"{alert.acknowledgements_needed} people have to acknowledge, {len(alert.acknowledgements)} did"
        said.append(f"需 {alert.acknowledgements_needed} 人确认{have} · {needed}")
    said += [f"另有: {other.zh}" for other in notice.also]
    if notice.link and notice.event_action is EventAction.TRIGGER:
        said.append(f"查看并确认: {notice.link}")
    if notice.event_action is EventAction.TRIGGER:
        said += [f"{name} 查看并确认: {address}" for name, address in notice.personal_links]
    return said


def clock_time(ts_ms: int, zone: tzinfo) -> str:
    """`11-26 19:30:05` where the sheds are."""
    return datetime.fromtimestamp(ts_ms / 1000, UTC).astimezone(zone).strftime("%m-%d %H:%M:%S")


def cut_bytes(text: str, limit: int) -> str:
    """At most `limit` bytes of UTF-8, with an ellipsis where something was cut."""
    data = text.encode()
    if len(data) <= limit:
        return text
    return data[: max(limit - 3, 0)].decode(errors="ignore") + "…"


def cut_chars(text: str, limit: int) -> str:
    """At most `limit` characters, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + "…"


def variables(notice: Notice, zone: tzinfo, limit: int) -> dict[str, str]:
    """What the templates of text messages and calls can name, each at most `limit` characters.

    `what` is the first sentence of the message (place, hazard, figure), `where` shed, device and port by their ids.
    Carriers refuse addresses and brackets in variables, so there are none.
    """
    alert = notice.alert
    where = alert.shed + (f" {alert.device}" if alert.device else "") + (f" {alert.port}号口" if alert.port else "")
    values = {
        "what": alert.message.zh.partition("。")[0],
        "where": where,
        "severity": SEVERITY[alert.severity].zh,
        "kind": str(alert.kind),
        "time": clock_time(alert.raised_ts, zone)[6:11],
        "id": alert.id[-8:],
    }
    if notice.test:
        values["what"] = f"{TEST.zh} {values['what']}"
    return {name: cut_chars(_LINK_LIKE.sub(" ", value).strip(), limit) for name, value in values.items()}
