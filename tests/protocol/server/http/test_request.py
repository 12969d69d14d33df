"""What a request says of its client."""

import pytest

from protocol.server.http.request import Request


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"EIO=4&transport=polling&sid=abc", ("polling", "abc", "4", False)),
        (b"EIO=4&transport=websocket&b64=1", ("websocket", None, "4", True)),
        (b"transport=poll%69ng&transport=websocket&sid=", ("websocket", "", None, False)),
        (b"sid=a+b&&b64", (None, "a b", None, False)),
        (b"", (None, None, None, False)),
    ],
)
def test_what_is_often_asked_of_a_query_stands_beside_it(
    query: bytes, expected: tuple[str | None, str | None, str | None, bool]
) -> None:
    asked = Request(
        method="GET", path="/socket.io/", query_string=query, headers=[], address=None, secure=False
    )
    assert (asked.transport, asked.sid, asked.version, asked.base64) == expected
