"""The channels a configuration can name under `notify.channels`, one class a `type`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator

from alerts.model import Severity
from alerts.notify.port import EventAction
from shedwatch.sections import Id, Section

HttpUrl = Annotated[str, StringConstraints(pattern=r"^https?://[^/?#]+.*")]
Mobile = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Email = Annotated[str, StringConstraints(pattern=r"^[^@\s,]+@[^@\s,]+$")]
VARIABLES = ("what", "where", "severity", "kind", "time", "id")


class ChannelSettings(Section):
    """What all channels have.

    `min_severity`: alarms below it are not told. `events`: what is told of an alarm. `escalation_only`: nothing is told but
    what an escalation asks for.
    """

    name: Id
    min_severity: Severity = Severity.LOW
    events: frozenset[EventAction] = frozenset(EventAction)
    escalation_only: bool = False


class WebhookSettings(ChannelSettings):
    """POSTs each alarm as JSON with its picture, signed with `secret`."""

    type: Literal["webhook"]
    name: Id = "webhook"
    url: HttpUrl
    secret: str | None = None
    secret_file: Path | None = None


class AppriseSettings(ChannelSettings):
    """Anything else Apprise can reach, such as Bark, Telegram or ntfy."""

    type: Literal["apprise"]
    name: Id = "apprise"
    url: str | None = None
    url_file: Path | None = None

    @model_validator(mode="after")
    def _has_url(self) -> Self:
        if (self.url is None) == (self.url_file is None):
            raise ValueError("give either url or url_file")
        return self


class RobotSettings(ChannelSettings):
    """A robot of a group: its `token` (the last part of its address) in a file or here, and the secret of its signature."""

    token: str | None = None
    token_file: Path | None = None
    base_url: HttpUrl | None = None

    @model_validator(mode="after")
    def _has_token(self) -> Self:
        if (self.token is None) == (self.token_file is None):
            raise ValueError("give either token or token_file")
        return self


class WecomSettings(RobotSettings):
    """A group robot of WeCom 企业微信; `token` is its `key`."""

    type: Literal["wecom"]
    name: Id = "wecom"


class DingtalkSettings(RobotSettings):
    """A group robot of DingTalk 钉钉; `token` is its `access_token`, `secret` begins with `SEC`."""

    type: Literal["dingtalk"]
    name: Id = "dingtalk"
    secret: str | None = None
    secret_file: Path | None = None


class FeishuSettings(RobotSettings):
    """A group robot of Feishu 飞书 or Lark; with `app_id` and its secret pictures are uploaded and shown."""

    type: Literal["feishu"]
    name: Id = "feishu"
    secret: str | None = None
    secret_file: Path | None = None
    app_id: str | None = None
    app_secret_file: Path | None = None

    @model_validator(mode="after")
    def _has_a_whole_app(self) -> Self:
        if (self.app_id is None) != (self.app_secret_file is None):
            raise ValueError("app_id and app_secret_file belong together")
        return self


class PhoneSettings(ChannelSettings):
    """What text messages and calls have: `to` is who is told where no escalation says whom."""

    min_severity: Severity = Severity.HIGH
    events: frozenset[EventAction] = frozenset({EventAction.TRIGGER})
    to: list[Id] = []
    base_url: HttpUrl | None = None


def _checked(text: str) -> str:
    try:
        text.format_map(dict.fromkeys(VARIABLES, ""))
    except (KeyError, ValueError, IndexError) as error:
        raise ValueError(f"{text!r} is no text with {{{'}, {'.join(VARIABLES)}}}: {error}") from None
    return text


class AliyunSettings(PhoneSettings):
    """An approved template of Aliyun; `variables` says what fills it, with {what}, {where}, {severity}, {time}, {id}."""

    access_key_id: str
    access_key_secret_file: Path
    template_code: str
    variables: dict[str, str] = {"what": "{what}"}

    @field_validator("variables")
    @classmethod
    def _can_be_filled(cls, variables: dict[str, str]) -> dict[str, str]:
        return {name: _checked(text) for name, text in variables.items()}


class AliyunSmsSettings(AliyunSettings):
    """Text messages by Aliyun."""

    type: Literal["aliyun_sms"]
    name: Id = "aliyun-sms"
    sign_name: str


class AliyunVoiceSettings(AliyunSettings):
    """Calls by Aliyun."""

    type: Literal["aliyun_voice"]
    name: Id = "aliyun-voice"
    escalation_only: bool = True
    show_number: str | None = None


class TencentSettings(PhoneSettings):
    """An approved template of Tencent Cloud; `variables` fills it by position, each at most `max_variable` characters."""

    secret_id: str
    secret_key_file: Path
    app_id: str
    template_id: str
    variables: list[str] = ["{what}"]
    max_variable: Annotated[int, Field(ge=2, le=60)] = 12
    region: str = "ap-guangzhou"

    @field_validator("variables")
    @classmethod
    def _can_be_filled(cls, variables: list[str]) -> list[str]:
        return [_checked(text) for text in variables]


class TencentSmsSettings(TencentSettings):
    """Text messages by Tencent Cloud."""

    type: Literal["tencent_sms"]
    name: Id = "tencent-sms"
    sign_name: str


class TencentVoiceSettings(TencentSettings):
    """Calls by Tencent Cloud."""

    type: Literal["tencent_voice"]
    name: Id = "tencent-voice"
    escalation_only: bool = True


class EmailSettings(ChannelSettings):
    """E-mail through a server of the company or of a provider."""

    type: Literal["email"]
    name: Id = "email"
    host: str
    port: Annotated[int, Field(ge=1, le=65535)] = 465
    security: Literal["tls", "starttls", "none"] = "tls"
    sender: Email
    user: str | None = None
    password_file: Path | None = None
    to: list[Email] = []


AnyChannel = Annotated[
    WebhookSettings
    | AppriseSettings
    | WecomSettings
    | DingtalkSettings
    | FeishuSettings
    | AliyunSmsSettings
    | AliyunVoiceSettings
    | TencentSmsSettings
    | TencentVoiceSettings
    | EmailSettings,
    Field(discriminator="type"),
]
