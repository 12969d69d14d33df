"""Engine.IO over a websocket alone (docs/protocol.md §1), and RFC 6455 under it."""

import os
import socket as sockets
import struct
from collections.abc import Callable
from typing import Any

import pytest

from protocol import Server, Socket
from protocol.server.transports import websocket as websocket_module
from protocol.websocket import frames
from protocol.websocket.frames import Opcode
from protocol.websocket.messages import Close, Ping, Pong
from tests.support.engine_clients import Recorder
from tests.support.raw_websocket import (
    ABNORMAL,
    Open,
    WebSocket,
)
from tests.support.running import RAW, Serve

App = Callable[..., Server]

LOOPS = [("asyncio", {"use_uvloop": True}), ("asyncio", {"use_uvloop": False})]


@pytest.fixture(scope="module", params=LOOPS, ids=["uvloop", "asyncio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    """The fast shell writes past the loop's own buffers, so it meets both loops."""
    return request.param


async def joined(running: Any, open_websocket: Open, **options: Any) -> WebSocket:
    """A websocket that is in the main namespace; what the server says first has been read."""
    socket = await open_websocket(running, **options)
    await socket.receive()
    socket.send("40")
    while (message := await socket.receive()) == "2":  # where the machine is slow and pings come often
        socket.send("3")
    assert isinstance(message, str)
    assert message.startswith("40")
    return socket


# --- messages ---


async def test_text_and_binary(serve: Serve, make_app: App, open_websocket: Open) -> None:
    """A text packet is a text frame, binary a bare binary frame."""
    socket = await joined(await serve(make_app()), open_websocket)
    socket.send('42["echo","€"]')
    assert await socket.receive() == '42["echo","€"]'
    socket.send('452-["echo",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]')
    socket.send(b"\x01\x02\x03")
    socket.send(b"")
    assert (
        await socket.receive()
        == '452-["echo",{"_placeholder":true,"num":0},{"b":{"_placeholder":true,"num":1}}]'
    )
    assert await socket.receive() == b"\x01\x02\x03"
    assert await socket.receive() == b""


@pytest.mark.parametrize("size", [0, 1, 110, 111, 112, 65_000, 65_535, 65_536, 900_000])
async def test_sizes(serve: Serve, make_app: App, open_websocket: Open, size: int) -> None:
    socket = await joined(await serve(make_app()), open_websocket)
    message = '42["echo","' + "x" * size + '"]'
    socket.send(message)
    assert await socket.receive() == message


async def test_many_messages_in_one_write_and_any_cut(
    serve: Serve, make_app: App, open_websocket: Open
) -> None:
    socket = await joined(await serve(make_app()), open_websocket)
    messages = [f'42["echo",{number}]' for number in range(300)]
    data = b"".join(frames.encode(Opcode.TEXT, message.encode(), mask=os.urandom(4)) for message in messages)
    for start in range(0, len(data), 7):
        socket.write(data[start : start + 7])
        if start % 700 == 0:
            await socket.writer.drain()
    assert [await socket.receive() for _ in messages] == messages


async def test_fragments_with_a_ping_between(serve: Serve, make_app: App, open_websocket: Open) -> None:
    socket = await joined(await serve(make_app()), open_websocket)
    text = '42["echo","€"]'.encode()
    socket.send_frame(Opcode.TEXT, text[:12], fin=False)  # in the middle of the sign's bytes
    socket.send_frame(Opcode.PING, b"are you there")
    socket.send_frame(Opcode.CONTINUATION, b"", fin=False)
    socket.send_frame(Opcode.CONTINUATION, text[12:])
    assert await socket.receive() == Pong(b"are you there")
    assert await socket.receive() == text.decode()


async def test_a_pong_is_taken(serve: Serve, make_app: App, open_websocket: Open) -> None:
    socket = await joined(await serve(make_app()), open_websocket)
    socket.send_frame(Opcode.PONG, b"unasked")
    socket.send('42["echo"]')
    assert await socket.receive() == '42["echo"]'


@pytest.mark.parametrize(("payload", "answer"), [(b"", 1000), (b"\x03\xe8bye", 1000), (b"\x0f\xa0", 4000)])
async def test_the_client_closes(
    serve: Serve, make_app: App, open_websocket: Open, seen: Recorder, payload: bytes, answer: int
) -> None:
    running = await serve(make_app())
    socket = await joined(running, open_websocket)
    socket.send_frame(Opcode.CLOSE, payload)
    close = await socket.until_close()
    assert close.code == answer or (running.shell != RAW and not payload)
    await seen.wait_for("disconnect", "transport close")
    await socket.until_end()


@pytest.mark.parametrize("abruptly", [False, True])
async def test_the_client_goes_without_a_word(
    serve: Serve, make_app: App, open_websocket: Open, seen: Recorder, abruptly: bool
) -> None:
    """Node calls both a close, as does its websocket library."""
    socket = await joined(await serve(make_app()), open_websocket)
    if abruptly:
        linger = struct.pack("ii", 1, 0)
        socket.writer.get_extra_info("socket").setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, linger)
        socket.writer.transport.abort()
    else:
        socket.writer.write_eof()
    await seen.wait_for("disconnect", "transport close")


# --- limits and rules ---


async def test_the_largest_message_is_taken(serve: Serve, make_app: App, open_websocket: Open) -> None:
    socket = await joined(await serve(make_app(max_payload=1000)), open_websocket)
    message = '42["echo","x' + "é" * 493 + '"]'
    assert len(message.encode()) == 1000
    socket.send(message)
    assert await socket.receive() == message


@pytest.mark.parametrize("fragmented", [False, True])
async def test_a_larger_message_closes(
    serve: Serve, make_app: App, open_websocket: Open, seen: Recorder, fragmented: bool
) -> None:
    socket = await joined(await serve(make_app(max_payload=1000)), open_websocket)
    text = '42["echo","' + "é" * 494 + '"]'
    assert (len(text), len(text.encode())) == (507, 1001)
    if fragmented:
        for letter in text.encode():
            socket.send_frame(
                Opcode.CONTINUATION if letter != ord("4") else Opcode.TEXT, bytes([letter]), fin=False
            )
            if letter == ord("4"):
                text = text[1:]
        socket.send_frame(Opcode.CONTINUATION)
    else:
        socket.send(text)
    assert await socket.until_close() == Close(1009, "")
    await seen.wait_for("disconnect", "transport error")
    socket.send_frame(Opcode.CLOSE, b"\x03\xf1")
    await socket.until_end()


BREAKS = {
    "not masked": (frames.encode(Opcode.TEXT, b"4"), 1002),
    "reserved bit 1": (b"\xc1\x81aaaaU", 1002),
    "reserved bit 2": (b"\xa1\x81aaaaU", 1002),
    "reserved bit 3": (b"\x91\x81aaaaU", 1002),
    "unknown opcode": (b"\x83\x81aaaaU", 1002),
    "unknown control opcode": (b"\x8b\x81aaaaU", 1002),
    "a long ping": (b"\x89\xfe\x00\x7eaaaa" + b"x" * 126, 1002),
    "a fragmented ping": (b"\x09\x81aaaaU", 1002),
    "a continuation of nothing": (b"\x80\x81aaaaU", 1002),
    "a message in a message": (b"\x01\x81aaaaU\x01\x81aaaaU", 1002),
    "a close of one byte": (b"\x88\x81aaaaU", 1002),
    "close code 1005": (frames.encode(Opcode.CLOSE, b"\x03\xed", mask=b"aaaa"), 1002),
    "close code 1006": (frames.encode(Opcode.CLOSE, b"\x03\xee", mask=b"aaaa"), 1002),
    "close code 999": (frames.encode(Opcode.CLOSE, b"\x03\xe7", mask=b"aaaa"), 1002),
    "close code 2999": (frames.encode(Opcode.CLOSE, b"\x0b\xb7", mask=b"aaaa"), 1002),
    "close reason not UTF-8": (frames.encode(Opcode.CLOSE, b"\x03\xe8\xff", mask=b"aaaa"), 1007),
    "text not UTF-8": (frames.encode(Opcode.TEXT, b"4\xff", mask=b"aaaa"), 1007),
    "text with a surrogate": (frames.encode(Opcode.TEXT, b"4\xed\xa0\x80", mask=b"aaaa"), 1007),
}


@pytest.mark.parametrize("name", BREAKS)
async def test_a_frame_that_breaks_the_rules_closes(
    serve: Serve,
    make_app: App,
    open_websocket: Open,
    seen: Recorder,
    name: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    running = await serve(make_app())
    socket = await joined(running, open_websocket)
    data, code = BREAKS[name]
    socket.write(data)
    close = await socket.until_close()
    assert close.code == code or (running.shell != RAW and close.code in (1002, 1007, ABNORMAL))
    await seen.wait_for("disconnect", "transport error")


@pytest.mark.parametrize("shell", [RAW], indirect=True)
@pytest.mark.parametrize(
    "data",
    [
        b"\x81\xfe\x00\x7daaaa" + b"x" * 125,
        b"\x81\xff" + (65_535).to_bytes(8, "big") + b"aaaa",
        b"\x81\xff" + (1 << 63).to_bytes(8, "big") + b"aaaa",
    ],
    ids=["16 bits", "64 bits", "highest bit"],
)
async def test_a_length_in_a_wrong_form_closes(
    serve: Serve, make_app: App, open_websocket: Open, data: bytes
) -> None:
    """The library under the plain shell lets these pass."""
    socket = await joined(await serve(make_app()), open_websocket)
    socket.write(data)
    assert (await socket.until_close()).code == 1002


@pytest.mark.parametrize("message", ["", "abc", "9", "4abc", "49", "44{}", '42["disconnect"]', "2", b"stray"])
async def test_a_packet_that_is_not_allowed_closes(
    serve: Serve, make_app: App, open_websocket: Open, seen: Recorder, message: str | bytes
) -> None:
    socket = await joined(await serve(make_app()), open_websocket)
    socket.send(message)
    close = await socket.until_close()
    reason = "transport error" if message == "2" else "parse error"
    assert close.code == (1000 if message == "2" else 1002)
    await seen.wait_for("disconnect", reason)


async def test_engine_packets_that_are_ignored(serve: Serve, make_app: App, open_websocket: Open) -> None:
    socket = await joined(await serve(make_app()), open_websocket)
    for message in ("0", "5", "6", "3unasked"):
        socket.send(message)
    socket.send('42["echo"]')
    assert await socket.receive() == '42["echo"]'


async def test_the_close_packet(serve: Serve, make_app: App, open_websocket: Open, seen: Recorder) -> None:
    socket = await joined(await serve(make_app()), open_websocket)
    socket.send("1")
    assert (await socket.until_close()).code == 1000
    await seen.wait_for("disconnect", "transport close")


async def test_nothing_is_handled_after_the_end(
    serve: Serve, make_app: App, open_websocket: Open, seen: Recorder
) -> None:
    """Not even what came in one piece with what ended it."""
    socket = await joined(await serve(make_app()), open_websocket)
    messages = ('42["echo",1]', "bad", '42["echo",2]')
    socket.write(b"".join(frames.encode(Opcode.TEXT, text.encode(), mask=b"mask") for text in messages))
    await socket.until_close()
    await seen.wait_for("disconnect", "parse error")
    assert seen.entries[1:] == [("echo", 1), ("disconnect", "parse error")]


@pytest.mark.parametrize("shell", [RAW], indirect=True)
async def test_a_goodbye_that_comes_in_one_piece_with_what_ended_it(
    serve: Serve, make_app: App, open_websocket: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not waited for then."""
    monkeypatch.setattr(websocket_module, "_CLOSE_TIMEOUT", 3600)
    socket = await joined(await serve(make_app()), open_websocket)
    goodbye = frames.encode(Opcode.CLOSE, b"\x03\xe8", mask=b"mask")
    socket.write(frames.encode(Opcode.TEXT, b"bad", mask=b"mask") + goodbye)
    assert (await socket.until_close()).code == 1002
    await socket.until_end()


async def test_the_server_closes(serve: Serve, make_app: App, open_websocket: Open, seen: Recorder) -> None:
    """What was sent before still arrives."""
    io = make_app()

    @io.on("leave")
    async def leave(socket: Socket) -> None:
        await socket.emit("last", "words")
        await socket.disconnect(close=True)

    socket = await joined(await serve(io), open_websocket)
    socket.send('42["leave"]')
    assert [await socket.receive() for _ in range(3)] == ['42["last","words"]', "41", Close(1000, "")]
    socket.send_frame(Opcode.CLOSE, b"\x03\xe8")
    await socket.until_end()
    await seen.wait_for("disconnect", "server namespace disconnect")
    assert io.sessions == 0


@pytest.mark.parametrize("shell", [RAW], indirect=True)
async def test_no_ping_of_the_websocket_itself(serve: Serve, make_app: App, open_websocket: Open) -> None:
    """Engine.IO's heartbeat is enough."""
    socket = await joined(await serve(make_app(ping_interval=20, ping_timeout=5000)), open_websocket)
    for _ in range(3):
        message = await socket.receive()
        assert not isinstance(message, Ping)
        assert message == "2"
        socket.send("3")
