"""Tencent Cloud text messages (sms 2021-01-11) and calls (vms 2020-09-02), signed with TC3-HMAC-SHA256.

Texts and calls are templates that the vendor has approved; a notice only fills in their variables, by position.
Source: cloud.tencent.com documents 382 and 1128, signature v3.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import urlsplit

import msgspec

from alerts.notify.port import Notice, PacedError, PermanentError, Person, Receipt, RetryableError
from alerts.notify.recipients import mobiles, reach_each
from alerts.notify.wire import Wire, check, fields_of
from alerts.notify.wording import variables
from shedwatch.clock import Clock

SMS_BASE = "https://sms.tencentcloudapi.com"
VOICE_BASE = "https://vms.tencentcloudapi.com"
SMS_VERSION, VOICE_VERSION = "2021-01-11", "2020-09-02"

CONTENT_TYPE = "application/json"
"""Signed, so it must be sent to the letter."""

MAX_VARIABLE = 12
"""Characters of a variable; accounts opened since 2024 may have only 6, which `max_variable` says."""

_LATER = {
    "LimitExceeded.PhoneNumberThirtySecondLimit": 30.0,
    "LimitExceeded.DeliveryFrequencyLimit": 60.0,
    "LimitExceeded.PhoneNumberOneHourLimit": 3600.0,
    "LimitExceeded.PhoneNumberDailyLimit": 7200.0,
    "LimitExceeded.PhoneNumberSameContentDailyLimit": 7200.0,
    "LimitExceeded.AppDailyLimit": 7200.0,
}
_RETRY = ("RequestLimitExceeded", "InternalError", "AuthFailure.SignatureExpire")


@dataclass(frozen=True, slots=True)
class TencentKey:
    """The secret key of an account."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Template:
    """An approved template and what fills its variables, by position: `["{where}", "{what}"]`."""

    id: str
    variables: Sequence[str]
    max_variable: int = MAX_VARIABLE

    def filled(self, notice: Notice, zone: tzinfo) -> list[str]:
        """The variables of a notice."""
        known = variables(notice, zone, self.max_variable)
        return [text.format_map(known)[: self.max_variable] for text in self.variables]


class TencentApi:
    """Signed requests of one product."""

    def __init__(self, key: TencentKey, clock: Clock, wire: Wire, base: str, region: str = "ap-guangzhou") -> None:
        self._key = key
        self._clock = clock
        self._wire = wire
        self._base = base
        self._region = region

    async def call(self, service: str, action: str, version: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for an action; gives `Response`. Raises RetryableError, PacedError, PermanentError."""
        body = msgspec.json.encode(asked)
        now_s = self._clock.now_ms() // 1000
        headers = {
            "Content-Type": CONTENT_TYPE,
            "X-TC-Action": action,
            "X-TC-Version": version,
            "X-TC-Timestamp": str(now_s),
            "X-TC-Region": self._region,
            "Authorization": tc3_authorization(self._key, service, urlsplit(self._base).netloc, now_s, body),
        }
        response = await self._wire.post(f"{self._base}/", content=body, headers=headers)
        check(response)
        fields = fields_of(response).get("Response")
        if not isinstance(fields, dict):
            raise RetryableError("not the vendor's answer: no Response")
        if error := fields.get("Error"):
            judge(str(error.get("Code", "")), str(error.get("Message", "")))
        return fields

    async def close(self) -> None:
        """Let go of connections."""
        await self._wire.close()


class TencentSms:
    """A `Channel`: one text message to all who are meant, else to `default`."""

    def __init__(
        self,
        name: str,
        api: TencentApi,
        app_id: str,
        sign_name: str,
        template: Template,
        zone: tzinfo,
        default: tuple[Person, ...] = (),
    ) -> None:
        self.name = name
        self._api = api
        self._app_id = app_id
        self._sign_name = sign_name
        self._template = template
        self._zone = zone
        self._default = default

    async def send(self, notice: Notice) -> Receipt:
        fields = await self._api.call(
            "sms",
            "SendSms",
            SMS_VERSION,
            {
                "PhoneNumberSet": mobiles(notice.people or self._default),
                "SmsSdkAppId": self._app_id,
                "TemplateId": self._template.id,
                "SignName": self._sign_name,
                "TemplateParamSet": self._template.filled(notice, self._zone),
                "SessionContext": notice.alert.id,
            },
        )
        return judge_numbers(fields.get("SendStatusSet") or [])

    async def close(self) -> None:
        await self._api.close()


class TencentVoice:
    """A `Channel`: a call that speaks the template, to each who is meant, else to `default`."""

    def __init__(
        self,
        name: str,
        api: TencentApi,
        app_id: str,
        template: Template,
        zone: tzinfo,
        default: tuple[Person, ...] = (),
    ) -> None:
        self.name = name
        self._api = api
        self._app_id = app_id
        self._template = template
        self._zone = zone
        self._default = default

    async def send(self, notice: Notice) -> Receipt:
        spoken = self._template.filled(notice, self._zone)

        async def call(mobile: str) -> str:
            asked = {
                "TemplateId": self._template.id,
                "CalledNumber": mobile,
                "VoiceSdkAppid": self._app_id,
                "TemplateParamSet": spoken,
                "PlayTimes": 2,
                "SessionContext": notice.alert.id,
            }
            fields = await self._api.call("vms", "SendTtsVoice", VOICE_VERSION, asked)
            return f"{mobile[-4:]}: call {(fields.get('SendStatus') or {}).get('CallId', '')}"

        return await reach_each(mobiles(notice.people or self._default), call)

    async def close(self) -> None:
        await self._api.close()


def tc3_authorization(
    key: TencentKey, service: str, host: str, timestamp_s: int, body: bytes, content_type: str = CONTENT_TYPE
) -> str:
    """The `Authorization` header of a POST of these very bytes; signs content type and host."""
    date = datetime.fromtimestamp(timestamp_s, UTC).strftime("%Y-%m-%d")
    signed = "content-type;host"
    request = f"POST\n/\n\ncontent-type:{content_type}\nhost:{host}\n\n{signed}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{date}/{service}/tc3_request"
    to_sign = f"TC3-HMAC-SHA256\n{timestamp_s}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    signing = _hmac(_hmac(_hmac(f"TC3{key.secret}".encode(), date), service), "tc3_request")
    signature = _hmac(signing, to_sign).hex()
    return f"TC3-HMAC-SHA256 Credential={key.id}/{scope}, SignedHeaders={signed}, Signature={signature}"


def judge(code: str, message: str) -> None:
    """What an error code means. Raises RetryableError, PacedError, PermanentError."""
    reason = f"{code}: {message[:200]}"
    if code in _LATER:
        raise PacedError(reason, _LATER[code])
    if code.startswith(_RETRY):
        raise RetryableError(reason)
    raise PermanentError(reason)


def judge_numbers(states: Sequence[Mapping[str, Any]]) -> Receipt:
    """Each number has a code of its own; delivered where one was taken. Raises as `judge` where none was."""
    taken = [state for state in states if state.get("Code") == "Ok"]
    refused = [state for state in states if state.get("Code") != "Ok"]
    if not taken:
        worst = refused[0] if refused else {"Code": "no status"}
        judge(str(worst.get("Code", "")), str(worst.get("Message", "")))
    told = [f"{str(state.get('PhoneNumber', ''))[-4:]}: {state.get('SerialNo', '')}" for state in taken]
    lost = [f"{str(state.get('PhoneNumber', ''))[-4:]} not reached: {state.get('Code')}" for state in refused]
    return Receipt("; ".join([*told, *lost]))


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.new(key, text.encode(), hashlib.sha256).digest()
