"""Seeds of the targets of HTTP, uploads and the chat's operations."""

from collections.abc import Callable
from typing import Any

from protocol.socketio.json_parser import JSON
from protocol.socketio.packets import Event
from protocol.websocket import client_handshake as opening
from tests.fuzz.targets.operations import TYPES


def opening_seeds() -> list[bytes]:
    urls = [
        "http://host",
        "wss://user@host",
        "https://[::1]:8443?token=a%20b\x1e/io/",
        "ws://b\u00fccher.example:80\x1e/a b",
    ]
    headers = ["Authorization\x1eBearer x\x1dX-A\x1e\u00e4", "Host\x1ea", "X\x1ea\r\nY: b"]
    switching = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    answers = [
        switching + b"Sec-WebSocket-Accept: @\r\n\r\n\x81\x012",
        switching + b"Sec-WebSocket-Accept: @\r\nSec-WebSocket-Protocol: a\r\n\r\n",
        switching + b"\r\n",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\nno",
        b"HTTP/1.1 403 Forbidden\r\nA: b\r\nA: c\r\n\r\nfor a reason",
        b"HTTP/1.0 200\r\n\r\n",
        b"220 mail.example ESMTP\r\n",
    ]
    return [
        *(b"\0" + url.encode() for url in urls),
        *(b"\1" + header.encode() for header in headers),
        *(b"\2" + bytes([number]) + answer for number, answer in enumerate(answers)),
    ]


def handshake_seeds() -> list[bytes]:
    queries = [
        b"EIO=4&transport=polling",
        b"EIO=4&transport=polling&sid=a&t=x",
        b"EIO=4&transport=websocket&sid=a",
        b"EIO=3&transport=flashsocket&x=%0d%0a&x=%ff",
        b"",
    ]
    headers = [
        b"host: a.example",
        b"Origin: https://a.example",
        b"origin: https://other.example",
        b"x-forwarded-for: 10.0.0.1, 203.0.113.7",
        b"x-forwarded-proto: https",
        b"access-control-request-headers: authorization, x-a",
        b"x-\xe4: \xe4",
    ]
    seeds = [bytes([choice]) + b"\x1e".join((query, *headers)) for choice in (8, 25, 40) for query in queries]
    return [*seeds, *(bytes([16 * number]) + b"\x1e" + header for number, header in enumerate(headers))]


def http_seeds() -> list[bytes]:
    host = b"Host: a.example\r\n"
    get = b"GET /health/live?a=b HTTP/1.1\r\n" + host + b"\r\n"
    sized = b"POST /a%20b HTTP/1.1\r\n" + host + b"Content-Length: 5\r\n\r\nhello"
    chunked = b"POST / HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    trailers = chunked[:-2] + b"a: b\r\nc: d\r\n\r\n"
    offer = b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    offering = b"POST /auth HTTP/1.1\r\n" + host + offer + b"Content-Length: 2\r\n\r\n{}"
    closing = b"GET / HTTP/1.1\r\n" + host + b"Connection: close\r\n\r\n"
    waiting = b"PUT / HTTP/1.1\r\n" + host + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab"
    address = opening.parse_url("http://a.example", "/socket.io/")
    websocket = opening.request(address, {"Origin": "https://a.example"}, bytes(16))
    requests = [
        get,
        sized,
        chunked,
        trailers,
        offering,
        closing,
        waiting,
        websocket,
        b"GET / HTTP/1.0\r\n\r\n",
    ]
    runs = [
        get + sized + chunked + get,
        chunked + trailers + sized,
        get + b"\r\n" + get,
        get[:-2],
        sized[:-1],
        b"\x16\x03\x01",
    ]
    return [bytes([number]) + request for number, request in enumerate(requests + runs)]


