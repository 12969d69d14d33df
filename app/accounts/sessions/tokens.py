"""Bearer tokens: their claims and signatures. Whether one was revoked, the database knows."""

import time
from typing import Any

import msgspec
import uuid_utils
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from app.core.caller import Token
from app.core.errors import Refusal

ALGORITHM = "HS256"
CLAIMS = jwt.JWTClaimsRegistry(
    sub={"essential": True}, iat={"essential": True}, exp={"essential": True}, jti={"essential": True}
)
DAY = 24 * 60 * 60

NOT_SIGNED_IN = "The token is missing, malformed, expired, revoked or not one of ours"


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
        """The claims of a token. Raises Refusal: `unauthenticated`."""
        try:
            claims: dict[str, Any] = jwt.decode(token or "", self._key, algorithms=[ALGORITHM]).claims
            CLAIMS.validate(claims)
            return msgspec.convert(claims, Token)
        except (JoseError, ValueError, TypeError) as error:  # a header may hold any JSON: {"crit": 5}
            raise Refusal("unauthenticated", NOT_SIGNED_IN) from error
