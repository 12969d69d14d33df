"""The opening of a websocket on the server's side: what a client offers."""

import pytest

from protocol.websocket.server_handshake import offered_subprotocols


@pytest.mark.parametrize(
    ("header", "names"),
    [
        ("v1", ["v1"]),
        ("v1,v2", ["v1", "v2"]),
        (" v2 ,\tv1", ["v2", "v1"]),
        ("v10.stomp, v11.stomp", ["v10.stomp", "v11.stomp"]),
        ("!#$%&'*+-.^_`|~", ["!#$%&'*+-.^_`|~"]),
    ],
)
def test_subprotocols_in_the_client_s_order(header: str, names: list[str]) -> None:
    assert offered_subprotocols(header) == names


@pytest.mark.parametrize(
    "header", ["", ",", "v1,", ",v1", "v1,,v2", "v1, v1", "v 1", '"v1"', "v1;q=1", "é", "a\r"]
)
def test_an_offer_that_is_malformed(header: str) -> None:
    with pytest.raises(ValueError, match="Sec-WebSocket-Protocol"):
        offered_subprotocols(header)
