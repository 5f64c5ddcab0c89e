"""Signatures of the vendors against vectors that they or their own code print."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from alerts.notify import dingtalk, feishu
from alerts.notify.aliyun import AliyunKey, acs3_headers, canonical_query
from alerts.notify.tencent import TencentKey, tc3_authorization


def test_dingtalk_signs_with_the_secret_as_key() -> None:
    """Milliseconds, newline, secret; base64, percent-encoded once."""
    signature = dingtalk.sign("SECtest0123456789abcdef", "1700000000000")
    assert signature == "/lfnxUUu80FwVTsIlv2F1cMGBb+PxEKAwYh/bsRxXcc="
    assert quote(signature, safe="") == "%2FlfnxUUu80FwVTsIlv2F1cMGBb%2BPxEKAwYh%2FbsRxXcc%3D"


@pytest.mark.parametrize(
    ("secret", "timestamp", "signature"),
    [
        ("SECtest0123456789abcdef", "1700000000", "R9sugg1yeI3YQr9rgdGGtTPc1xPgB+4G136nVzRFCNg="),
        ("demo", "1599360473", "l1N0gAcBjdwBvGm1xMjOF0XSyaLRpR7tuO5dHfhAYc8="),
    ],
)
def test_feishu_signs_nothing_with_time_and_secret_as_key(secret: str, timestamp: str, signature: str) -> None:
    """The roles of key and message are the reverse of DingTalk's."""
    assert feishu.sign(secret, timestamp) == signature


def signature_of(authorization: str) -> str:
    found = re.search(r"Signature=([0-9a-f]+)$", authorization)
    assert found
    return found[1]


NONCE = "3156853299f313e23d1673dc12e1703d"


@pytest.mark.parametrize(
    ("key", "host", "action", "version", "date", "query", "signature"),
    [
        (
            AliyunKey("YourAccessKeyId", "YourAccessKeySecret"),
            "ecs.cn-shanghai.aliyuncs.com",
            "RunInstances",
            "2014-05-26",
            "2023-10-26T10:22:32Z",
            {"ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", "RegionId": "cn-shanghai"},
            "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0",
        ),
        (
            AliyunKey("testId", "testSecret"),
            "dysmsapi.aliyuncs.com",
            "SendSms",
            "2017-05-25",
            "2023-11-14T22:13:20Z",
            {
                "OutId": "alarm-42",
                "PhoneNumbers": "15300000001",
                "SignName": "阿里云短信测试专用",
                "TemplateCode": "SMS_71390007",
                "TemplateParam": '{"name":"1号塔 *A~b+c"}',
            },
            "79a3a61833a84abc833e6567bdb5b88ee44aebbe08faf7b8655c5f97bde4a033",
        ),
        (
            AliyunKey("testId", "testSecret"),
            "dyvmsapi.aliyuncs.com",
            "SingleCallByTts",
            "2017-05-25",
            "2023-11-14T22:13:20Z",
            {
                "CalledNumber": "13800000000",
                "OutId": "alarm-42",
                "PlayTimes": "2",
                "TtsCode": "TTS_10001",
                "TtsParam": '{"site":"东塔"}',
            },
            "33945fb676ea813e42b3bd97c974af17cb1165f253d351fc32ab40b4b892cf2f",
        ),
    ],
)
def test_aliyun_signs_as_its_own_code(key, host, action, version, date, query, signature) -> None:
    """ACS3-HMAC-SHA256; the first vector is the documentation's."""
    headers = acs3_headers(key, host, action, version, date, NONCE, query)
    assert signature_of(headers["Authorization"]) == signature


def test_a_query_is_encoded_after_rfc_3986() -> None:
    """Space, asterisk and plus are encoded, the tilde is not."""
    assert canonical_query({"b": "*A~b+c", "a": "1 2"}) == "a=1%202&b=%2AA~b%2Bc"


@pytest.mark.parametrize(
    ("key", "service", "host", "timestamp_s", "body", "content_type", "signature"),
    [
        (
            TencentKey("AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE", "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE"),
            "cvm",
            "cvm.tencentcloudapi.com",
            1551113065,
            r'{"Limit": 1, "Filters": [{"Values": ["\u672a\u547d\u540d"], "Name": "instance-name"}]}',
            "application/json; charset=utf-8",
            "72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168",
        ),
        (
            TencentKey("id", "testSecretKey"),
            "sms",
            "sms.tencentcloudapi.com",
            1700000000,
            (
                '{"PhoneNumberSet":["+8613800000000"],"SmsSdkAppId":"1400006666","TemplateId":"1110","SignName":"腾讯云",'
                '"TemplateParamSet":["东塔","3"],"SessionContext":"alarm-42"}'
            ),
            "application/json",
            "8f8b76979f428bc471c9bf44d3f37ed77211e03a800c58ad725ddb22b4602c5b",
        ),
        (
            TencentKey("id", "testSecretKey"),
            "vms",
            "vms.tencentcloudapi.com",
            1700000000,
            (
                '{"TemplateId":"4356","CalledNumber":"+8613800000000","VoiceSdkAppid":"1400006666",'
                '"TemplateParamSet":["东塔"],"PlayTimes":2,"SessionContext":"alarm-42"}'
            ),
            "application/json",
            "8792d63be4863ecf158fab991d6f8204412deabe1d1f722d1198314c4d5edc07",
        ),
    ],
)
def test_tencent_signs_as_its_own_code(key, service, host, timestamp_s, body, content_type, signature) -> None:
    """TC3-HMAC-SHA256 over the very bytes; the first vector is the documentation's."""
    assert signature_of(tc3_authorization(key, service, host, timestamp_s, body.encode(), content_type)) == signature
