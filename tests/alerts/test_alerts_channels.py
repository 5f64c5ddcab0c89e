"""The vendors' channels against a local server that is asked as the vendors document it, and answers as they do."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta, timezone
from random import Random
from urllib.parse import parse_qs, urlsplit

import pytest
from alarm_samples import NOW_MS, condition
from vendors import Vendor, vendor_server

from alerts import lifecycle
from alerts.model import Severity, Text
from alerts.notify import aliyun, dingtalk, feishu, tencent, wecom
from alerts.notify.port import EventAction, Notice, PacedError, PermanentError, Person, Picture, RetryableError
from shedwatch.clock import ManualClock

ZONE = timezone(timedelta(hours=8))
PNG = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=")
WANG = Person("wang", "王强", mobile="+8613800000000", wecom="wangqiang", feishu="ou_wang")
LI = Person("li", "李丽", mobile="+8613900000000")
ALERT = lifecycle.raised(
    "1795400000000-0a1b2c3d", condition(severity=Severity.CRITICAL, value=92.0, evidence=("a.png",)), NOW_MS
)
NOTICE = Notice(
    id="n-7",
    event_action=EventAction.TRIGGER,
    dedup_key="shedwatch-a1",
    created_ms=NOW_MS,
    alert=ALERT,
    summary=Text("【紧急】1号车棚 c1 3号口 温度 92 °C", "[CRITICAL] Shed 1 c1 port 3 at 92 °C"),
    pictures=(Picture("a.png", "image/png", PNG),),
    people=(WANG, LI),
    link="https://sheds.example.com/n/abc",
    picture_link="https://sheds.example.com/n/abc/picture.jpg",
)


@pytest.fixture
async def vendor() -> AsyncIterator[Vendor]:
    async with vendor_server() as serving:
        yield serving


# ---- WeCom


def wecom_robot(vendor: Vendor) -> wecom.WecomRobot:
    return wecom.WecomRobot("wecom", "KEY", ZONE, vendor.wire(), vendor.url)


async def test_wecom_is_told_in_a_text_that_mentions_people_and_then_a_picture(vendor: Vendor) -> None:
    """The MD5 is over the raw bytes, the base64 without prefix."""
    vendor.say("/cgi-bin/webhook/send?key=KEY", {"errcode": 0, "errmsg": "ok"})
    receipt = await wecom_robot(vendor).send(NOTICE)
    text, image = (asked.json for asked in vendor.asked)
    assert text["msgtype"] == "text"
    assert text["text"]["content"].startswith("【紧急】1号车棚")
    assert "https://sheds.example.com/n/abc" in text["text"]["content"]
    assert text["text"]["mentioned_list"] == ["wangqiang"]
    assert text["text"]["mentioned_mobile_list"] == ["13900000000"]
    assert image == {
        "msgtype": "image",
        "image": {"base64": base64.b64encode(PNG).decode(), "md5": "e44e7ecfec99356632c13cd3eaa3e250"},
    }
    assert receipt.detail == "sent"


async def test_a_text_for_wecom_has_at_most_2048_bytes(vendor: Vendor) -> None:
    """Bytes, not characters, and no character is split."""
    vendor.say("/cgi-bin", {"errcode": 0})
    long = replace(NOTICE, summary=Text("热" * 2000, "hot"), pictures=())
    await wecom_robot(vendor).send(long)
    content = vendor.asked[0].json["text"]["content"]
    assert len(content.encode()) <= 2048
    assert content.endswith("…")


async def test_a_picture_that_wecom_refuses_does_not_have_the_alarm_told_again(vendor: Vendor) -> None:
    """The text was taken: the notice is delivered, and the receipt says what is missing."""
    vendor.say("/cgi-bin", {"errcode": 0}, {"errcode": 40009, "errmsg": "invalid image size"})
    assert "picture not taken: errcode 40009" in (await wecom_robot(vendor).send(NOTICE)).detail


@pytest.mark.parametrize(
    ("answer", "error", "wait_s"),
    [
        ({"errcode": -1, "errmsg": "busy"}, RetryableError, None),
        ({"errcode": 45009, "errmsg": "api freq out of limit"}, PacedError, 60.0),
        ({"errcode": 93000, "errmsg": "invalid webhook url"}, PermanentError, None),
        (b"<html>proxy</html>", RetryableError, None),
    ],
)
async def test_wecom_says_in_the_body_whether_it_took_it(vendor: Vendor, answer, error, wait_s) -> None:
    """HTTP 200 alone is no success."""
    vendor.say("/cgi-bin", answer)
    with pytest.raises(error) as raised:
        await wecom_robot(vendor).send(NOTICE)
    if wait_s is not None:
        assert raised.value.retry_after_s == wait_s


async def test_the_key_of_a_robot_is_in_no_error(vendor: Vendor) -> None:
    """Its address is all that is needed to speak in its name."""
    robot = wecom.WecomRobot("wecom", "SECRETKEY", ZONE, vendor.wire(), "http://127.0.0.1:9")
    with pytest.raises(RetryableError) as raised:
        await robot.send(NOTICE)
    assert "SECRETKEY" not in str(raised.value)


# ---- DingTalk


async def test_dingtalk_is_signed_and_shows_the_picture_by_its_address(vendor: Vendor) -> None:
    """The signature is encoded once; who is mentioned stands in the text too."""
    vendor.say("/robot/send", {"errcode": 0, "errmsg": "ok"})
    clock = ManualClock(1_700_000_000_000)
    robot = dingtalk.DingtalkRobot("ding", "T", "SECtest0123456789abcdef", ZONE, clock, vendor.wire(), vendor.url)
    await robot.send(NOTICE)
    (asked,) = vendor.asked
    assert "sign=%2FlfnxUUu80FwVTsIlv2F1cMGBb%2BPxEKAwYh%2FbsRxXcc%3D" in asked.path
    assert parse_qs(urlsplit(asked.path).query)["timestamp"] == ["1700000000000"]
    markdown = asked.json["markdown"]
    assert "![](https://sheds.example.com/n/abc/picture.jpg)" in markdown["text"]
    assert asked.json["at"]["atMobiles"] == ["13800000000", "13900000000"]
    assert "@13800000000 @13900000000" in markdown["text"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"errcode": 130101, "errmsg": "send too fast"}, PacedError),
        ({"errcode": 310000, "errmsg": "sign not match"}, PermanentError),
        ({"errcode": 310000, "errmsg": "invalid timestamp"}, RetryableError),
        ({"errcode": -1, "errmsg": "busy"}, RetryableError),
    ],
)
async def test_dingtalk_says_in_the_body_whether_it_took_it(vendor: Vendor, answer, error) -> None:
    """A throttled robot is left alone for ten minutes."""
    vendor.say("/robot/send", answer)
    robot = dingtalk.DingtalkRobot("ding", "T", None, ZONE, ManualClock(), vendor.wire(), vendor.url)
    with pytest.raises(error) as raised:
        await robot.send(NOTICE)
    if error is PacedError:
        assert raised.value.retry_after_s == 600.0


# ---- Feishu


def feishu_robot(vendor: Vendor, app: feishu.FeishuApp | None = None) -> feishu.FeishuRobot:
    clock = ManualClock(1_700_000_000_000)
    return feishu.FeishuRobot("fei", "T", "SECtest0123456789abcdef", ZONE, clock, vendor.wire(), app, vendor.url)


async def test_feishu_gets_one_card_with_picture_and_button(vendor: Vendor) -> None:
    """The picture is uploaded by the app; the token is asked for once."""
    vendor.say("/open-apis/auth", {"code": 0, "tenant_access_token": "t-1", "expire": 7200})
    vendor.say("/open-apis/im/v1/images", {"code": 0, "data": {"image_key": "img_1"}})
    vendor.say("/open-apis/bot/v2/hook/T", {"code": 0, "msg": "success"})
    robot = feishu_robot(vendor, feishu.FeishuApp("cli_1", "s"))
    await robot.send(NOTICE)
    await robot.send(NOTICE)
    paths = [asked.path for asked in vendor.asked]
    assert paths.count("/open-apis/auth/v3/tenant_access_token/internal") == 1
    upload = next(asked for asked in vendor.asked if asked.path.endswith("/images"))
    assert upload.headers["authorization"] == "Bearer t-1"
    assert b'name="image_type"\r\n\r\nmessage' in upload.body
    assert PNG in upload.body
    sent = vendor.asked[-1].json
    assert (sent["timestamp"], sent["sign"]) == ("1700000000", "R9sugg1yeI3YQr9rgdGGtTPc1xPgB+4G136nVzRFCNg=")
    card = sent["card"]
    assert card["header"]["template"] == "red"
    assert [element["tag"] for element in card["elements"]] == ["div", "img", "action"]
    assert card["elements"][1]["img_key"] == "img_1"
    assert card["elements"][2]["actions"][0]["url"] == "https://sheds.example.com/n/abc"
    assert "<at id=ou_wang></at>" in card["elements"][0]["text"]["content"]


async def test_feishu_renews_a_token_that_became_invalid(vendor: Vendor) -> None:
    """Once."""
    vendor.say("/open-apis/auth", {"code": 0, "tenant_access_token": "t-1", "expire": 7200})
    vendor.say("/open-apis/im", {"code": 99991663, "msg": "invalid"}, {"code": 0, "data": {"image_key": "img_2"}})
    vendor.say("/open-apis/bot", {"code": 0})
    await feishu_robot(vendor, feishu.FeishuApp("cli_1", "s")).send(NOTICE)
    assert vendor.asked[-1].json["card"]["elements"][1]["img_key"] == "img_2"


async def test_feishu_is_told_without_its_picture_where_the_upload_fails(vendor: Vendor) -> None:
    """The text must go all the same."""
    vendor.say("/open-apis/auth", {"code": 10003, "msg": "invalid app_id"})
    vendor.say("/open-apis/bot", {"code": 0})
    receipt = await feishu_robot(vendor, feishu.FeishuApp("cli_1", "s")).send(NOTICE)
    assert "picture not taken" in receipt.detail
    assert [element["tag"] for element in vendor.asked[-1].json["card"]["elements"]] == ["div", "action"]


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"code": 11232, "msg": "throttled"}, PacedError),
        ({"code": 19021, "msg": "sign match fail"}, RetryableError),
        ({"code": 19024, "msg": "Key Words Not Found"}, PermanentError),
    ],
)
async def test_feishu_says_in_the_body_whether_it_took_it(vendor: Vendor, answer, error) -> None:
    """HTTP 200 alone is no success."""
    vendor.say("/open-apis/bot", answer)
    with pytest.raises(error):
        await feishu_robot(vendor).send(NOTICE)


# ---- Aliyun


def aliyun_api(vendor: Vendor) -> aliyun.AliyunApi:
    key = aliyun.AliyunKey("testId", "testSecret")
    return aliyun.AliyunApi(key, ManualClock(1_700_000_000_000), vendor.wire(), vendor.url, Random(1))


def verify_acs3(vendor: Vendor) -> dict[str, list[str]]:
    """As the vendor would: sign anew from what came, compare."""
    (asked,) = vendor.asked
    query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
    mine = aliyun.acs3_headers(
        aliyun.AliyunKey("testId", "testSecret"),
        asked.headers["host"],
        asked.headers["x-acs-action"],
        asked.headers["x-acs-version"],
        asked.headers["x-acs-date"],
        asked.headers["x-acs-signature-nonce"],
        query,
    )
    assert asked.headers["authorization"] == mine["Authorization"]
    assert asked.headers["x-acs-content-sha256"] == hashlib.sha256(asked.body).hexdigest()
    return parse_qs(urlsplit(asked.path).query)


async def test_aliyun_sends_one_text_message_to_all(vendor: Vendor) -> None:
    """The template's variables are JSON and carry no address."""
    vendor.say("/", {"Code": "OK", "BizId": "1^0"})
    template = aliyun.Template("SMS_1", {"place": "{where}", "what": "{what}", "at": "{time}"})
    channel = aliyun.AliyunSms("sms", aliyun_api(vendor), "物业", template, ZONE)
    receipt = await channel.send(NOTICE)
    query = verify_acs3(vendor)
    assert query["PhoneNumbers"] == ["+8613800000000,+8613900000000"]
    assert json.loads(query["TemplateParam"][0]) == {"place": "shed-1 c1 3号口", "what": "热", "at": "10:13"}
    assert receipt.detail == "accepted 1^0"


