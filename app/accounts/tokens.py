"""Bearer tokens: what they say, and whether they are ours. Whether one was revoked, the database knows."""

import time
from typing import Annotated, Any

import msgspec
import uuid_utils
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from msgspec import Meta, Struct

from app.core.errors import Refusal

ALGORITHM = "HS256"
CLAIMS = jwt.JWTClaimsRegistry(
    sub={"essential": True}, iat={"essential": True}, exp={"essential": True}, jti={"essential": True}
)
DAY = 24 * 60 * 60

NOT_SIGNED_IN = "The token is missing, malformed, expired, revoked or not one of ours"


class Token(Struct, frozen=True):
    """A token that we signed and that has not expired.

    Of a user's tokens only those of the user's current `generation` are valid; signing out everywhere begins another.
    `expires_at` is in seconds since 1970.
    """

    id: Annotated[str, Meta(min_length=1)] = msgspec.field(name="jti")
    user_id: str = msgspec.field(name="sub")
    expires_at: int = msgspec.field(name="exp")
    generation: int = msgspec.field(name="gen", default=0)


class Tokens:
    """Signs tokens with `secret` (HS256) for `lifetime` seconds."""

    def __init__(self, secret: str, lifetime: int = 7 * DAY) -> None:
        self._key = OctKey.import_key(secret)
        self._lifetime = lifetime

    def issue(self, user_id: str, generation: int) -> str:
        """A new token for a user."""
        issued_at = int(time.time())
        claims = {
            "sub": user_id,
            "iat": issued_at,
            "exp": issued_at + self._lifetime,
            "jti": str(uuid_utils.uuid7()),
            "gen": generation,
        }
        return jwt.encode({"alg": ALGORITHM}, claims, self._key)

    def verify(self, token: str | None) -> Token:
        """What a token says. Raises Refusal: `unauthenticated`."""
        try:
            claims: dict[str, Any] = jwt.decode(token or "", self._key, algorithms=[ALGORITHM]).claims
            CLAIMS.validate(claims)
            return msgspec.convert(claims, Token)
        except (JoseError, ValueError, TypeError) as error:  # a header may hold any JSON: {"crit": 5}
            raise Refusal("unauthenticated", NOT_SIGNED_IN) from error
