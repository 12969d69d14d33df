"""The exceptions: what they carry, and that the tree in the docstring is the real one."""

import re

import pytest

from protocol import errors
from protocol.errors import (
    HANDSHAKE_MESSAGES,
    AckTimeout,
    CloseCode,
    FrameError,
    HandshakeCode,
    HandshakeError,
    Refused,
)

TREE = re.compile(r"^(?P<branch>[├└]── )?(?P<name>[A-Z]\w+)  ", re.MULTILINE)


def test_the_tree_is_the_real_one() -> None:
    parent, drawn = "", {}
    for line in TREE.finditer(errors.__doc__ or ""):
        if line["branch"]:
            drawn[line["name"]] = parent
        else:
            parent = line["name"]
            drawn[parent] = "Exception"
    real = {
        name: kind.__bases__[0].__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert drawn == real


# The reference's `Server.errors` and `Server.errorMessages`.
@pytest.mark.parametrize(
    ("code", "number", "message", "status"),
    [
        (HandshakeCode.TRANSPORT_UNKNOWN, 0, "Transport unknown", 400),
        (HandshakeCode.SESSION_UNKNOWN, 1, "Session ID unknown", 400),
        (HandshakeCode.BAD_HANDSHAKE_METHOD, 2, "Bad handshake method", 400),
        (HandshakeCode.BAD_REQUEST, 3, "Bad request", 400),
        (HandshakeCode.FORBIDDEN, 4, "Forbidden", 403),
        (HandshakeCode.UNSUPPORTED_PROTOCOL_VERSION, 5, "Unsupported protocol version", 400),
    ],
)
def test_a_refused_handshake(code: HandshakeCode, number: int, message: str, status: int) -> None:
    error = HandshakeError(code)
    assert (error.code, error.message, error.status, str(error)) == (number, message, status, message)


def test_every_code_has_a_message() -> None:
    assert HANDSHAKE_MESSAGES.keys() == set(HandshakeCode)


def test_a_handshake_refused_in_other_words() -> None:
    error = HandshakeError(HandshakeCode.FORBIDDEN, "Not today", 503)
    assert (error.code, str(error), error.status) == (HandshakeCode.FORBIDDEN, "Not today", 503)


def test_a_frame_error_tells_the_close_code() -> None:
    assert FrameError("x").close_code is CloseCode.PROTOCOL_ERROR == 1002
    assert FrameError("x", CloseCode.TOO_BIG).close_code == 1009


def test_a_refusal() -> None:
    assert (str(Refused("no")), Refused("no").message, Refused("no").data) == ("no", "no", None)
    assert Refused("no", {"code": 1}).data == {"code": 1}


def test_a_timeout_keeps_the_answers_that_came() -> None:
    assert (str(AckTimeout()), AckTimeout().responses) == ("operation has timed out", [])
    assert AckTimeout(responses=[1]).responses == [1]
