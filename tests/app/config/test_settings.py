"""The settings: what each variable may be, and how a wrong one is refused."""

from pathlib import Path

import pytest

from app.config.settings import ConfigError, Settings, load_settings, variables

SECRET = "0123456789abcdef0123456789abcdef"
HASH = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$MDEyMzQ1Njc4OWFiY2RlZg"

READ = [
    ("HOST", "::1", "::1"),
    ("PORT", "0", 0),
    ("PORT", " 65535 ", 65_535),
    ("PEER_HOST", "10.1.2.3", "10.1.2.3"),
    ("PEER_PORT", "3001", 3001),
    ("DATABASE_URL", "postgresql://me:pw@db:5432/chat", "postgresql://me:pw@db:5432/chat"),
    ("DATABASE_URL", "postgresql://me:@/chat?host=/run/pg", "postgresql://me:@/chat?host=/run/pg"),
    (
        "DATABASE_URL",
        "postgresql://me:pw@db,[::1]:5433/c?sslmode=require",
        "postgresql://me:pw@db,[::1]:5433/c?sslmode=require",
    ),
    (
        "DATABASE_URL",
        "postgresql://db/chat?sslmode=verify-full&sslrootcert=system",
        "postgresql://db/chat?sslmode=verify-full&sslrootcert=system",
    ),
    ("REDIS_URL", "redis://localhost:6379/0", "redis://localhost:6379/0"),
    ("REDIS_URL", "rediss://cache.example", "rediss://cache.example"),
    ("REDIS_URL", "unix:///run/redis.sock?db=1", "unix:///run/redis.sock?db=1"),
    ("REDIS_URL", "redis+sentinel://a,b:26380/parley/1", "redis+sentinel://a,b:26380/parley/1"),
    ("REDIS_URL", "rediss+cluster://a,b", "rediss+cluster://a,b"),
    ("DATA_DIR", "/srv/chat", Path("/srv/chat")),
    ("JWT_SECRET", SECRET, SECRET),
    ("CORS_ORIGIN", "*", ("*",)),
    ("CORS_ORIGIN", "https://a.example, http://b:8080", ("https://a.example", "http://b:8080")),
    ("ENVIRONMENT", "production", "production"),
    ("LOG_LEVEL", "WARNING", "warning"),
    ("LOG_FORMAT", "json", "json"),
    ("TRANSPORTS", "websocket", ("websocket",)),
    ("TRANSPORTS", "polling, websocket", ("polling", "websocket")),
    ("ALLOW_UPGRADES", "False", False),
    ("ALLOW_UPGRADES", "true", True),
    ("PING_INTERVAL", "300", 300),
    ("PING_TIMEOUT", "1", 1),
    ("UPGRADE_TIMEOUT", "86400000", 86_400_000),
    ("CONNECT_TIMEOUT", "1000", 1_000),
    ("RECOVERY", "0", 0),
    ("MAX_PAYLOAD", "1073741824", 2**30),
    ("MAX_FILE_SIZE", "1099511627776", 2**40),
    ("FILE_STORAGE", "/srv/files", "/srv/files"),
    ("FILE_STORAGE", "s3://chat-files/a/b", "s3://chat-files/a/b"),
    ("S3_ENDPOINT", "http://minio:9000", "http://minio:9000"),
    ("S3_REGION", "eu-central-1", "eu-central-1"),
    ("FORWARDED_ALLOW_IPS", "10.0.0.0/8, ::1", ("10.0.0.0/8", "::1")),
    ("FORWARDED_ALLOW_IPS", "*", ("*",)),
    ("EVENT_RATE", "0", 0),
    ("MAX_SOCKETS_PER_USER", "0", 0),
    ("PRESENCE_HOLD", "0", 0),
    ("PRESENCE_LEASE", "100", 100),
    ("SHUTDOWN_TIMEOUT", "0", 0),
]

REFUSED = [
    ("ENVIRONMENT", "staging", "one of development, production"),
    ("HOST", "a b", "an address or a host's name"),
    ("PORT", "65536", "a whole number from 0 to 65535"),
    ("PORT", "-1", "a whole number from 0 to 65535"),
    ("PORT", "3000.0", "a whole number from 0 to 65535"),
    ("PORT", "٣٠٠٠", "a whole number from 0 to 65535"),
    ("PORT", "9" * 5_000, "a whole number from 0 to 65535"),
    ("CORS_ORIGIN", "*,https://a.example", "* or origins"),
    ("CORS_ORIGIN", "a.example", "* or origins"),
    ("CORS_ORIGIN", "https://a.example/page", "* or origins"),
    ("CORS_ORIGIN", "https://a.example,", "* or origins"),
    ("LOG_LEVEL", "loud", "one of debug, info, warning, error"),
    ("LOG_FORMAT", "xml", "one of text, json"),
    ("TRANSPORTS", "webtransport", "one or more of polling, websocket, separated by commas"),
    ("TRANSPORTS", "polling,,websocket", "one or more of polling, websocket, separated by commas"),
    ("ALLOW_UPGRADES", "yes", "true or false"),
    ("FORWARDED_ALLOW_IPS", "10.0.0.1/8", "* or addresses and networks"),
    ("FORWARDED_ALLOW_IPS", "*,10.0.0.1", "* or addresses and networks"),
    ("EVENT_BURST", "0", "a whole number from 1 to 1000000"),
    ("PING_INTERVAL", "0", "a whole number of ms from 1 to 86400000"),
    ("PING_TIMEOUT", "25s", "a whole number of ms from 1 to 86400000"),
    ("UPGRADE_TIMEOUT", "86400001", "a whole number of ms from 1 to 86400000"),
    ("CONNECT_TIMEOUT", "1e3", "a whole number of ms from 1 to 86400000"),
    ("RECOVERY", "3600001", "a whole number of ms from 0 to 3600000"),
    ("MAX_PAYLOAD", "0", "a whole number of bytes from 1 to 1073741824"),
    ("MAX_FILE_SIZE", "25MB", "a whole number of bytes from 1 to 1099511627776"),
    ("FILE_STORAGE", "gs://bucket", "a folder, or a bucket as s3://bucket or s3://bucket/prefix"),
    ("FILE_STORAGE", "s3://", "a folder, or a bucket as s3://bucket or s3://bucket/prefix"),
    ("S3_ENDPOINT", "minio:9000", "a URL that starts with http:// or https://"),
    ("S3_REGION", "eu central", "the name of a region"),
    ("ADMIN_UI_MODE", "loud", "one of production, development"),
    ("PRESENCE_LEASE", "99", "a whole number of ms from 100 to 3600000"),
    ("SHUTDOWN_TIMEOUT", "3600001", "a whole number of ms from 0 to 3600000"),
]