async def test_a_text_message_to_nobody_is_refused_aloud(vendor: Vendor) -> None:
    """Somebody on duty without a number must be noticed."""
    channel = aliyun.AliyunSms("sms", aliyun_api(vendor), "物业", aliyun.Template("SMS_1", {}), ZONE)
    with pytest.raises(PermanentError, match="nobody to reach"):
        await channel.send(replace(NOTICE, people=()))


async def test_aliyun_calls_each_and_is_content_when_one_is_reached(vendor: Vendor) -> None:
    """The other is left to the escalation: calling the first again would help nobody."""
    vendor.say("/", {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "分钟级"}, {"Code": "OK", "CallId": "c1"})
    channel = aliyun.AliyunVoice("voice", aliyun_api(vendor), aliyun.Template("TTS_1", {"what": "{what}"}), ZONE)
    receipt = await channel.send(NOTICE)
    assert "0000: call c1" in receipt.detail
    assert "not reached" in receipt.detail
    called = [parse_qs(urlsplit(asked.path).query) for asked in vendor.asked]
    assert [query["CalledNumber"][0] for query in called] == ["13800000000", "13900000000"]
    assert all(len(query["OutId"][0].encode()) <= 15 for query in called)
    nonces = {asked.headers["x-acs-signature-nonce"] for asked in vendor.asked}
    assert len(nonces) == 2


