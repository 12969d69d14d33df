"""The server's options, checked once at the start."""

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Literal, TypeAlias, get_args

from msgspec import Struct

from protocol.engineio.timing import Timing
from protocol.server.config.observer import Observer
from protocol.server.config.origins import CorsOrigins, check_rule
from protocol.server.http.handshake import Handshake
from protocol.socketio.json_parser import JSON
from protocol.socketio.json_values import MAX_VALUES
from protocol.socketio.packet_limits import MAX_ATTACHMENTS, MAX_AUTH, PacketLimits
from protocol.socketio.packets import Parser

TRANSPORTS = ("polling", "websocket")
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")  # RFC 9110 §5.6.2
_ATTRIBUTE = re.compile(r"[ -:<-~]*")  # RFC 6265 §4.1.1: no control character, no semicolon

AllowHook: TypeAlias = Callable[[Handshake], bool | Awaitable[bool]]
IdHook: TypeAlias = Callable[[Handshake], str | Awaitable[str]]
RecoveryFor: TypeAlias = Literal["all", "asking"]
HeadersHook: TypeAlias = Callable[[Handshake], Mapping[str, str]]


class Cookie(Struct, frozen=True):
    """A cookie with the session id, set by the answer to a handshake, for load balancers that route by it.

    io = Server(cookie=Cookie(name="io", secure=True))

    `max_age` is in seconds; None: until the browser is closed. `partitioned` needs `secure` (CHIPS). Raises
    `ValueError` for values that would be no cookie (RFC 6265 §4.1).
    """

    name: str = "io"
    path: str = "/"
    http_only: bool = True
    same_site: str = "Lax"
    secure: bool = False
    max_age: int | None = None
    domain: str | None = None
    partitioned: bool = False

    def __post_init__(self) -> None:
        if not _TOKEN.fullmatch(self.name):
            raise ValueError(f"a cookie's name cannot be {self.name!r}")
        for value in (self.path, self.same_site, self.domain or ""):
            if not _ATTRIBUTE.fullmatch(value):
                raise ValueError(f"an attribute of a cookie cannot be {value!r}")
        if self.partitioned and not self.secure:
            raise ValueError("a partitioned cookie must be secure, or browsers refuse it")

    def header(self, session_id: str) -> str:
        """The value of `Set-Cookie`."""
        parts = [f"{self.name}={session_id}"]
        if self.max_age is not None:
            parts.append(f"Max-Age={self.max_age}")
        if self.domain is not None:
            parts.append(f"Domain={self.domain}")
        parts += [f"Path={self.path}", f"SameSite={self.same_site}"]
        flags = {"HttpOnly": self.http_only, "Secure": self.secure, "Partitioned": self.partitioned}
        return "; ".join(parts + [flag for flag, is_set in flags.items() if is_set])


