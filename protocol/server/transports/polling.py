"""HTTP long-polling: GET fetches packets and may wait for them, POST brings some (docs/protocol.md §1)."""

import asyncio
import gzip
import zlib
from typing import ClassVar, NamedTuple, TypeAlias

import orjson

from protocol.engineio import packets as engine
from protocol.engineio.flood_guard import FEW
from protocol.engineio.packets import Encoded
from protocol.engineio.session import CloseReason
from protocol.errors import CloseCode, HandshakeCode, HandshakeError, PacketError, SessionError
from protocol.server.config.cors import ask_origin, cors_headers, preflight_headers
from protocol.server.config.session_headers import session_headers
from protocol.server.engineio.hub import PACKETS_A_TURN, Hub
from protocol.server.engineio.link import Link
from protocol.server.http.asgi import Receive, Scope, Send, disconnected, read_body, respond
from protocol.server.http.beyond_asgi import when_gone
from protocol.server.http.request import RawHeaders, Request

_LEVEL = 6  # of compression; more costs more time than it saves bytes
_OFF_LOOP = 16_384  # bytes; what is larger is compressed in a thread
_LONGEST_CHOICE = 1_024  # characters of an Accept-Encoding that is looked into
_Fetched: TypeAlias = list[Encoded] | None  # by a GET; None where its client has gone before
_TEXT = (b"content-type", b"text/plain; charset=UTF-8")
# Ends that the client has brought about.
_FAULTS = (CloseReason.TRANSPORT_ERROR, CloseReason.FLOOD, CloseReason.TOO_SLOW)


class PollingTransport:
    """The transport of a session that polls: it holds the GET that waits."""

    name: ClassVar[str] = "polling"

    def __init__(self) -> None:
        self.waiting: asyncio.Future[_Fetched] | None = None

    @property
    def buffered(self) -> int:
        """Nothing: what is not fetched waits in the session, which counts it."""
        return 0

    def send(self, items: list[Encoded]) -> int:
        """Answer the GET that waits."""
        waiting, self.waiting = self.waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(items)
        return 0

    def close(self, _code: CloseCode, _reason: str = "") -> None:
        """A websocket has taken over, or the session has ended: let the GET go, if one waits."""
        self.send([engine.NOOP])

    def abort(self) -> None:
        """There is no connection to cut; the GET that waits is let go."""
        self.send([engine.CLOSE])

    def allow(self, _max_payload: int) -> None:
        """Nothing: a POST may bring many messages, and the link, whose limit it is, is asked for each."""

    def pause(self) -> None:
        """Nothing: a POST is answered only when there is room, and a client sends one at a time."""

    def resume(self) -> None:
        """Nothing, as for `pause`."""


class Poll(NamedTuple):
    """A request of a client that polls, and the ASGI call in which it is answered."""

    request: Request
    scope: Scope
    receive: Receive
    send: Send


async def serve(hub: Hub, scope: Scope, receive: Receive, send: Send, *, forwarded: bool = False) -> None:
    """Answer one HTTP request of a client. What another instance has `forwarded` is for a session that is here, or
    none."""
    request = Request.of_scope(scope)
    forwarder = None if forwarded else hub.forwarder
    try:
        await ask_origin(hub.options, request)
        if request.method == "OPTIONS" and not forwarded:
            await respond(send, 204, b"", preflight_headers(hub.options, request))
            return
        tag = forwarder.tag_of(request) if forwarder else None
        if forwarder and tag and request.method in ("GET", "POST"):
            await forwarder.poll(tag, request, receive, send)
        else:
            link = hub.check(request)
            if link is None and forwarded:
                raise HandshakeError(HandshakeCode.SESSION_UNKNOWN)
            await _serve_here(hub, Poll(request, scope, receive, send), link)
    except HandshakeError as error:
        body = orjson.dumps({"code": error.code, "message": error.message})
        headers = [(b"content-type", b"application/json"), *cors_headers(hub.options, request)]
        await respond(send, error.status, body, headers)
    except SessionError:
        await respond(send, 400, b"", cors_headers(hub.options, request))


async def _serve_here(hub: Hub, poll: Poll, link: Link | None) -> None:
    method = poll.request.method
    if link is None:
        await _open(hub, poll)
    elif method == "GET":
        await _get(hub, poll, link)
    elif method == "POST":
        await _post(hub, poll, link)
    else:
        raise SessionError("a session takes GET and POST")


async def _open(hub: Hub, poll: Poll) -> None:
    await hub.admit(poll.request)
    link = hub.open(poll.request, PollingTransport(), websocket=False)
    await _get(hub, poll, link, opened=True)


