"""Who sends, as push services are told."""

import json

import pytest

from app.notifications.sending.message_encryption import from_base64url
from app.notifications.sending.vapid import LASTS, RENEWED, Vapid

# Made by `web-push generate-vapid-keys`.
PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
PUBLIC = "BP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A8"


def claims_of(authorization: str) -> dict[str, object]:
    token = authorization.partition("t=")[2].partition(",")[0]
    found: dict[str, object] = json.loads(from_base64url(token.split(".")[1]))
    return found


def test_a_given_key_is_used() -> None:
    assert Vapid(private_key=PRIVATE, secret="x", subject="").public_key == PUBLIC


def test_instances_with_one_secret_have_one_key() -> None:
    one, same, other = (Vapid(private_key="", secret=secret, subject="") for secret in ("a", "a", "b"))
    assert one.public_key == same.public_key != other.public_key


@pytest.mark.parametrize(("subject", "told"), [("", {}), ("mailto:a@b", {"sub": "mailto:a@b"})])
def test_a_token_is_for_an_origin_and_renewed_before_it_ends(subject: str, told: dict[str, str]) -> None:
    clock = [1_000.0]
    vapid = Vapid(private_key=PRIVATE, secret="", subject=subject, now=lambda: clock[0])
    first = vapid.authorization("https://push.example.org:8443/a/b?c")
    assert claims_of(first) == {"aud": "https://push.example.org:8443", "exp": 1_000 + LASTS, **told}
    assert first.endswith(f", k={PUBLIC}")
    clock[0] += LASTS - RENEWED - 1
    assert vapid.authorization("https://push.example.org:8443/d") == first
    clock[0] += 2
    assert claims_of(vapid.authorization("https://push.example.org:8443/d"))["exp"] == int(clock[0]) + LASTS
