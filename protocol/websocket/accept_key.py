"""A server's answer to a client's `Sec-WebSocket-Key`, by which both know that they open a websocket."""

import base64
import hashlib

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3


def accept_key(key: bytes) -> bytes:
    """The value of `Sec-WebSocket-Accept` for a key, as it is in its header (RFC 6455 §4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