def body_seeds() -> list[bytes]:
    bodies = [
        b"",
        b'{"username":"ada","credential":"correct horse"}',
        b'{"a":[1,1.0,1e300,-0.0,123456789012345678901,true,null],"b":{"c":"\\ud83d\\ude00\xe2\x82\xac"}}',
        b"[1]",
        b"null",
        b'{"a":1e400}',
        b'{"a"',
        b'{"a":"' + b"x" * 150 + b'"}',
        b"\xff",
    ]
    return [bytes([number]) + body for body in bodies for number in (0, 7, 15)]


def upload_seeds() -> list[bytes]:
    def form(*parts: bytes, end: bytes = b"--b--\r\n") -> bytes:
        return b"b\n" + b"".join(b"--b\r\n" + part + b"\r\n" for part in parts) + end

    head = b'Content-Disposition: form-data; name="file"; filename="%b"\r\nContent-Type: text/plain\r\n\r\n'
    other = b'content-disposition: form-data; name="other"\r\n\r\nx'
    forms = [
        form(head % b"a.txt" + b"hello"),
        form(other, head % b"..\\a%22b.txt" + b"one\r\n--two\r\n"),
        form(head % "\u20ac\u202e.txt".encode() + bytes(60)),
        form(head % b"a" + b"x" * 61),
        form(head % b"a" + b"1", head % b"b" + b"2"),
        form(head % b"" + b"1"),
        form(head % b"a"),
        form(other),
        form(head % b"a" + b"1", end=b"--b"),
        b'"a b"\n--a b--\r\n',
        b"\n",
    ]
    return [bytes([number]) + body for number, body in enumerate(forms)]


def file_seeds() -> list[bytes]:
    # Only what formats begin with: nothing here can be decoded.
    heads = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", b"GIF89a", b"RIFF\x10\0\0\0WEBPVP8 ", b"%PDF-1.7\n"]
    heads += [
        b"\0\0\0\x18ftypmp42",
        b"\0\0\0\x1cftypavif",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"OggS",
        b"fLaC",
        b"ID3\x04",
    ]
    heads += [
        b"<html><body>",
        b"<svg xmlns='http://www.w3.org/2000/svg'>",
        b"#!/bin/sh\n",
        "\u20ac text\n".encode(),
        b"",
    ]
    names = [
        "a.txt",
        "../../etc/passwd",
        "C:\\a\\b.tar.gz",
        "\u202egpj.exe",
        "x" * 300 + ".jpeg",
        "a\u0301\u200d",
        "  . ",
    ]
    ranges = [
        b"bytes=0-",
        b"bytes=5-9",
        b"bytes=-5",
        b"bytes=9-5",
        b"BYTES=0-0",
        b"bytes=0-1,3-4",
        b"items=0-1",
    ]
    return [
        *(b"\0" + head for head in heads),
        *(b"\1" + name.encode() for name in names),
        *(b"\2\x0a" + header for header in ranges),
    ]


def operation_seeds() -> list[bytes]:
    names = {kind.__name__: number for number, kind in enumerate(TYPES)}
    room = {"roomId": "01JABC", "clientId": "c1"}
    sent = {
        **room,
        "content": "hello",
        "metadata": {"a": [1, {"b": None}]},
        "replyToId": "01J",
        "attachments": ["01K"],
    }
    asked: dict[str, Any] = {
        name: {**sent, "id": "x", "name": "y", "limit": 5, "afterSeq": 0} for name in names
    }
    asked["SendMessage"] = sent
    asked["SignUp"] = {"username": "ada", "credential": "correct horse", "displayName": "Ada"}
    items = [
        (names[name], JSON.encode(Event(["x", value]))) for name, value in asked.items() if name in names
    ]
    return [bytes([number]) + item.text[1:] for number, item in items]


SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "opening": opening_seeds,
    "handshake": handshake_seeds,
    "http": http_seeds,
    "bodies": body_seeds,
    "uploads": upload_seeds,
    "files": file_seeds,
    "operations": operation_seeds,
}
