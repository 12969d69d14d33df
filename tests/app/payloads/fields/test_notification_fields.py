"""Fields about notifications: which addresses are public, which endpoints and time zones there are."""

import pytest

from app.payloads.fields.notification_fields import check_endpoint, check_time_zone, is_public


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),  # where clouds keep credentials
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("192.0.2.1", False),
        ("::", False),
        ("::1", False),
        ("fe80::1", False),
        ("fe80::1%eth0", False),
        ("fc00::1", False),
        ("ff0e::1", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:169.254.169.254", False),
        ("::127.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("2002:7f00:1::", False),  # 6to4 of 127.0.0.1
        ("2001:0:7f00:1::", False),  # Teredo
        ("2001:db8::1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_public_addresses(address: str, public: bool) -> None:
    assert is_public(address) is public


@pytest.mark.parametrize("url", ["https://push.example.org/x", "https://push.example.org:8443/x?y=z"])
def test_endpoints_that_are_taken(url: str) -> None:
    check_endpoint("endpoint", url)


@pytest.mark.parametrize(
    "url",
    [
        "https://",
        "https:///x",
        "https://user:pw@h/",
        "https://h:0/",
        "https://h:99999/",
        "https://h/#f",
        "https://[::1/",
        "https://127.1/",
        "https://0x7f000001/",
        "https://2130706433/",
        "https://0177.0.0.1/",
    ],
)
def test_endpoints_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="field `endpoint` must be"):
        check_endpoint("endpoint", url)


@pytest.mark.parametrize("name", ["Europe/Paris", "UTC", "Asia/Kolkata"])
def test_time_zones(name: str) -> None:
    check_time_zone("timeZone", name)


@pytest.mark.parametrize(
    "name", ["", "Nowhere/Gone", "../etc/passwd", "/etc/passwd", "Europe", "a\0b", "x" * 60]
)
def test_names_of_no_time_zone(name: str) -> None:
    with pytest.raises(ValueError, match="field `timeZone` must be"):
        check_time_zone("timeZone", name)
