"""Parley's Socket.IO engine. It knows nothing of chat.

The path of one message, in and out:

    1  socket bytes      frames            whole WebSocket messages (a POST's body: engine.decode_payload)
    2  a message         engine, session   an Engine.IO packet, and what it means to the session
    3  its data          packets, connection   a Socket.IO packet, if the namespace's state allows it
    4  a packet          server.dispatch   the application's handler, one at a time for a client
    5  emit              server.operator   a record: who gets what
    6  a record          broadcast, server.bus   stored once, brought back to every instance
    7  on each instance  server.fanout, rooms   the packet, encoded once, queued for each socket
    8  end of the tick   server.hub, server.link   one write a connection
"""

from protocol.broadcast import Record
from protocol.client.client import Client
from protocol.client.options import ClientOptions
from protocol.client.socket import ClientSocket
from protocol.errors import (
    AckTimeout,
    BadValue,
    BusUnavailable,
    Disconnected,
    HandshakeError,
    ProtocolError,
    Refused,
    StoreUnavailable,
    Unreachable,
)
from protocol.json_values import is_deeper, parse_json
from protocol.packets import JSON
from protocol.packets_msgpack import MSGPACK
from protocol.server.bus import Bus, MemoryBus
from protocol.server.emitter import Emitter
from protocol.server.engine_server import EngineServer, EngineSession
from protocol.server.forwarder import Forwarding
from protocol.server.handlers import BadArguments, Incoming
from protocol.server.handshake import Handshake
from protocol.server.namespace import Namespace
from protocol.server.observer import Forwarded, Observer, Recovery
from protocol.server.options import Cookie, Options
from protocol.server.redis_bus import RedisBus
from protocol.server.redis_client import RedisClient
from protocol.server.redis_store import RedisStore
from protocol.server.redis_url import parse_redis_url
from protocol.server.remote_socket import RemoteSocket
from protocol.server.server import Server
from protocol.server.socket import Socket
from protocol.server.store import MemoryStore, Store
from protocol.server.unjoined import network_of
from protocol.session import CloseReason

__all__ = [
    "JSON",
    "MSGPACK",
    "AckTimeout",
    "BadArguments",
    "BadValue",
    "Bus",
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
    "MemoryBus",
    "MemoryStore",
    "Namespace",
    "Observer",
    "Options",
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
    "is_deeper",
    "network_of",
    "parse_json",
    "parse_redis_url",
]
