"""The settings: one frozen object, read from the environment. An empty variable counts as not set."""

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, TypeVar

from app.config.value_parsers import (
    SettingKind,
    ValueReason,
    argon2_hash,
    contact,
    folder_or_bucket,
    one_of,
    origins,
    p256_key,
    postgres,
    processes,
    proxies,
    reachable,
    redis,
    secret,
    some_of,
    url,
    webhook_secret,
    whole,
    word,
    yes_or_no,
)
from app.core.errors import CannotStart

T = TypeVar("T")

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
LEAST_POOL = 5  # connections: fewer, and the reads of one user could take them all
MANY = 1_000_000  # maximum of a limit


class ConfigError(CannotStart):
    """A setting that prevents the start. The text is one sentence: the variable and its allowed values."""


def setting(default: T, kind: SettingKind[T], documentation: str, *, hidden: bool = False) -> T:
    """Define a field of Settings. The value of a `hidden` one appears neither in errors nor in the repr."""
    metadata = {"kind": kind, "documentation": documentation, "hidden": hidden}
    described: T = field(default=default, repr=not hidden, metadata=metadata)
    return described


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings, with their defaults. The field `port` is the environment variable PORT, and so on."""

    environment: str = setting(
        "development", one_of("development", "production"), "In production, JWT_SECRET is required."
    )
    host: str = setting(
        "127.0.0.1", word("an address or a host's name"), "Address to listen on; 0.0.0.0 in production."
    )
    port: int = setting(3000, whole(0, 65_535), "Port to listen on; 0 picks any free port.")
    workers: int = setting(
        0,
        processes(),
        "Worker processes, with a supervisor; 0 serves in this process, auto uses one per processor.",
    )
    peer_host: str = setting(
        "", reachable(), "Address where other instances reach this one; default: the one that Redis sees."
    )
    peer_port: int = setting(0, whole(0, 65_535), "Port on PEER_HOST; 0 picks any free port.")
    database_url: str = setting(
        "", postgres(), "URL of PostgreSQL; default: Parley starts its own.", hidden=True
    )
    database_pool: int = setting(
        10, whole(LEAST_POOL, 1000), "Maximum number of PostgreSQL connections per process."
    )
    redis_url: str = setting(
        "",
        redis(),
        "URL of Redis or Valkey; default: Parley starts its own.",
        hidden=True,
    )
    bus: str = setting(
        "one",
        one_of("one", "interest"),
        "What instances hear over Redis: one stream with all, or what is for their clients; the same for all.",
    )
    data_dir: Path = setting(
        Path("var"),
        SettingKind("a folder", Path),
        "Folder for the servers that Parley starts, their secret, and files without FILE_STORAGE.",
    )
    jwt_secret: str = setting(
        "",
        secret(),
        "Key that signs tokens; default: Parley generates one and keeps it in DATA_DIR.",
        hidden=True,
    )
    cors_origin: tuple[str, ...] = setting(
        (), origins(), "Origins whose pages may call this server; default: only its own."
    )
    log_level: str = setting(
        "info", one_of("debug", "info", "warning", "error"), "Minimum severity of log lines."
    )
    log_format: str = setting("text", one_of("text", "json"), "Readable text, or one JSON object per line.")
    metrics_token: str = setting(
        "",
        secret(),
        "Bearer token for /metrics; default: open to this machine in development only.",
        hidden=True,
    )
    admin_ui_user: str = setting(
        "",
        word("a name"),
        "Name of the operator who may use the admin UI, at /admin-ui/; default: it is off.",
    )
    admin_ui_password_hash: str = setting(
        "",
        argon2_hash(),
        "Argon2 hash of the operator's password; parley hash-password makes it.",
        hidden=True,
    )
    admin_ui_mode: str = setting(
        "production",
        one_of("production", "development"),
        "Show the operator counters, or also all sockets, rooms and events, with the messages in them.",
    )
    admin_ui_read_only: bool = setting(
        False, yes_or_no(), "Keep the operator from acting on clients in the admin UI."
    )
    traces: bool = setting(
        False, yes_or_no(), "Send traces to OpenTelemetry, configured by the OTEL_* variables."
    )
    transports: tuple[str, ...] = setting(
        ("polling", "websocket"), some_of("polling", "websocket"), "Transports that clients may use."
    )
    allow_upgrades: bool = setting(True, yes_or_no(), "Allow clients to upgrade from polling to websocket.")
    ping_interval: int = setting(25_000, whole(1, DAY_MS, "ms"), "Milliseconds between heartbeats.")
    ping_timeout: int = setting(
        20_000, whole(1, DAY_MS, "ms"), "Milliseconds for a client to answer a heartbeat."
    )
    upgrade_timeout: int = setting(
        10_000, whole(1, DAY_MS, "ms"), "Milliseconds for an upgrade to websocket to complete."
    )
    connect_timeout: int = setting(
        45_000, whole(1, DAY_MS, "ms"), "Milliseconds for a client to join a namespace."
    )
    recovery: int = setting(
        120_000,
        whole(0, HOUR_MS, "ms"),
        "Milliseconds in which a disconnected client can recover its session and missed events; 0: off.",
    )
    recovery_history: int = setting(
        32,
        whole(1, 1024, "MiB"),
        "MiB of recent events that a process keeps in memory for clients that return.",
    )
    recovery_for: str = setting(
        "asking",
        one_of("asking", "all"),
        "Clients that can: those that ask for it in their handshake, or all.",
    )
    keep_alive: int = setting(
        80_000,
        whole(1_000, HOUR_MS, "ms"),
        "The ms that an HTTP connection may lie idle; longer than the proxy in front keeps its own.",
    )
    max_payload: int = setting(
        1_000_000, whole(1, 2**30, "bytes"), "Size limit of a message or polling request, in bytes."
    )
    max_file_size: int = setting(
        25_000_000, whole(1, 2**40, "bytes"), "Size limit of an attachment, in bytes."
    )
    file_storage: str = setting(
        "", folder_or_bucket(), "Folder or s3://bucket/prefix for attachments; default: DATA_DIR/files."
    )
    s3_endpoint: str = setting(
        "", url("http", "https"), "URL of the S3-compatible server; default: Amazon S3."
    )
    s3_region: str = setting("us-east-1", word("the name of a region"), "Region of the bucket.")
    s3_access_key: str = setting(
        "",
        word("an access key"),
        "Access key for the bucket; default: AWS_* variables or the machine's role.",
        hidden=True,
    )
    s3_secret_key: str = setting(
        "", word("a secret key"), "Secret key that belongs to S3_ACCESS_KEY.", hidden=True
    )
    vapid_private_key: str = setting(
        "",
        p256_key(),
        "Key that signs Web Push, 32 bytes in base64url; default: one derived from JWT_SECRET.",
        hidden=True,
    )
    vapid_subject: str = setting(
        "", contact(), "Contact for the operators of push services, mailto:… or https://…; some require it."
    )
    push_private_addresses: bool = setting(
        False, yes_or_no(), "Send pushes to push services in private networks, too."
    )
    notification_hold: int = setting(
        10_000,
        whole(0, HOUR_MS, "ms"),
        "Milliseconds that a connected user has to read a message before it is a notification.",
    )
    webhook_url: str = setting(
        "", url("http", "https"), "Where all notifications are posted, for e-mail or mobile push."
    )
    webhook_secret: str = setting(
        "", webhook_secret(), "Key that signs what is posted to WEBHOOK_URL, whsec_….", hidden=True
    )
    forwarded_allow_ips: tuple[str, ...] = setting(
        ("127.0.0.1",), proxies(), "Trusted proxies, whose X-Forwarded-For gives the client's address."
    )
    event_rate: int = setting(50, whole(0, MANY), "Sustained events and requests per second of a user.")
    event_burst: int = setting(200, whole(1, MANY), "Events and requests that a user may send at once.")
    address_rate: int = setting(
        1000, whole(0, MANY), "Sustained events, requests and connections per second from an address."
    )
    address_burst: int = setting(
        4000, whole(1, MANY), "Events, requests and connections at once from an address."
    )
    sign_in_rate: int = setting(
        60, whole(0, MANY), "Sign-in attempts per minute from an address; a failed one counts three times."
    )
    # Four times the limit of one network for a name: otherwise a few networks could lock out an owner in a new network.
    sign_in_rate_of_name: int = setting(
        120,
        whole(0, MANY),
        "Sign-in attempts per minute for a username from unknown networks; a failed one counts three times.",
    )
    sign_up: str = setting(
        "open",
        one_of("open", "invitation", "closed"),
        "Who may sign up: anybody, whoever has an invitation (parley admin invite), or nobody.",
    )
    deleted_account_messages: str = setting(
        "keep",
        one_of("keep", "erase"),
        "Messages of people who delete their account: they stay, under another name, or become tombstones.",
    )
    edit_history: str = setting(
        "admins",
        one_of("nobody", "author", "admins", "members"),
        "Who sees earlier texts of edited messages: nobody (none is kept), the author, also room admins, or members.",
    )
    link_previews: bool = setting(
        False, yes_or_no(), "Fetch the pages that messages link to, and show what they say of themselves."
    )
    link_preview_private_addresses: bool = setting(
        False, yes_or_no(), "Fetch such pages from private networks, too."
    )
    sign_up_rate: int = setting(60, whole(0, MANY), "New accounts per hour from an address.")
    conversation_rate: int = setting(
        100, whole(0, MANY), "Direct conversations per hour that a user may start."
    )
    room_rate: int = setting(100, whole(0, MANY), "Rooms per hour that a user may create.")
    invitation_rate: int = setting(200, whole(0, MANY), "Room invitations per hour that a user may send.")
    group_mention_rate: int = setting(
        20, whole(0, MANY), "Messages per hour in which an admin of rooms may call @all or @here."
    )
    upload_rate: int = setting(100, whole(0, MANY), "MiB per minute that a user may upload.")
    max_rooms_per_user: int = setting(
        500, whole(0, MANY), "Rooms that a user may be a member of, without direct conversations and groups."
    )
    max_sockets_per_user: int = setting(
        50, whole(0, MANY), "Simultaneous connections of a user, on all instances."
    )
    presence_hold: int = setting(
        5_000,
        whole(0, HOUR_MS, "ms"),
        "Milliseconds that a user without a connection still counts as online.",
    )
    presence_lease: int = setting(
        15_000, whole(100, HOUR_MS, "ms"), "Milliseconds of silence after which an instance counts as dead."
    )
    shutdown_timeout: int = setting(
        10_000, whole(0, HOUR_MS, "ms"), "Milliseconds to finish in-flight work on shutdown."
    )

    @property
    def by_interest(self) -> bool:
        """True if instances hear only of what is for their clients."""
        return self.bus == "interest"


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Read the settings. Raises ConfigError for the first variable with a value that is not valid."""
    given: dict[str, Any] = {}
    for name, described in variables():
        if text := environ.get(name, "").strip():
            given[described.name] = read(name, text, described)
    if given.get("environment") == "production":
        given.setdefault("host", "0.0.0.0")  # noqa: S104  a container's only way to be reached
    if ("admin_ui_user" in given) != ("admin_ui_password_hash" in given):
        raise ConfigError("ADMIN_UI_USER and ADMIN_UI_PASSWORD_HASH must be given together.")
    if ("webhook_url" in given) != ("webhook_secret" in given):
        raise ConfigError("WEBHOOK_URL and WEBHOOK_SECRET must be given together.")
    return Settings(**given)


def variables() -> Iterator[tuple[str, "Field[Any]"]]:
    """Yield each variable's name and its field, whose metadata has the kind and the documentation."""
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
