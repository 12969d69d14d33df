"""The settings: one frozen object, read from the environment. A variable that is empty counts as not given."""

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from app.config.value_parsers import (
    SettingKind,
    ValueReason,
    folder_or_bucket,
    one_of,
    origins,
    postgres,
    processes,
    proxies,
    reachable,
    redis,
    secret,
    some_of,
    url,
    whole,
    word,
    yes_or_no,
)
from app.core.errors import CannotStart

T = TypeVar("T")

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LEAST_POOL = 5  # connections: fewer, and the reads of one user could take them all
MANY = 1_000_000  # the most that a limit may be


class ConfigError(CannotStart):
    """A setting that stops the start. The text is one sentence that names the variable and what it may be."""


def setting(default: T, kind: SettingKind[T], documentation: str, *, hidden: bool = False) -> T:
    """A field of Settings; a `hidden` one is never shown, neither in errors nor in the object's repr."""
    metadata = {"kind": kind, "documentation": documentation, "hidden": hidden}
    described: T = field(default=default, repr=not hidden, metadata=metadata)
    return described


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What Parley is told by its environment: `port` is the variable PORT, and so on."""

    environment: str = setting(
        "development", one_of("development", "production"), "In production JWT_SECRET must be given."
    )
    host: str = setting(
        "127.0.0.1", word("an address or a host's name"), "The address to listen on; 0.0.0.0 in production."
    )
    port: int = setting(3000, whole(0, 65_535), "The port to listen on; 0 is any free one.")
    workers: int = setting(
        0,
        processes(),
        "Processes that serve, with one that watches them; 0 serves in this one, auto has one a core.",
    )
    peer_host: str = setting(
        "", reachable(), "The address for the other instances; without it the one that Redis sees."
    )
    peer_port: int = setting(0, whole(0, 65_535), "The port for the other instances; 0 is any free one.")
    database_url: str = setting(
        "", postgres(), "The PostgreSQL to use; without it one is started here.", hidden=True
    )
    database_pool: int = setting(
        10, whole(LEAST_POOL, 1000), "The most connections to PostgreSQL of a process."
    )
    redis_url: str = setting(
        "",
        redis(),
        "The Redis or Valkey to use; without it one is started here.",
        hidden=True,
    )
    data_dir: Path = setting(
        Path("var"),
        SettingKind("a folder", Path),
        "The folder of the servers started here, of their secret, and of files without FILE_STORAGE.",
    )
    jwt_secret: str = setting(
        "", secret(), "The key that signs tokens; without it one is made and kept in DATA_DIR.", hidden=True
    )
    cors_origin: tuple[str, ...] = setting(
        (), origins(), "The origins whose pages may call this server; without it only its own."
    )
    log_level: str = setting(
        "info", one_of("debug", "info", "warning", "error"), "The least severe lines that are logged."
    )
    log_format: str = setting("text", one_of("text", "json"), "Logs for people, or one JSON object a line.")
    metrics_token: str = setting(
        "",
        secret(),
        "What Prometheus shows at /metrics; without it, in development, this machine may read them.",
        hidden=True,
    )
    traces: bool = setting(
        False, yes_or_no(), "Whether traces go to OpenTelemetry, as the OTEL_* variables say."
    )
    transports: tuple[str, ...] = setting(
        ("polling", "websocket"), some_of("polling", "websocket"), "The transports that clients may use."
    )
    allow_upgrades: bool = setting(True, yes_or_no(), "Whether clients may go on from polling to websocket.")
    ping_interval: int = setting(25_000, whole(1, DAY_MS, "ms"), "The ms from one heartbeat to the next.")
    ping_timeout: int = setting(
        20_000, whole(1, DAY_MS, "ms"), "The ms that a client has to answer a heartbeat."
    )
    upgrade_timeout: int = setting(
        10_000, whole(1, DAY_MS, "ms"), "The ms that an upgrade to websocket may take."
    )
    connect_timeout: int = setting(
        45_000, whole(1, DAY_MS, "ms"), "The ms that a client has to join a namespace."
    )
    recovery: int = setting(
        120_000,
        whole(0, HOUR_MS, "ms"),
        "The ms that a client may be away and get back its session and what it missed; 0 is not at all.",
    )
    keep_alive: int = setting(
        80_000,
        whole(1_000, HOUR_MS, "ms"),
        "The ms that an HTTP connection may lie idle; longer than the proxy in front keeps its own.",
    )
    max_payload: int = setting(
        1_000_000, whole(1, 2**30, "bytes"), "The bytes of the largest message or polling body taken."
    )
    max_file_size: int = setting(
        25_000_000, whole(1, 2**40, "bytes"), "The bytes of the largest file that is taken as an attachment."
    )
    file_storage: str = setting(
        "", folder_or_bucket(), "A folder or s3://bucket/prefix for attachments; without it DATA_DIR/files."
    )
    s3_endpoint: str = setting(
        "", url("http", "https"), "The S3-compatible server of FILE_STORAGE; without it Amazon's."
    )
    s3_region: str = setting("us-east-1", word("the name of a region"), "The region of the bucket.")
    s3_access_key: str = setting(
        "",
        word("an access key"),
        "The key for the bucket; without it AWS_* variables or the machine's role.",
        hidden=True,
    )
    s3_secret_key: str = setting(
        "", word("a secret key"), "The secret that goes with S3_ACCESS_KEY.", hidden=True
    )
    forwarded_allow_ips: tuple[str, ...] = setting(
        ("127.0.0.1",), proxies(), "The proxies whose word (X-Forwarded-For) for a client's address is taken."
    )
    event_rate: int = setting(50, whole(0, MANY), "Events and requests a second that a user may go on with.")
    event_burst: int = setting(200, whole(1, MANY), "Events and requests that a user may send at once.")
    address_rate: int = setting(
        1000, whole(0, MANY), "Events, requests and connections a second that may come from an address."
    )
    address_burst: int = setting(
        4000, whole(1, MANY), "Events, requests and connections that may come from an address at once."
    )
    sign_in_rate: int = setting(
        60, whole(0, MANY), "Sign-ins a minute from an address; one that fails counts three times."
    )
    # Four times what a single network may try of a name, or few could keep away owners who are strangers themselves.
    sign_in_rate_of_name: int = setting(
        120,
        whole(0, MANY),
        "Sign-ins a minute with a username by strangers to it; one that fails counts three times.",
    )
    sign_up_rate: int = setting(60, whole(0, MANY), "Accounts an hour that may be made from an address.")
    conversation_rate: int = setting(
        100, whole(0, MANY), "Direct conversations an hour that a user may begin."
    )
    room_rate: int = setting(100, whole(0, MANY), "Rooms an hour that a user may make.")
    invitation_rate: int = setting(200, whole(0, MANY), "Invitations to rooms an hour that a user may send.")
    upload_rate: int = setting(100, whole(0, MANY), "MiB a minute that a user may upload.")
    max_rooms_per_user: int = setting(
        500, whole(0, MANY), "Rooms that a user may be a member of, direct conversations aside."
    )
    max_sockets_per_user: int = setting(50, whole(0, MANY), "Connections that a user may have at once.")
    presence_hold: int = setting(
        5_000, whole(0, HOUR_MS, "ms"), "The ms that a user without a connection still counts as online."
    )
    presence_lease: int = setting(
        15_000, whole(100, HOUR_MS, "ms"), "The ms of silence after which an instance counts as dead."
    )
    shutdown_timeout: int = setting(
        10_000, whole(0, HOUR_MS, "ms"), "The ms that a stop leaves to what is under way."
    )


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings; raises ConfigError for the first variable that is not as it may be."""
    given: dict[str, Any] = {}
    for name, described in variables():
        if text := environ.get(name, "").strip():
            given[described.name] = read(name, text, described)
    if given.get("environment") == "production":
        given.setdefault("host", "0.0.0.0")  # noqa: S104  a container's only way to be reached
    return Settings(**given)


def variables() -> Iterator[tuple[str, "Field[Any]"]]:
    """Each variable's name with the field that it sets, whose metadata has its kind and documentation."""
    for described in fields(Settings):
        yield described.name.upper(), described


def read(name: str, text: str, described: "Field[Any]") -> object:
    kind: SettingKind[object] = described.metadata["kind"]
    try:
        return kind.parse(text)
    except ValueReason as error:
        raise ConfigError(f"The value of {name} is not valid: {error}.") from None
    except ValueError:
        shown = "The value of " + name if described.metadata["hidden"] else f"{name}={text!r}"
        raise ConfigError(f"{shown} is not valid: it must be {kind.allowed}.") from None
