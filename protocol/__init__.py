"""Parley's Socket.IO engine. It knows nothing of chat.

Applications import the names in `__all__`: servers, client, emitter. docs/server.md and docs/client.md explain them.
docs/architecture.md follows a message through the code, and CONTRIBUTING.md has the table of folders.
"""

# First, for it decides which form of the others is imported.
from protocol.loading.compiled_form import FORM  # isort: split

from protocol.client.client import Client
from protocol.client.options import ClientOptions
from protocol.client.socket import ClientSocket
from protocol.cluster.stream_records import Record
from protocol.engineio.session import CloseReason
from protocol.errors import (
    AckTimeout,
    BadValue,
    BusUnavailable,
    Disconnected,
    HandshakeError,
    OtherBusMode,
    ProtocolError,
    Refused,
    StoreUnavailable,
    Unreachable,
)
from protocol.server.admin_ui.instrument import instrument
from protocol.server.admin_ui.page import AdminPage
from protocol.server.bus.bus import Bus, BusFailure, MemoryBus
from protocol.server.bus.redis_bus import RedisBus
from protocol.server.config.observer import Forwarded, Observer, Recovery
from protocol.server.config.options import Cookie, Options
from protocol.server.emitter import Emitter
from protocol.server.engine_server import EngineServer, EngineSession
from protocol.server.forwarding.options import Forwarding
from protocol.server.http.beyond_asgi import discard_body
from protocol.server.http.handshake import Handshake
from protocol.server.namespaces.handlers import BadArguments, Incoming
from protocol.server.redis.client import RedisClient
from protocol.server.redis.tls_files import load_tls_files
from protocol.server.redis.url import parse_redis_url
from protocol.server.routing.interest_bus import InterestBus
from protocol.server.scheduling.networks import network_of
from protocol.server.server import Server
from protocol.server.socketio.broadcast_batch import BroadcastBatch
from protocol.server.socketio.namespace import Namespace
from protocol.server.socketio.remote_socket import RemoteSocket
from protocol.server.socketio.socket import Socket
from protocol.server.store.redis import RedisStore
from protocol.server.store.store import MemoryStore, Store
from protocol.socketio.acknowledgement import NO_ACK
from protocol.socketio.json_parser import JSON
from protocol.socketio.json_values import is_deeper, parse_json
from protocol.socketio.msgpack_parser import MSGPACK

__all__ = [
    "FORM",
    "JSON",
    "MSGPACK",
    "NO_ACK",
    "AckTimeout",
    "AdminPage",
    "BadArguments",
    "BadValue",
    "BroadcastBatch",
    "Bus",
    "BusFailure",
    "BusUnavailable",
    "Client",
    "ClientOptions",
    "ClientSocket",
    "CloseReason",
    "Cookie",
    "Disconnected",
    "Emitter",
    "EngineServer",
    "EngineSession",
    "Forwarded",
    "Forwarding",
    "Handshake",
    "HandshakeError",
    "Incoming",
    "InterestBus",
    "MemoryBus",
    "MemoryStore",
    "Namespace",
    "Observer",
    "Options",
    "OtherBusMode",
    "ProtocolError",
    "Record",
    "Recovery",
    "RedisBus",
    "RedisClient",
    "RedisStore",
    "Refused",
    "RemoteSocket",
    "Server",
    "Socket",
    "Store",
    "StoreUnavailable",
    "Unreachable",
    "discard_body",
    "instrument",
    "is_deeper",
    "load_tls_files",
    "network_of",
    "parse_json",
    "parse_redis_url",
]
