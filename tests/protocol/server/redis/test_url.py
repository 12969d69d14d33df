"""The URLs of a Redis: what they say, and what is said of those that say nothing."""

import ssl
from pathlib import Path
from typing import Any

import pytest

from protocol.server.redis.url import RedisForm, ServerAddress, parse_redis_url

TLS = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}


@pytest.mark.parametrize(
    ("url", "addresses", "options"),
    [
        ("redis://h", (("h", 6379),), {}),
        ("redis://h/", (("h", 6379),), {}),
        ("redis://h:7000/3", (("h", 7000),), {"db": 3}),
        ("redis://h/3?db=3", (("h", 6379),), {"db": 3}),
        ("redis://h?db=3&client_name=a%20b", (("h", 6379),), {"db": 3, "client_name": "a b"}),
        ("redis://me:p%40%2Fw@h", (("h", 6379),), {"username": "me", "password": "p@/w"}),
        ("redis://:p@h", (("h", 6379),), {"password": "p"}),
        ("redis://[fe80::1%eth0]:7000", (("fe80::1%eth0", 7000),), {}),
        ("redis://[::1]", (("::1", 6379),), {}),
        ("redis://h?socket_connect_timeout=0.5", (("h", 6379),), {"socket_connect_timeout": 0.5}),
        ("rediss://h", (("h", 6379),), TLS),
        (
            "rediss://h?ssl_cert_reqs=none&ssl_check_hostname=false&ssl_min_version=1.3",
            (("h", 6379),),
            {"ssl_cert_reqs": "none", "ssl_check_hostname": False, "ssl_min_version": ssl.TLSVersion.TLSv1_3},
        ),
        ("unix:///run/a%20b.sock", (("/run/a b.sock", 0),), {}),
        ("unix://me:pw@/run/s?db=1", (("/run/s", 0),), {"username": "me", "password": "pw", "db": 1}),
    ],
)
def test_one_server(url: str, addresses: tuple[ServerAddress, ...], options: dict[str, Any]) -> None:
    parsed = parse_redis_url(url)
    assert (parsed.form, parsed.addresses, parsed.options) == (RedisForm.ONE, addresses, options)


def test_sentinels() -> None:
    parsed = parse_redis_url(
        "redis+sentinel://me:pw@a,b:26380,[::1]/my%20master/2?sentinel_username=s&sentinel_password=t"
    )
    assert parsed.form is RedisForm.SENTINEL
    assert parsed.addresses == (("a", 26379), ("b", 26380), ("::1", 26379))
    assert parsed.master == "my master"
    assert parsed.options == {"username": "me", "password": "pw", "db": 2}
    assert parsed.sentinel_options == {"username": "s", "password": "t"}


def test_sentinels_are_spoken_to_in_tls_too() -> None:
    parsed = parse_redis_url("rediss+sentinel://:pw@a/m?ssl_check_hostname=false&sentinel_password=t")
    assert parsed.tls
    assert parsed.sentinel_options == {**TLS, "ssl_check_hostname": False, "password": "t"}


def test_a_cluster() -> None:
    parsed = parse_redis_url("redis+cluster://:pw@a,b:7001/0")
    assert parsed.form is RedisForm.CLUSTER
    assert parsed.addresses == (("a", 6379), ("b", 7001))
    assert parsed.options == {"password": "pw", "db": 0}
    assert not parsed.tls


def test_the_secrets_are_not_shown() -> None:
    parsed = parse_redis_url("redis+sentinel://:hunter2@a/m?sentinel_password=hunter2")
    assert "hunter2" not in repr(parsed)


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "begins with redis://"),
        ("h:6379", "begins with redis://"),
        ("http://h", "begins with redis://"),
        ("REDIS://h", "begins with redis://"),
        ("redis+pool://h", "begins with redis://"),
        ("unix+cluster:///run/s", "begins with redis://"),
        ("redis://", "has a host"),
        ("redis://:6379", "has a host"),
        ("redis://h:0", "has a host"),
        ("redis://h:65536", "has a host"),
        ("redis://h:port", "has a host"),
        ("redis://[::1", "has a host"),
        ("redis+cluster://a,,b", "has a host"),
        ("redis://a,b", "several hosts"),
        ("unix://run/s", "path of a socket"),
        ("unix://", "path of a socket"),
        ("redis+sentinel://a", "name of the master"),
        ("redis+sentinel://a/", "name of the master"),
        ("redis+cluster://a/1", "names no database but 0"),
        ("redis+cluster://a?db=1", "names no database but 0"),
        ("redis://h/1?db=2", "names one database"),
        ("redis://h/x", "the database in a Redis URL is a whole number"),
        ("redis+sentinel://h/m/0/1", "the database in a Redis URL is a whole number"),
        ("redis://h?db=-1", "db in a Redis URL is a whole number"),
        ("redis://h?timeout=1", "no option 'timeout'; there are db, "),
        ("redis://h?client_name=", "client_name in a Redis URL is empty"),
        ("redis://h?socket_connect_timeout=0", "is a number of seconds"),
        ("redis://h?ssl_ca_certs=/ca", "begins with rediss"),
        ("rediss://h?ssl_check_hostname=maybe", "is true or false"),
        ("rediss://h?ssl_cert_reqs=optional", "is required or none"),
        ("rediss://h?ssl_min_version=1.1", "is 1.2 or 1.3"),
        ("rediss://h?ssl_ca_certs=/no/such/file", "ssl_ca_certs in a Redis URL cannot be read"),
        (
            "rediss://h?ssl_certfile=/no/such/file",
            "ssl_certfile or ssl_keyfile in a Redis URL cannot be read",
        ),
        ("rediss://h?ssl_keyfile=/no/such/file", "goes with ssl_certfile"),
        ("redis://:p?w@h", "before the host"),
    ],
)
def test_what_is_wrong_with_a_url(url: str, sentence: str) -> None:
    with pytest.raises(ValueError, match="Redis URL") as refusal:
        parse_redis_url(url)
    assert sentence in str(refusal.value)


def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("certainly not")
    with pytest.raises(ValueError, match="ssl_ca_certs in a Redis URL cannot be read"):
        parse_redis_url(f"rediss://h?ssl_ca_certs={tmp_path}/ca.pem")
