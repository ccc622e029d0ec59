"""services.kernel.redaction"""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.redaction import MASK, is_secret, may_hold_secrets, redacted, redacted_text

SECRET = "0123456789abcdef"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)

pytestmark = pytest.mark.field_case("E3")


@pytest.mark.parametrize(
    "name",
    [
        "AuthorizationKey",
        "authorizationkey",
        "Authorization Key",
        "SecurityCtrlr.BasicAuthPassword",
        "securityctrlr.basicauthpassword",
        "NetworkConfiguration[1].VpnKey",
        "apnPassword",
        "wifi.psk",
        "WLAN_Key",
        "simPin",
        "ClientSecret",
        "FtpPwd",
        "Acme.ApiKey",
    ],
)
def test_a_secret_is_known_by_its_name(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "HeartbeatInterval",
        "key",
        "MeterValueSampleInterval",
        "LocalPreAuthorize",
        "AuthorizationCacheEnabled",
        "ids",
        "",
    ],
)
def test_a_setting_is_no_secret(name: str) -> None:
    assert not is_secret(name)


@pytest.mark.parametrize(
    "reported",
    [
        {"key": "authorizationKEY", "value": SECRET},
        {"change_configuration": {"key": "SecurityCtrlr.BasicAuthPassword", "value": SECRET}},
        {"configuration": {"AuthorizationKey": SECRET, "HeartbeatInterval": "60"}},
        {"variable": {"name": "basicauthpassword"}, "attributeValue": SECRET},
        {"vpn": {"server": "s", "user": "u", "password": SECRET, "key": SECRET, "type": "IKEv2"}},
        {"apn": {"apnUserName": "u", "simPin": 1234567, "apnPassword": SECRET}},
        {"remoteLocation": f"ftp://user:{SECRET}@host:21/logs"},
        {"data": '{"wifi":{"password":"' + SECRET + '"}}'},
        {"data": f"ssid=home;password={SECRET};mode=2"},
        {"techInfo": f"Authorization Key: {SECRET}"},
        {"info": f'"password":"{SECRET}"'},
    ],
)
def test_a_secret_is_masked_wherever_it_stands(reported: dict[str, Any]) -> None:
    kept = redacted(reported)
    assert SECRET not in str(kept)
    assert "1234567" not in str(kept)
    assert MASK in str(kept)
    assert redacted(kept) == kept


def test_what_stands_beside_a_secret_is_kept() -> None:
    assert redacted({"data": f"ssid=home;password={SECRET};mode=2"}) == {"data": f"ssid=home;password={MASK};mode=2"}
    assert redacted_text(f"ftp://user:{SECRET}@host/x") == f"ftp://user:{MASK}@host/x"
    assert redacted_text("http://host/path?x=1") == "http://host/path?x=1"
    settings = {"configuration": {"AuthorizationKey": SECRET, "HeartbeatInterval": "60"}}
    assert redacted(settings) == {"configuration": {"AuthorizationKey": MASK, "HeartbeatInterval": "60"}}


def test_that_there_is_a_secret_or_none_is_no_secret() -> None:
    reported = {"hasPassword": True, "password": "", "key": "AuthorizationKey", "value": None}
    assert redacted(reported) == reported


@given(JSON)
def test_what_has_no_secret_is_kept_as_it_is(reported: Any) -> None:
    kept = redacted(reported)
    assert kept == reported or MASK in str(kept)


def test_nothing_is_nested_beyond_every_measure() -> None:
    deep: Any = "x"
    for _ in range(200):
        deep = [deep]
    with pytest.raises(RecursionError):
        redacted(deep)


@pytest.mark.field_case("E3", "E4")
@pytest.mark.parametrize(
    "name", ["Wifi.P-S_K", "user pwd", "apn_PassWord2", "SIM\nPIN", "ключ-secret", "AuthorizationKey"]
)
def test_a_secret_is_found_among_very_many_properties(name: str) -> None:
    many: dict[str, Any] = {f"x{number}": number for number in range(1000)}
    assert redacted(many | {name: "geheim", "y": "kept"}) == many | {name: MASK, "y": "kept"}
    assert redacted(many | {"of": [{name: "geheim"}]}) == many | {"of": [{name: MASK}]}
    assert redacted(many | {"key": name, "value": "geheim"}) == many | {"key": name, "value": MASK}


@pytest.mark.field_case("E3", "E4")
def test_the_key_of_a_vpn_is_found_among_very_many_properties() -> None:
    many: dict[str, Any] = {f"x{number}": number for number in range(1000)}
    assert redacted(many | {"server": "a", "key": "geheim"}) == many | {"server": "a", "key": MASK}


# Words and signs of which names and texts with secrets are made, and others like them.
_PIECES = st.sampled_from(
    [
        *'pPsSkKwWdD_-. :=&/@{}"\\\n\u212a',
        "pass",
        "Word",
        "key",
        "API",
        "authorization",
        "psk",
        "pwd",
        "ftp://",
        "server",
    ]
)
_WORDS = st.lists(_PIECES, max_size=6).map("".join)
_TELLING = st.recursive(
    st.none() | st.integers(0, 9) | _WORDS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(_WORDS | st.sampled_from(["key", "name", "value", "server", "variable"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(_TELLING)
def test_what_may_hold_no_secret_holds_none(value: Any) -> None:
    # As part of something that is long enough.
    text = orjson.dumps([value, "x" * 1000])
    assert may_hold_secrets(text) or redacted(value) == value


@pytest.mark.parametrize(
    "text",
    [
        b'{"key":"Authorization Key","value":"x"}',
        b'{"a":"p\\u0061ssword=x"}',
        b'{"server":"vpn","key":"x"}',
        '{"name":"api\u212aey","value":"x"}'.encode(),
        b'{"url":"ftp://u:p@h"}',
        b'{"x":"PWD: 1"}',
    ],
)
def test_what_may_hold_one_is_looked_into(text: bytes) -> None:
    assert may_hold_secrets(b" " * 1000 + text)


def test_a_usual_report_need_not_be_looked_into_when_it_is_long() -> None:
    text = b'[2,"1","NotifyReport",{"reportData":[{"component":{"name":"EVSE"},"variable":{"name":"Power"}}]}]'
    assert may_hold_secrets(text)
    assert not may_hold_secrets(b" " * 1000 + text)
