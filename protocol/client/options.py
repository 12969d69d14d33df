"""The client's options, checked once at the start."""

import re
from collections.abc import Mapping
from ssl import SSLContext
from types import MappingProxyType

from msgspec import Struct

from protocol.socketio.json_parser import JSON
from protocol.socketio.packets import Parser
from protocol.websocket.client_handshake import check_headers


class ClientOptions(Struct, frozen=True, kw_only=True):
    """The options of a client. Times are in milliseconds, sizes in bytes. Raises `ValueError` for bad values.

    Pass them to `Client` as keyword arguments: `Client(url, reconnection=False)`. The defaults are those of
    socket.io-client, if it has the option. `docs/client.md` explains each.
    """

    path: str = "/socket.io/"
    headers: Mapping[str, str] = MappingProxyType({})
    ssl: SSLContext | None = None
    parser: Parser = JSON
    connect_timeout: int = 20_000
    reconnection: bool = True
    reconnection_attempts: int | None = None
    reconnection_delay: int = 1000
    reconnection_delay_max: int = 5000
    randomization_factor: float = 0.5
    max_payload: int = 16_777_216
    max_pending_events: int = 1000
    max_buffered_events: int = 1000

    def __post_init__(self) -> None:
        if not re.fullmatch(r"/[!-~]*/|/", self.path):
            raise ValueError(f"path must begin and end with a slash, not {self.path!r}")
        check_headers(self.headers)
        for name in ("connect_timeout", "reconnection_delay", "max_payload", "max_pending_events"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        if self.reconnection_delay_max < self.reconnection_delay:
            raise ValueError("reconnection_delay_max must be at least reconnection_delay")
        if not 0 <= self.randomization_factor <= 1:
            raise ValueError(f"randomization_factor must be from 0 to 1, not {self.randomization_factor}")
        if self.max_buffered_events < 0 or (self.reconnection_attempts or 0) < 0:
            raise ValueError("max_buffered_events and reconnection_attempts must not be negative")
