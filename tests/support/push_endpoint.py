"""A push service and the browsers behind it, over TLS: it decrypts what it gets, and checks who sends (RFC 8291, 8292).

It shares no code with what it checks.
"""

import asyncio
import base64
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from aiohttp import web
from cryptography.hazmat.primitives import hashes, hmac
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.waiting import PATIENCE, until


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def hmac_of(key: bytes, data: bytes) -> bytes:
    made = hmac.HMAC(key, hashes.SHA256())
    made.update(data)
    return made.finalize()


class BrowserKeys:
    """The keys of one subscription, as a browser makes them."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._auth = os.urandom(16)
        self._point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def public(self) -> dict[str, str]:
        """What `PushSubscription.toJSON().keys` has."""
        return {"p256dh": encoded(self._point), "auth": encoded(self._auth)}

    def decrypt(self, body: bytes) -> bytes:
        """RFC 8291 §3.4 by hand: HKDF is HMAC, twice."""
        salt, size, key_size = body[:16], int.from_bytes(body[16:20], "big"), body[20]
        sender, record = body[21 : 21 + key_size], body[21 + key_size :]
        assert len(record) <= size <= 4096
        shared = self._private.exchange(
            ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), sender)
        )
        key = hmac_of(hmac_of(self._auth, shared), b"WebPush: info\0" + self._point + sender + b"\x01")
        pseudorandom = hmac_of(salt, key)
        content_key = hmac_of(pseudorandom, b"Content-Encoding: aes128gcm\0\x01")[:16]
        nonce = hmac_of(pseudorandom, b"Content-Encoding: nonce\0\x01")[:12]
        padded = AESGCM(content_key).decrypt(nonce, record, None).rstrip(b"\0")
        assert padded.endswith(b"\x02")
        return padded[:-1]


class Push(NamedTuple):
    """What came for one subscription."""

    number: int
    content: dict[str, Any]
    headers: dict[str, str]
    at: datetime


class PushEndpoint:
    """`answer` says with which status and headers a push is answered, by the number of its subscription."""

    def __init__(self) -> None:
        self.pushes: list[Push] = []
        self.hooks: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[int], tuple[int, dict[str, str]]] = lambda _: (201, {})
        self.hook_answer = 204
        self.unanswered = ""  # a sender whose pushes are never answered
        self.held: list[Push] = []  # what it sent
        self.finished = 0
        self.vapid_key = ""  # that subscriptions were made with
        self.origin = ""
        self.attempts = 0
        self._keys: dict[int, BrowserKeys] = {}
        self._news = asyncio.Condition()

    def subscription(self) -> dict[str, str]:
        """A browser subscribes."""
        number = len(self._keys) + 1
        self._keys[number] = BrowserKeys()
        return {"endpoint": f"{self.origin}/push/{number}", **self._keys[number].public}

    async def until(self, is_so: Callable[[], bool]) -> None:
        """Waits for what has come to be as it should."""
        async with asyncio.timeout(PATIENCE), self._news:
            await self._news.wait_for(is_so)

    async def take_push(self, request: web.Request) -> web.Response:
        number = int(request.match_info["number"])
        body = await request.read()
        self.attempts += 1
        status, headers = self.answer(number)
        if status == 201:
            sender = self._check(request)
            content = json.loads(self._keys[number].decrypt(body))
            held = sender == self.unanswered
            push = Push(number, content, dict(request.headers), datetime.now(UTC))
            (self.held if held else self.pushes).append(push)
            if held:
                async with self._news:
                    self._news.notify_all()
                await until(lambda: is_left(request))
        self.finished += 1
        async with self._news:
            self._news.notify_all()
        return web.Response(status=status, headers=headers)

    async def take_hook(self, request: web.Request) -> web.Response:
        self.hooks.append((dict(request.headers), await request.read()))
        async with self._news:
            self._news.notify_all()
        return web.Response(status=self.hook_answer)

    def _check(self, request: web.Request) -> str:
        """Who sends, as their token says."""
        assert request.headers["Content-Encoding"] == "aes128gcm"
        assert int(request.headers["TTL"]) > 0
        assert request.headers["Urgency"] in ("normal", "high")
        assert len(request.headers["Topic"]) <= 32
        assert "Cookie" not in request.headers
        scheme, _, fields = request.headers["Authorization"].partition(" ")
        given = dict(field.strip().split("=", 1) for field in fields.split(","))
        assert (scheme, given["k"]) == ("vapid", self.vapid_key)
        head, claims, signed = given["t"].split(".")
        assert json.loads(decoded(head)) == {"typ": "JWT", "alg": "ES256"}
        found = json.loads(decoded(claims))
        assert found["aud"] == self.origin
        raw = decoded(signed)
        signature = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decoded(given["k"]))
        key.verify(signature, f"{head}.{claims}".encode(), ec.ECDSA(hashes.SHA256()))
        sender: str = found["sub"]
        assert sender.startswith("mailto:")
        return sender


def is_left(request: web.Request) -> bool:
    """Whether the sender of a request is no longer there to be answered."""
    return request.transport is None or request.transport.is_closing()


@asynccontextmanager
async def push_endpoint(certificate: Path) -> AsyncIterator[PushEndpoint]:
    """A push service that runs, with a certificate for localhost and 127.0.0.1."""
    endpoint = PushEndpoint()
    app = web.Application()
    app.router.add_post("/push/{number}", endpoint.take_push)
    app.router.add_post("/hook", endpoint.take_hook)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    port = runner.addresses[0][1]
    endpoint.origin = f"https://127.0.0.1:{port}"
    try:
        yield endpoint
    finally:
        await runner.cleanup()
