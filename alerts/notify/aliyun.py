"""Aliyun text messages (Dysmsapi 2017-05-25) and calls (Dyvmsapi 2017-05-25), signed with ACS3-HMAC-SHA256.

Texts and calls are templates that the vendor has approved; a notice only fills in their variables.
Source: help.aliyun.com, SMS SendSms, VMS SingleCallByTts, OpenAPI signature v3.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from random import Random
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from alerts.notify.port import Notice, PacedError, PermanentError, Person, Receipt, RetryableError
from alerts.notify.recipients import mobiles, reach_each
from alerts.notify.wire import Wire, fields_of
from alerts.notify.wording import variables
from shedwatch.clock import Clock

SMS_BASE = "https://dysmsapi.aliyuncs.com"
VOICE_BASE = "https://dyvmsapi.aliyuncs.com"
VERSION = "2017-05-25"

MAX_VARIABLE = 35
"""Characters of a variable of a notification."""

MAX_OUT_ID_BYTES = 15
"""Of calls; a text message takes more."""

_RETRY = {"ServiceUnavailable", "InternalError", "Throttling", "Throttling.User", "isp.SYSTEM_ERROR"}
_RESIGN = {"SignatureNonceUsed", "InvalidTimeStamp.Expired"}
_LATER = {
    "isv.BUSINESS_LIMIT_CONTROL": 60.0,
    "isv.DAY_LIMIT_CONTROL": 3600.0,
    "isv.MONTH_LIMIT_CONTROL": 3600.0,
    "VOICE_ROBOT_NOT_PERIOD": 600.0,
    "VOICE_CALL_PERIOD_ERROR": 600.0,
}
_HOURLY_S, _DAILY_S = 3600.0, 7200.0


@dataclass(frozen=True, slots=True)
class AliyunKey:
    """The access key of an account."""

    id: str
    secret: str


@dataclass(frozen=True, slots=True)
class Template:
    """An approved template and what fills its variables: `{"place": "{where}", "what": "{what}"}`."""

    code: str
    variables: Mapping[str, str]


class AliyunApi:
    """Signed requests of one product."""

    def __init__(self, key: AliyunKey, clock: Clock, wire: Wire, base: str, random: Random | None = None) -> None:
        self._key = key
        self._clock = clock
        self._wire = wire
        self._base = base
        self._random = random or Random()

    async def call(self, action: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        """Ask for an action; every attempt has a nonce and a date of its own. Raises RetryableError, PermanentError."""
        date = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        nonce = f"{self._random.getrandbits(128):032x}"
        headers = acs3_headers(self._key, urlsplit(self._base).netloc, action, VERSION, date, nonce, parameters)
        response = await self._wire.post(f"{self._base}/?{canonical_query(parameters)}", headers=headers)
        if response.is_server_error:
            raise RetryableError(f"{response.status_code}", _seconds(response.headers.get("x-acs-retry-after")))
        fields = fields_of(response)
        judge(fields)
        return fields

    async def close(self) -> None:
        """Let go of connections."""
        await self._wire.close()


class AliyunSms:
    """A `Channel`: one text message to all who are meant, else to `default`."""

    def __init__(
        self,
        name: str,
        api: AliyunApi,
        sign_name: str,
        template: Template,
        zone: tzinfo,
        default: tuple[Person, ...] = (),
    ) -> None:
        self.name = name
        self._api = api
        self._sign_name = sign_name
        self._template = template
        self._zone = zone
        self._default = default

    async def send(self, notice: Notice) -> Receipt:
        fields = await self._api.call(
            "SendSms",
            {
                "PhoneNumbers": ",".join(mobiles(notice.people or self._default)),
                "SignName": self._sign_name,
                "TemplateCode": self._template.code,
                "TemplateParam": _filled(self._template, notice, self._zone),
                "OutId": notice.alert.id,
            },
        )
        return Receipt(f"accepted {fields.get('BizId', '')}")

    async def close(self) -> None:
        await self._api.close()


class AliyunVoice:
    """A `Channel`: a call that speaks the template, to each who is meant, else to `default`.

    Args:
        show_number: the number that is shown; None in the shared mode.
    """

    def __init__(
        self,
        name: str,
        api: AliyunApi,
        template: Template,
        zone: tzinfo,
        default: tuple[Person, ...] = (),
        show_number: str | None = None,
    ) -> None:
        self.name = name
        self._api = api
        self._template = template
        self._zone = zone
        self._default = default
        self._shown = {"CalledShowNumber": show_number} if show_number else {}

    async def send(self, notice: Notice) -> Receipt:
        spoken = _filled(self._template, notice, self._zone)

        async def call(mobile: str) -> str:
            asked = {"CalledNumber": mobile.removeprefix("+86"), "TtsCode": self._template.code, "TtsParam": spoken}
            fields = await self._api.call(
                "SingleCallByTts",
                {**asked, **self._shown, "PlayTimes": "2", "OutId": notice.alert.id[-MAX_OUT_ID_BYTES:]},
            )
            return f"{mobile[-4:]}: call {fields.get('CallId', '')}"

        return await reach_each(mobiles(notice.people or self._default), call)

    async def close(self) -> None:
        await self._api.close()


def acs3_headers(
    key: AliyunKey, host: str, action: str, version: str, date: str, nonce: str, query: Mapping[str, str]
) -> dict[str, str]:
    """Headers of a POST with its parameters in the query and an empty body, with `Authorization`."""
    empty = hashlib.sha256(b"").hexdigest()
    headers = {
        "host": host,
        "x-acs-action": action,
        "x-acs-content-sha256": empty,
        "x-acs-date": date,
        "x-acs-signature-nonce": nonce,
        "x-acs-version": version,
    }
    names = ";".join(headers)
    canonical = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n{canonical_query(query)}\n{canonical}\n{names}\n{empty}"
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(request.encode()).hexdigest()}"
    signature = hmac.new(key.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return {
        **headers,
        "Authorization": f"ACS3-HMAC-SHA256 Credential={key.id},SignedHeaders={names},Signature={signature}",
    }


def canonical_query(parameters: Mapping[str, str]) -> str:
    """Sorted by name, each part encoded after RFC 3986."""
    return "&".join(f"{quote(name, safe='~')}={quote(parameters[name], safe='~')}" for name in sorted(parameters))


def judge(fields: Mapping[str, Any]) -> None:
    """What the answer's `Code` means. Raises RetryableError, PacedError, PermanentError."""
    code = str(fields.get("Code", ""))
    if code == "OK":
        return
    message = str(fields.get("Message", ""))
    reason = f"{code}: {message[:200]}"
    if code in _RETRY or code in _RESIGN:
        raise RetryableError(reason)
    if code in _LATER:
        wait_s = _DAILY_S if "天级" in message else _HOURLY_S if "小时级" in message else _LATER[code]
        raise PacedError(reason, wait_s)
    raise PermanentError(reason)


def _filled(template: Template, notice: Notice, zone: tzinfo) -> str:
    known = variables(notice, zone, MAX_VARIABLE)
    filled = {name: text.format_map(known)[:MAX_VARIABLE] for name, text in template.variables.items()}
    return msgspec.json.encode(filled).decode()


def _seconds(value: str | None) -> float | None:
    return float(value) if value is not None and value.isdecimal() else None