async def _get(hub: Hub, poll: Poll, link: Link, *, opened: bool = False) -> None:
    transport = link.transport
    if not isinstance(transport, PollingTransport):
        raise SessionError("the session is not polling")
    waiting = transport.waiting
    try:
        link.session.open_get(hub.now())
    except SessionError:
        link.settle()
        raise
    assert waiting is None, "the session lets one GET wait at a time"
    items = await _wait(hub, link, transport, poll)
    if items is not None:
        headers = session_headers(hub.options, poll.request, link.session.id if opened else None)
        await _answer(hub, poll, engine.join_payload(items), headers)


async def _wait(hub: Hub, link: Link, transport: PollingTransport, poll: Poll) -> _Fetched:
    """The packets for the GET; None if the client gives it up before, which ends the session."""
    answer: asyncio.Future[_Fetched] = hub.loop.create_future()
    transport.waiting = answer
    link.flush()
    link.settle()
    if answer.done():
        return answer.result()

    def give_up(*_: object) -> None:
        if not answer.done():
            answer.set_result(None)
            _abort(link)

    listening: asyncio.Task[None] | None = None
    if not when_gone(poll.scope, poll.receive, give_up):
        listening = asyncio.create_task(disconnected(poll.receive))
        listening.add_done_callback(give_up)
    try:
        return await answer
    finally:
        if listening is not None:
            listening.cancel()
        # Cancelled by the server in front, unless a websocket took over in the same turn.
        if answer.cancelled() and link.transport is transport:
            _abort(link)


def _abort(link: Link) -> None:
    link.session.abort_get()
    link.settle()


async def _answer(hub: Hub, poll: Poll, body: bytes, headers: RawHeaders) -> None:
    encoding = _encoding(poll.request, len(body), hub.options.compression_threshold)
    all_headers = [_TEXT, *headers]
    if encoding is not None:
        compress = gzip.compress if encoding == "gzip" else zlib.compress
        off_loop = len(body) > _OFF_LOOP
        body = await asyncio.to_thread(compress, body, _LEVEL) if off_loop else compress(body, _LEVEL)
        all_headers.append((b"content-encoding", encoding.encode()))
    await respond(poll.send, 200, body, all_headers)


def _encoding(request: Request, size: int, threshold: int | None) -> str | None:
    if threshold is None or size < threshold:
        return None
    accepted = {}
    given = request.header("accept-encoding") or ""
    for part in given.split(",") if len(given) <= _LONGEST_CHOICE else ():
        name, _, quality = part.strip().partition(";")
        accepted[name.strip().lower()] = quality.replace(" ", "").lower() not in (
            "q=0",
            "q=0.0",
            "q=0.00",
            "q=0.000",
        )
    return next((name for name in ("gzip", "deflate") if accepted.get(name)), None)


async def _post(hub: Hub, poll: Poll, link: Link) -> None:
    request, _, receive, send = poll
    headers = session_headers(hub.options, request)
    try:
        link.session.open_post(hub.now())
    except SessionError:
        link.settle()
        raise
    try:
        if request.header("content-type") == "application/octet-stream":
            link.fail(CloseReason.TRANSPORT_ERROR)
            raise SessionError("binary bodies belong to an older protocol")
        try:
            async with asyncio.timeout((hub.options.ping_interval + hub.options.ping_timeout) / 1000):
                body = await read_body(receive, hub.options.max_payload)
        except TimeoutError:
            link.fail(CloseReason.TRANSPORT_ERROR)
            await respond(send, 408, b"", [*headers, (b"connection", b"close")])
            return
        if body is None:
            link.fail(CloseReason.TRANSPORT_ERROR)
            return
        if len(body) > hub.options.max_payload:
            await respond(send, 413, b"", [*headers, (b"connection", b"close")])
            return
        await _receive_payload(hub, link, body)
    finally:
        link.session.close_post()
    await respond(send, 200, b"ok", [(b"content-type", b"text/html"), *headers])


async def _receive_payload(hub: Hub, link: Link, body: bytes) -> None:
    """Take the packets of a POST. Raises `SessionError` when one of them ends the session as faulty."""
    try:
        for number, packet in enumerate(engine.decode_payload(body), 1):
            if len(packet.data) > link.max_payload:
                raise PacketError("a message is too big")
            link.receive_packet(packet)
            if link.session.reason in _FAULTS:
                raise SessionError("the session has ended")
            await link.wait_for_capacity()
            if number % PACKETS_A_TURN == 0:
                await hub.turn(link.request.address)
                await _slow_down(link)
    except PacketError as error:
        link.refuse_packet(error)
        raise SessionError(str(error)) from error
    await _slow_down(link)
    if link.session.reason in _FAULTS:
        raise SessionError("the session has ended")


async def _slow_down(link: Link) -> None:
    if link.control_packets > FEW and (wait := link.wait_after_control()):
        await asyncio.sleep(wait / 1000)
