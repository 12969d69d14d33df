"""What a request says of its client."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.server.http.request import Request


def request(query: bytes) -> Request:
    return Request(
        method="GET", path="/socket.io/", query_string=query, headers=[], address=None, secure=False
    )


@given(st.text(alphabet="ab=&%+;2 é", max_size=12).map(lambda text: text.encode("latin-1")))
@example(b"EIO=4&transport=polling&sid=abc-_")
@example(b"=a&b=&c&&d==e&a=1&a=2")
@example(b"a%3Db=c+d&%26=%zz")
def test_a_query_is_what_the_standard_library_reads(query: bytes) -> None:
    assert request(query).query == dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        (b"EIO=4&transport=polling&sid=abc", ("polling", "abc", "4", False)),
        (b"EIO=4&transport=websocket&b64=1", ("websocket", None, "4", True)),
        (b"transport=poll%69ng", ("polling", None, None, False)),
        (b"", (None, None, None, False)),
    ],
)
def test_what_is_often_asked_stands_beside_it(
    query: bytes, expected: tuple[str | None, str | None, str | None, bool]
) -> None:
    asked = request(query)
    assert (asked.transport, asked.sid, asked.version, asked.base64) == expected