@pytest.mark.parametrize(
    ("answer", "status", "error", "wait_s"),
    [
        ({"Code": "isp.SYSTEM_ERROR"}, 200, RetryableError, None),
        ({"Code": "SignatureNonceUsed"}, 400, RetryableError, None),
        ({"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "触发小时级流控"}, 200, PacedError, 3600.0),
        ({"Code": "isv.AMOUNT_NOT_ENOUGH"}, 200, PermanentError, None),
        ({"Code": "ServiceUnavailable"}, 503, RetryableError, None),
    ],
)
async def test_aliyun_says_by_its_code_what_to_do(vendor: Vendor, answer, status, error, wait_s) -> None:
    """Busy, throttled and refused are three things."""
    vendor.say("/", answer, status=status)
    channel = aliyun.AliyunSms("sms", aliyun_api(vendor), "物业", aliyun.Template("SMS_1", {}), ZONE)
    with pytest.raises(error) as raised:
        await channel.send(NOTICE)
    if wait_s is not None:
        assert raised.value.retry_after_s == wait_s


# ---- Tencent


def tencent_sms(vendor: Vendor) -> tencent.TencentSms:
    api = tencent.TencentApi(tencent.TencentKey("id", "key"), ManualClock(1_700_000_000_000), vendor.wire(), vendor.url)
    template = tencent.Template("1110", ["{where}", "{what}"], max_variable=6)
    return tencent.TencentSms("sms", api, "1400006666", "物业", template, ZONE)


async def test_tencent_signs_the_very_bytes_and_fills_short_variables(vendor: Vendor) -> None:
    """Accounts opened lately take six characters a variable."""
    status = [{"Code": "Ok", "PhoneNumber": "+8613800000000", "SerialNo": "s1"}]
    vendor.say("/", {"Response": {"SendStatusSet": status}})
    receipt = await tencent_sms(vendor).send(NOTICE)
    (asked,) = vendor.asked
    mine = tencent.tc3_authorization(
        tencent.TencentKey("id", "key"), "sms", asked.headers["host"], 1_700_000_000, asked.body
    )
    assert asked.headers["authorization"] == mine
    assert asked.headers["content-type"] == "application/json"
    assert asked.json["PhoneNumberSet"] == ["+8613800000000", "+8613900000000"]
    assert asked.json["TemplateParamSet"] == ["shed-…", "热"]
    assert receipt.detail == "0000: s1"


@pytest.mark.parametrize(
    ("response", "error"),
    [
        ({"Error": {"Code": "AuthFailure.SignatureFailure", "Message": ""}}, PermanentError),
        ({"Error": {"Code": "RequestLimitExceeded.UinLimitExceeded"}}, RetryableError),
        ({"SendStatusSet": [{"Code": "LimitExceeded.PhoneNumberThirtySecondLimit"}]}, PacedError),
        ({"SendStatusSet": [{"Code": "FailedOperation.ContainSensitiveWord"}]}, PermanentError),
    ],
)
async def test_tencent_says_in_the_body_whether_it_took_it(vendor: Vendor, response, error) -> None:
    """For the request, and for every number."""
    vendor.say("/", {"Response": response})
    with pytest.raises(error):
        await tencent_sms(vendor).send(NOTICE)


async def test_a_message_that_reached_one_of_two_is_delivered(vendor: Vendor) -> None:
    """And the receipt names the other."""
    states = [
        {"Code": "Ok", "PhoneNumber": "+8613800000000", "SerialNo": "s1"},
        {"Code": "FailedOperation.PhoneNumberInBlacklist", "PhoneNumber": "+8613900000000"},
    ]
    vendor.say("/", {"Response": {"SendStatusSet": states}})
    assert "not reached: FailedOperation.PhoneNumberInBlacklist" in (await tencent_sms(vendor).send(NOTICE)).detail


async def test_tencent_calls_by_voice(vendor: Vendor) -> None:
    """`VoiceSdkAppid`, not AppId."""
    vendor.say("/", {"Response": {"SendStatus": {"CallId": "c7"}}})
    api = tencent.TencentApi(tencent.TencentKey("id", "key"), ManualClock(), vendor.wire(), vendor.url)
    channel = tencent.TencentVoice("v", api, "1400006666", tencent.Template("4356", ["{what}"]), ZONE)
    receipt = await channel.send(replace(NOTICE, people=(LI,)))
    assert vendor.asked[0].headers["x-tc-action"] == "SendTtsVoice"
    assert vendor.asked[0].json["VoiceSdkAppid"] == "1400006666"
    assert receipt.detail == "0000: call c7"


async def test_a_test_says_everywhere_that_it_is_one(vendor: Vendor) -> None:
    """Nobody must run for a proof of the chain, and nobody must take a fire for one."""
    vendor.say("/cgi-bin", {"errcode": 0})
    await wecom_robot(vendor).send(replace(NOTICE, test=True, pictures=()))
    content = vendor.asked[0].json["text"]["content"]
    assert content.startswith("【测试】")
    assert "这是测试，不是真实告警" in content
