"""Webhooks, the pure rules: signatures, when to try again, and where nothing may be sent."""

import doctest
import json
import shutil
import subprocess
from ipaddress import ip_address
from pathlib import Path

import pytest

from node.webhooks import signature
from node.webhooks.message import Message, format_message
from node.webhooks.reach import BadUrl, Target, may_reach, parse_url
from node.webhooks.schedule import CLAIM_MS, DELAYS_MS, SEND_TIMEOUT_S, delay_ms
from node.webhooks.signature import TOLERANCE_S, format_secret, is_signed, sign

OLD, NEW = format_secret(bytes(32)), format_secret(b"\x01" * 32)
NOW_S = 1_790_000_000


def test_docstring_examples_are_true() -> None:
    assert doctest.testmod(signature).failed == 0


def test_either_secret_of_a_rotation_signs() -> None:
    header = sign([NEW, OLD], NOW_S, b"{}")
    assert is_signed(header, OLD, b"{}", NOW_S)
    assert is_signed(header, NEW, b"{}", NOW_S)
    assert not is_signed(header, format_secret(b"\x02" * 32), b"{}", NOW_S)


@pytest.mark.parametrize("late_s", [-TOLERANCE_S, TOLERANCE_S])
def test_what_was_recorded_is_of_no_use_later(late_s: int) -> None:
    header = sign([OLD], NOW_S, b"{}")
    assert is_signed(header, OLD, b"{}", NOW_S + late_s)
    assert not is_signed(header, OLD, b"{}", NOW_S + late_s + (1 if late_s > 0 else -1))


@pytest.mark.parametrize("header", ["", "t=1790000000", "t=x,v1=" + "0" * 64, "v1=" + "0" * 64])
def test_headers_that_are_none_are_no_signature(header: str) -> None:
    assert not is_signed(header, OLD, b"{}", NOW_S)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed here")
def test_openssl_makes_the_same_signature(tmp_path: Path) -> None:
    body = b'{"event": "deposit.final"}'
    (tmp_path / "signed").write_bytes(b"%d." % NOW_S + body)
    command = ["openssl", "dgst", "-sha256", "-hmac", OLD, tmp_path / "signed"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert sign([OLD], NOW_S, body) == f"t={NOW_S},v1={printed.split()[-1]}"


def test_a_message_is_json_of_what_happened() -> None:
    message = Message("ab" * 16, "deposit.final", "a.test", 7, {"client_ref": "订单 7"})
    assert json.loads(format_message(message)) == {
        "id": "ab" * 16,
        "event": "deposit.final",
        "origin": "a.test",
        "created_at": 7,
        "deposit": {"client_ref": "订单 7"},
    }


def test_a_message_about_an_event_says_what_happened() -> None:
    happened = {"type": "HOLD", "effect": True}
    message = Message("ab" * 16, "deposit.event", "a.test", 7, {"count": 1}, happened)
    assert json.loads(format_message(message))["happened"] == happened
    for event, told in (("deposit.event", None), ("deposit.final", happened)):
        with pytest.raises(AssertionError):
            Message("ab" * 16, event, "a.test", 7, {"count": 1}, told)


def test_tries_get_rarer_up_to_a_day_and_end() -> None:
    delays = [delay_ms(attempts) for attempts in range(1, len(DELAYS_MS) + 1)]
    assert delays == sorted(delays)  # type: ignore[type-var]
    assert delays[-1] == 24 * 3600 * 1000
    assert delay_ms(len(DELAYS_MS) + 1) is None
    assert SEND_TIMEOUT_S * 1000 < CLAIM_MS


INSIDE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",  # noqa: S104 (an address)
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::",
    "2002:a00:1::",
]


@pytest.mark.parametrize("address", INSIDE)
def test_nothing_is_sent_inside(address: str) -> None:
    assert not may_reach(ip_address(address), public_only=True)
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(BadUrl, match="not public"):
        parse_url(f"https://{host}/hook", public_only=True)


@pytest.mark.parametrize("address", ["1.1.1.1", "223.5.5.5", "2400:3200::1", "64:ff9b::101:101"])
def test_what_is_public_may_be_sent_to(address: str) -> None:
    assert may_reach(ip_address(address), public_only=True)


def test_a_test_may_send_to_this_machine_but_never_to_many() -> None:
    assert may_reach(ip_address("127.0.0.1"), public_only=False)
    assert may_reach(ip_address("::1"), public_only=False)
    assert not may_reach(ip_address("224.0.0.1"), public_only=False)
    assert not may_reach(ip_address("0.0.0.0"), public_only=False)  # noqa: S104 (an address)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://example.com/", "not https"),
        ("ftp://example.com/", "not https"),
        ("file:///etc/passwd", "not https"),
        ("//example.com/", "not https"),
        ("https://user:word@example.com/", "a user"),
        ("https://example.com/#part", "a fragment"),
        ("https://example.com\\@inside/", "a user"),
        ("https://", "no host"),
        ("https://exa_mple/", "no host"),
        ("https://" + "a" * 64 + ".com/", "no host"),
        ("https://" + "a." * 127 + "com/", "no host"),
        ("https://a..com/", "no host"),
        ("https://[::1/", "not a URL"),
        ("https://example.com:0/", "port 0"),
        ("https://example.com:99999/", "not a URL"),
        ("https://例子.com/", "printable ASCII"),
        ("https://example.com/ x", "printable ASCII"),
        ("https://example.com/" + "a" * 2048, "2,048"),
        ("", "printable ASCII"),
    ],
)
def test_addresses_that_are_none(url: str, why: str) -> None:
    with pytest.raises(BadUrl, match=why):
        parse_url(url, public_only=True)


def test_where_an_address_leads() -> None:
    hook = "https://hooks.example.com:8443/a?b=c"
    assert parse_url(hook, public_only=True) == Target("https", "hooks.example.com", 8443)
    assert parse_url("https://1.1.1.1/", public_only=True) == Target("https", "1.1.1.1", 443)
    assert parse_url("http://127.0.0.1/", public_only=False) == Target("http", "127.0.0.1", 80)
