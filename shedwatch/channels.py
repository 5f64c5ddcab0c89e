"""From the configuration's `notify.channels` to channels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from alerts.notify import aliyun, dingtalk, feishu, tencent, wecom
from alerts.notify.apprise_channel import AppriseChannel
from alerts.notify.mail import MailChannel, MailServer
from alerts.notify.pace import Pace, PacedChannel
from alerts.notify.port import Channel, EventAction
from alerts.notify.routing import Route
from alerts.notify.webhook import WebhookChannel
from alerts.notify.wire import Wire
from shedwatch.channel_settings import (
    AliyunSettings,
    AliyunSmsSettings,
    AliyunVoiceSettings,
    AnyChannel,
    AppriseSettings,
    DingtalkSettings,
    EmailSettings,
    FeishuSettings,
    RobotSettings,
    TencentSettings,
    TencentSmsSettings,
    TencentVoiceSettings,
    WebhookSettings,
    WecomSettings,
)
from shedwatch.clock import Clock
from shedwatch.notify_settings import NotifySettings

# Of a robot's messages a minute so many are kept for what cannot wait.
ROBOT_PACE = (20, 60.0, 8)
FEISHU_PACE = (100, 60.0, 40)


def route_of(settings: AnyChannel) -> Route:
    """What a channel is told of the alarms without being asked by an escalation."""
    events: frozenset[EventAction] = frozenset() if settings.escalation_only else settings.events
    return Route(settings.min_severity, events)


def make_channel(settings: AnyChannel, notify: NotifySettings, clock: Clock) -> Channel:
    """A channel.

    Raises:
        OSError: the file of a secret cannot be read.
        ValueError: a URL that Apprise does not know.
    """
    return _MAKERS[type(settings)](settings, notify, clock)


def _webhook(settings: WebhookSettings, _notify: NotifySettings, clock: Clock) -> Channel:
    return WebhookChannel(settings.name, settings.url, clock, _secret(settings.secret, settings.secret_file))


def _apprise(settings: AppriseSettings, _notify: NotifySettings, _clock: Clock) -> Channel:
    return AppriseChannel(settings.name, _secret(settings.url, settings.url_file) or "")


def _wecom(settings: WecomSettings, notify: NotifySettings, clock: Clock) -> Channel:
    base = settings.base_url or wecom.BASE
    robot = wecom.WecomRobot(settings.name, _token(settings), notify.zone, Wire(), base)
    return PacedChannel(robot, Pace(*ROBOT_PACE), clock, picture_cost=1)


def _dingtalk(settings: DingtalkSettings, notify: NotifySettings, clock: Clock) -> Channel:
    secret, base = _secret(settings.secret, settings.secret_file), settings.base_url or dingtalk.BASE
    robot = dingtalk.DingtalkRobot(settings.name, _token(settings), secret, notify.zone, clock, Wire(), base)
    return PacedChannel(robot, Pace(*ROBOT_PACE), clock)


def _feishu(settings: FeishuSettings, notify: NotifySettings, clock: Clock) -> Channel:
    app = None
    if settings.app_id is not None and settings.app_secret_file is not None:
        app = feishu.FeishuApp(settings.app_id, _read(settings.app_secret_file))
    secret, base = _secret(settings.secret, settings.secret_file), settings.base_url or feishu.BASE
    robot = feishu.FeishuRobot(settings.name, _token(settings), secret, notify.zone, clock, Wire(), app, base)
    return PacedChannel(robot, Pace(*FEISHU_PACE), clock)


def _aliyun_sms(settings: AliyunSmsSettings, notify: NotifySettings, clock: Clock) -> Channel:
    api = _aliyun_api(settings, clock, aliyun.SMS_BASE)
    people = notify.directory().find(settings.to)
    return aliyun.AliyunSms(settings.name, api, settings.sign_name, _aliyun_template(settings), notify.zone, people)


def _aliyun_voice(settings: AliyunVoiceSettings, notify: NotifySettings, clock: Clock) -> Channel:
    api, template = _aliyun_api(settings, clock, aliyun.VOICE_BASE), _aliyun_template(settings)
    people = notify.directory().find(settings.to)
    return aliyun.AliyunVoice(settings.name, api, template, notify.zone, people, settings.show_number)


def _tencent_sms(settings: TencentSmsSettings, notify: NotifySettings, clock: Clock) -> Channel:
    api, template = _tencent_api(settings, clock, tencent.SMS_BASE), _tencent_template(settings)
    people = notify.directory().find(settings.to)
    return tencent.TencentSms(settings.name, api, settings.app_id, settings.sign_name, template, notify.zone, people)


def _tencent_voice(settings: TencentVoiceSettings, notify: NotifySettings, clock: Clock) -> Channel:
    api, template = _tencent_api(settings, clock, tencent.VOICE_BASE), _tencent_template(settings)
    people = notify.directory().find(settings.to)
    return tencent.TencentVoice(settings.name, api, settings.app_id, template, notify.zone, people)


def _email(settings: EmailSettings, notify: NotifySettings, clock: Clock) -> Channel:
    password = _read(settings.password_file) if settings.password_file is not None else None
    server = MailServer(settings.host, settings.port, settings.security, settings.user, password)
    return MailChannel(settings.name, server, settings.sender, notify.zone, clock, tuple(settings.to))


_MAKERS: dict[type[Any], Callable[[Any, NotifySettings, Clock], Channel]] = {
    WebhookSettings: _webhook,
    AppriseSettings: _apprise,
    WecomSettings: _wecom,
    DingtalkSettings: _dingtalk,
    FeishuSettings: _feishu,
    AliyunSmsSettings: _aliyun_sms,
    AliyunVoiceSettings: _aliyun_voice,
    TencentSmsSettings: _tencent_sms,
    TencentVoiceSettings: _tencent_voice,
    EmailSettings: _email,
}


def _aliyun_api(settings: AliyunSettings, clock: Clock, base: str) -> aliyun.AliyunApi:
    key = aliyun.AliyunKey(settings.access_key_id, _read(settings.access_key_secret_file))
    return aliyun.AliyunApi(key, clock, Wire(), settings.base_url or base)


def _aliyun_template(settings: AliyunSettings) -> aliyun.Template:
    return aliyun.Template(settings.template_code, settings.variables)


def _tencent_api(settings: TencentSettings, clock: Clock, base: str) -> tencent.TencentApi:
    key = tencent.TencentKey(settings.secret_id, _read(settings.secret_key_file))
    return tencent.TencentApi(key, clock, Wire(), settings.base_url or base, settings.region)


def _tencent_template(settings: TencentSettings) -> tencent.Template:
    return tencent.Template(settings.template_id, settings.variables, settings.max_variable)


def _token(settings: RobotSettings) -> str:
    return _secret(settings.token, settings.token_file) or ""


def _secret(value: str | None, file: Path | None) -> str | None:
    return _read(file) if file is not None else value


def _read(file: Path) -> str:
    return file.read_text(encoding="utf-8").strip()
