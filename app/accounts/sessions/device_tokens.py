"""Known devices: tokens that open nothing and only tell the owner of a name from strangers at sign-in.

They are signed with a key of their own, which is derived from the secret of bearer tokens, so neither can stand for the
other.
"""

import hashlib
import hmac
import time
from typing import Annotated

import msgspec
import uuid_utils
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Meta, Struct

from app.accounts.sessions.tokens import ALGORITHM, CLAIMS, DAY
from app.limits.rate_limits import name_key

KEPT_FOR = 180 * DAY  # from the last sign-in on


class Device(Struct, frozen=True):
    """A device on which a user has signed in. It is known while `generation` is that of the user's bearer tokens."""

    id: Annotated[str, Meta(min_length=1)] = msgspec.field(name="jti")
    user_id: str = msgspec.field(name="sub")
    name: str = msgspec.field(name="name")  # a hash of the username
    generation: int = msgspec.field(name="gen")


class DeviceTokens:
    """Signs the tokens of devices, and names networks so that no other can tell which they are."""

    def __init__(self, secret: str) -> None:
        self._key = OctKey.import_key(_derived(secret, "device token"))
        self._place_key = _derived(secret, "known network")[: hashlib.blake2s.MAX_KEY_SIZE]

    def issue(self, user_id: str, username: str, generation: int, device_id: str | None) -> str:
        """A token for a device: a new one, or the one with that id."""
        issued_at = int(time.time())
        claims = {
            "sub": user_id,
            "name": name_key(username),
            "gen": generation,
            "iat": issued_at,
            "exp": issued_at + KEPT_FOR,
            "jti": device_id or str(uuid_utils.uuid7()),
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key)

    def verify(self, token: str | None, username: str) -> Device | None:
        """The device whose token it is, if it is known for this name; its generation is left to the caller."""
        if not token:
            return None
        try:
            claims = jwt.decode(token, self._key, algorithms=[ALGORITHM]).claims
            CLAIMS.validate(claims)
            device = msgspec.convert(claims, Device)
        except (JoseError, ValueError, TypeError):  # a header may hold any JSON: {"crit": 5}
            return None
        return device if device.name == name_key(username) else None

    def place(self, username: str, network: str) -> str:
        """A name in one network, as it is kept: without the secret, the network cannot be told from it."""
        text = f"{name_key(username)} {network}".encode()
        return hashlib.blake2s(text, key=self._place_key, digest_size=16).hexdigest()


def _derived(secret: str, purpose: str) -> bytes:
    return hmac.digest(secret.encode(), f"parley: {purpose}".encode(), "sha256")
