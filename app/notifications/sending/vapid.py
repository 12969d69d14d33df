"""Voluntary Application Server Identification for Web Push (RFC 8292): who sends, as push services are told."""

import time
from collections import OrderedDict
from collections.abc import Callable
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.jwk import ECKey

from app.config.value_parsers import P256_ORDER
from app.notifications.sending.message_encryption import CURVE, from_base64url, point_of, to_base64url

LASTS = 12 * 3600  # seconds that a token is valid; services take up to 24 hours (RFC 8292 §2)
RENEWED = LASTS // 2  # seconds before its end that it is made anew
MOST_ORIGINS = 1_000  # whose tokens are kept


class Vapid:
    """Signs for the origins of push services. `subject` is how their operators reach ours: mailto: or https:.

    The key is `private_key`, 32 bytes in base64url as `web-push generate-vapid-keys` prints it, or else one that is
    derived from `secret`: so all instances with one JWT_SECRET have one key, which lasts as long as that secret does.
    """

    def __init__(
        self,
        *,
        private_key: str,
        secret: str,
        subject: str,
        now: Callable[[], float] = time.time,
    ) -> None:
        number = number_of(private_key) if private_key else derived_number(secret)
        key = ec.derive_private_key(number, CURVE)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        self.public_key = to_base64url(point_of(key.public_key()))
        self._key = ECKey.import_key(pem)
        self._subject = subject
        self._now = now
        self._tokens: OrderedDict[str, tuple[float, str]] = OrderedDict()

    def authorization(self, endpoint: str) -> str:
        """The header `Authorization` of a request to an endpoint (RFC 8292 §3)."""
        parts = urlsplit(endpoint)
        return f"vapid t={self._token(f'{parts.scheme}://{parts.netloc}')}, k={self.public_key}"

    def _token(self, origin: str) -> str:
        now = self._now()
        ends, token = self._tokens.get(origin, (0.0, ""))
        if ends - RENEWED <= now:
            claims = {"aud": origin, "exp": int(now) + LASTS}
            if self._subject:
                claims["sub"] = self._subject
            token = jwt.encode({"typ": "JWT", "alg": "ES256"}, claims, self._key)
            self._tokens[origin] = (now + LASTS, token)
            if len(self._tokens) > MOST_ORIGINS:
                self._tokens.popitem(last=False)
        return token


def number_of(private_key: str) -> int:
    """The number that a private key is, in base64url."""
    return int.from_bytes(from_base64url(private_key), "big")


def derived_number(secret: str) -> int:
    """A private key derived from a secret, without a bias that matters (FIPS 186-5, A.2.1: 64 bits more)."""
    hkdf = HKDF(algorithm=SHA256(), length=40, salt=None, info=b"parley vapid key")
    return int.from_bytes(hkdf.derive(secret.encode()), "big") % (P256_ORDER - 1) + 1
