"""Encryption of pushes: the example of RFC 8291 §5, and round trips with a browser's keys."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from app.notifications.sending.message_encryption import BadKey, encrypt, from_base64url, to_base64url
from tests.support.push_endpoint import BrowserKeys

KEYS = BrowserKeys()
PUBLIC = {"public_key": KEYS.public["p256dh"], "auth": KEYS.public["auth"]}


def test_the_example_of_the_specification() -> None:
    private = int.from_bytes(from_base64url("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    body = encrypt(
        b"When I grow up, I want to be a watermelon",
        public_key="BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        auth="BTBZMqHH6r4Tts7J_aSIgg",
        private=ec.derive_private_key(private, ec.SECP256R1()),
        salt=from_base64url("DGv6ra1nlYgDCS1FRnbzlw"),
    )
    assert to_base64url(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


@given(st.binary(max_size=3_000))
def test_a_browser_reads_what_was_sent(text: bytes) -> None:
    body = encrypt(text, **PUBLIC)
    assert KEYS.decrypt(body) == text
    assert len(body) <= 4_096


def test_a_text_that_is_too_long_and_keys_that_are_none() -> None:
    with pytest.raises(ValueError, match="3000"):
        encrypt(b"x" * 3_001, **PUBLIC)
    for key in ("", "AAAA", "A" * 87, "A" * 85):
        with pytest.raises(BadKey):
            encrypt(b"", public_key=key, auth=PUBLIC["auth"])