REFUSED_UNSEEN = [
    ("DATABASE_URL", "mysql://me:hunter2@db/chat", "postgresql://"),
    ("DATABASE_URL", "postgresql://me:hunter2@db:port/chat", "postgresql://"),
    ("DATABASE_URL", "hunter2", "postgresql://"),
    ("DATABASE_URL", "postgresql://me:hunter2@db/c?sslmode=on", "sslmode in it must be one of disable, "),
    ("DATABASE_URL", "postgresql://me:hunter2@db/c?sslmode=verify-full&sslcert=/c", "goes with sslrootcert"),
    (
        "DATABASE_URL",
        "postgresql://me:hunter2@db/c?sslrootcert=system",
        "go with sslmode=require, verify-ca or verify",
    ),
    (
        "DATABASE_URL",
        "postgresql://me:hunter2@db/c?sslmode=require&sslkey=/k",
        "sslkey in it goes with sslcert",
    ),
    (
        "DATABASE_URL",
        "postgresql://me:hunter2@db/c?sslmode=verify-ca&sslrootcert=/no/such",
        "sslrootcert in it cannot be read: [Errno 2] No such file",
    ),
    (
        "DATABASE_URL",
        "postgresql://me:hunter2@db/c?sslmode=require&sslcert=/no/such",
        "sslcert or sslkey in it cannot be read",
    ),
    ("REDIS_URL", "http://:hunter2@cache", "a Redis URL begins with redis://"),
    ("REDIS_URL", "redis://", "a Redis URL has a host"),
    ("REDIS_URL", "redis://:hunter2?hunter2@cache", "before the host"),
    (
        "REDIS_URL",
        "rediss://:hunter2@cache?ssl_ca_certs=/no/such/file",
        "ssl_ca_certs in a Redis URL cannot be read",
    ),
    ("JWT_SECRET", "hunter2", "at least 32 characters"),
    ("ADMIN_UI_PASSWORD_HASH", "hunter2", "an argon2 hash"),
    ("S3_ACCESS_KEY", "hunter2 hunter2", "an access key"),
    ("S3_SECRET_KEY", "hunter2 hunter2", "a secret key"),
]


@pytest.mark.parametrize(("name", "text", "value"), READ)
def test_reads(name: str, text: str, value: object) -> None:
    assert getattr(load_settings({name: text}), name.lower()) == value


@pytest.mark.parametrize(("name", "text", "allowed"), REFUSED)
def test_refuses_and_shows_the_value(name: str, text: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load_settings({name: text})
    assert str(refusal.value).startswith(f"{name}={text!r} is not valid: it must be {allowed}")


@pytest.mark.parametrize(("name", "text", "allowed"), REFUSED_UNSEEN)
def test_refuses_and_hides_what_may_be_secret(name: str, text: str, allowed: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load_settings({name: text})
    assert name in str(refusal.value)
    assert allowed in str(refusal.value)
    assert "hunter2" not in str(refusal.value)


def test_an_empty_variable_counts_as_not_given() -> None:
    assert load_settings({name: " " for name, _ in variables()}) == Settings()


def test_other_variables_are_not_read() -> None:
    assert load_settings({"PATH": "/bin", "port": "1"}) == Settings()


def test_the_host_is_for_this_machine_alone_but_in_production() -> None:
    assert load_settings({}).host == "127.0.0.1"
    assert load_settings({"ENVIRONMENT": "production"}).host == "0.0.0.0"
    assert load_settings({"ENVIRONMENT": "production", "HOST": "10.0.0.1"}).host == "10.0.0.1"


def test_the_settings_never_show_a_secret() -> None:
    settings = load_settings(
        {
            "DATABASE_URL": "postgresql://me:hunter2@db/c",
            "REDIS_URL": "redis://:hunter2@c",
            "JWT_SECRET": SECRET,
        }
    )
    assert "hunter2" not in repr(settings)
    assert SECRET not in repr(settings)
    assert "port=3000" in repr(settings)


def test_every_setting_has_a_line_of_documentation() -> None:
    for name, field in variables():
        assert field.metadata["documentation"].endswith("."), name
        assert "\n" not in field.metadata["documentation"], name


def test_an_operator_has_a_name_and_a_password() -> None:
    for given in ({"ADMIN_UI_USER": "ops"}, {"ADMIN_UI_PASSWORD_HASH": HASH}):
        with pytest.raises(ConfigError, match="must be given together"):
            load_settings(given)
    settings = load_settings({"ADMIN_UI_USER": "ops", "ADMIN_UI_PASSWORD_HASH": HASH})
    assert (settings.admin_ui_user, settings.admin_ui_password_hash) == ("ops", HASH)
    assert HASH not in repr(settings)