class EngineOptions(Struct, frozen=True, kw_only=True):
    """The options of an Engine.IO server. Times are in milliseconds, sizes in bytes. Bad values raise `ValueError`.

    The defaults are those of the reference, if it has the option. `docs/server.md` explains each.
    """

    path: str = "/engine.io/"
    add_trailing_slash: bool = True
    transports: Sequence[str] = TRANSPORTS
    allow_upgrades: bool = True
    ping_interval: int = 25_000
    ping_timeout: int = 20_000
    upgrade_timeout: int = 10_000
    max_head: int = 16_384
    max_unjoined: int | None = None
    max_payload: int = 1_000_000
    max_buffered: int = 4_194_304
    control_rate: int = 100
    control_burst: int = 1_000
    compression_threshold: int | None = 1024
    cors_origins: CorsOrigins = ()
    cors_credentials: bool = False
    subprotocols: Sequence[str] | None = None
    cookie: Cookie | None = None
    allow_request: AllowHook | None = None
    generate_id: IdHook | None = None
    initial_headers: HeadersHook | None = None
    headers: HeadersHook | None = None
    observer: Observer = Observer()

    def __post_init__(self) -> None:
        if not re.fullmatch(r"/[!-~]*/|/", self.path):
            raise ValueError(f"path must begin and end with a slash, not {self.path!r}")
        if not self.transports or set(self.transports) - set(TRANSPORTS):
            raise ValueError(f"transports must be some of {', '.join(TRANSPORTS)}, not {self.transports!r}")
        self._check_positive(
            *("ping_interval", "ping_timeout", "upgrade_timeout", "max_payload", "max_buffered"),
            *("max_head", "control_rate", "control_burst"),
        )
        if self.max_unjoined is not None:
            self._check_positive("max_unjoined")
        if not callable(self.cors_origins):
            check_rule(self.cors_origins)
        if self.cors_origins == "*" and self.cors_credentials:
            raise ValueError(
                "cors_credentials needs a list of origins, or True: browsers refuse `*` with credentials"
            )
        if isinstance(self.subprotocols, str):
            raise ValueError(f"subprotocols must be a list of names, not {self.subprotocols!r}")

    def _check_positive(self, *names: str) -> None:
        for name in names:
            value = getattr(self, name)
            if not isinstance(value, int):
                raise ValueError(f"{name} must be a whole number, not {value!r}")
            if value < 1:
                raise ValueError(f"{name} must be at least 1, not {value}")

    @property
    def timing(self) -> Timing:
        """The options that a session needs."""
        return Timing(self.ping_interval, self.ping_timeout, self.upgrade_timeout)

    def has_path(self, path: str) -> bool:
        """True if the path of a request is the server's."""
        if path.startswith(self.path):
            return True
        return not self.add_trailing_slash and path == self.path[:-1]

    def upgrades(self, transport: str) -> list[str]:
        """The transports that the open packet offers to a client on `transport`."""
        can = self.allow_upgrades and transport == "polling" and "websocket" in self.transports
        return ["websocket"] if can else []


class Options(EngineOptions, frozen=True, kw_only=True):
    """The options of a Socket.IO server: those of an Engine.IO server, and these. `docs/server.md` explains each.

    Times are in milliseconds, sizes in bytes. Raises `ValueError` for bad values. Pass them to `Server` as keyword
    arguments: `Server(ping_interval=10_000)`.
    """

    path: str = "/socket.io/"
    connect_timeout: int = 45_000
    max_untrusted_payload: int | None = None
    requests_timeout: int = 5_000
    max_pending_events: int = 64
    max_attachments: int = MAX_ATTACHMENTS
    max_values: int = MAX_VALUES
    max_auth: int = MAX_AUTH
    max_namespaces: int = 64
    concurrent_events: bool = False
    parser: Parser = JSON
    recovery: int | None = None
    recovery_history: int = 33_554_432
    recovery_for: RecoveryFor = "all"
    skip_middlewares: bool = False
    session_key_prefix: str = "sio:session:"
    serve_client: bool = True
    default_room: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        self._check_positive(
            *("connect_timeout", "requests_timeout", "max_pending_events", "max_namespaces"),
            *("max_values", "max_auth", "recovery_history"),
        )
        if self.recovery_for not in get_args(RecoveryFor):
            choices = " or ".join(map(repr, get_args(RecoveryFor)))
            raise ValueError(f"recovery_for must be {choices}, not {self.recovery_for!r}")
        for optional in ("recovery", "max_untrusted_payload"):
            if getattr(self, optional) is not None:
                self._check_positive(optional)

    @property
    def default_rooms(self) -> tuple[str, ...]:
        """The rooms of an event that names none; empty for all sockets."""
        return () if self.default_room is None else (self.default_room,)

    @property
    def limits(self) -> PacketLimits:
        """The limits of one packet of a client."""
        return _limits(self.max_attachments, self.max_values, self.max_auth)

    @property
    def limits_of_strangers(self) -> PacketLimits:
        """The same for a client that has not been trusted yet, where `max_untrusted_payload` is set."""
        return self.limits if self.max_untrusted_payload is None else _of_strangers(self.limits)


_of_strangers = cache(PacketLimits.of_strangers)


@cache
def _limits(attachments: int, values: int, auth: int) -> PacketLimits:
    """One object for all connections of a server."""
    return PacketLimits(attachments, values, auth)
