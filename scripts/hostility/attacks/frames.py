"""Tiny frames over one websocket, or twenty; tiny packets over polling; handshakes. None needs an account."""

import re
from functools import partial
from typing import Any

from protocol.websocket.frames import Opcode, encode
from scripts.hostility.attack import Attack, Outcome, Target
from scripts.hostility.attacks.http import POLL, request
from scripts.hostility.wire import MASK, Connection, connected, crowd, event, flood, text_frame, websocket

MANY = 20  # websockets
MEGABYTE = 1_000_000  # bytes a second
BODY = 900_000  # bytes of a POST; what is allowed is 1,000,000


def fragmented(text: bytes) -> bytes:
    """A message in fragments of one byte."""
    head = encode(Opcode.TEXT, text[:1], mask=MASK, fin=False)
    middle = (encode(Opcode.CONTINUATION, bytes((byte,)), mask=MASK, fin=False) for byte in text[1:])
    return head + b"".join(middle) + encode(Opcode.CONTINUATION, b"", mask=MASK)


# What is sent first, and then over and over; each is connected to the main namespace, and not authenticated.
FRAMES = {
    "pings": (b"", encode(Opcode.PING, b"", mask=MASK)),
    "pongs": (b"", encode(Opcode.PONG, b"", mask=MASK)),
    "noops": (b"", text_frame(b"6")),
    "continuations": (
        encode(Opcode.TEXT, b"", mask=MASK, fin=False),
        encode(Opcode.CONTINUATION, b"", mask=MASK, fin=False),
    ),
    "fragments": (b"", fragmented(b'431["' + b"x" * 1000 + b'"]')),
    "acks": (b"", text_frame(b"431[]")),
    "namespaces": (b"", text_frame(b"41") + text_frame(b"40")),
    "early-events": (b"", text_frame(event("message:send", {}))),
}
RATES = {"1MB": (1, MEGABYTE), "2MB": (1, 2 * MEGABYTE), "max": (1, None), "x20": (MANY, None)}


async def tiny_frames(
    kind: str, number: int, rate: float | None, target: Target, outcome: Outcome, _: Any
) -> None:
    """One kind of frame over some websockets."""
    first, unit = FRAMES[kind]

    async def act() -> None:
        async with websocket(target, outcome) as session:
            await session.connection.send(first)
            await flood(session.connection, unit, rate)

    await crowd(number, outcome, act)


async def open_polling(connection: Connection) -> str:
    """A polling session on a connection that is not listened to; its id. Raises ConnectionError."""
    await connection.send(request("GET", POLL))
    found = re.search(rb'"sid":"([^"]+)"', await connection.reader.readuntil(b"}"))
    if found is None:
        raise ConnectionResetError
    return found[1].decode()


async def tiny_packets(target: Target, outcome: Outcome, _: Any) -> None:
    """Bodies full of acknowledgements of nothing, on four sessions."""
    unit = b"\x1e".join([b"431[]"] * (BODY // 6))

    async def act() -> None:
        async with connected(target, outcome) as connection:
            path = f"{POLL}&sid={await open_polling(connection)}"
            connection.listen()
            await connection.send(request("POST", path, body=b"40"))
            while True:
                await connection.send(request("POST", path, body=unit))

    await crowd(4, outcome, act)


async def handshakes(target: Target, outcome: Outcome, _: Any) -> None:
    """Websockets that are opened and left."""

    async def act() -> None:
        async with websocket(target, outcome, joins=False, listens=False):
            pass

    await crowd(MANY, outcome, act)


ATTACKS = [
    *(
        Attack(
            f"{kind}-{name}",
            f"{kind.replace('-', ' ')} over {number} websocket{'s' * (number > 1)}, "
            + ("as fast as it can" if rate is None else f"{rate / MEGABYTE:g} MB/s"),
            partial(tiny_frames, kind, number, rate),
        )
        for kind in FRAMES
        for name, (number, rate) in RATES.items()
    ),
    Attack("polling-packets", "polling bodies of 150,000 tiny packets", tiny_packets),
    Attack("handshakes", "websockets opened and left", handshakes),
]
