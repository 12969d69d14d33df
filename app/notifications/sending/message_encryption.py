"""Message Encryption for Web Push (RFC 8291): aes128gcm (RFC 8188) with keys that the browser and we alone have."""

import binascii
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()
RECORD_SIZE = 4096  # bytes, the most that push services take (RFC 8291 §4)
MOST_TEXT = 3_000  # bytes of a payload, well below what one record can have
LAST_RECORD = b"\x02"  # the delimiter of RFC 8188 §2


class BadKey(ValueError):
    """A key of a subscription is none; its text tells which."""


def encrypt(
    text: bytes,
    *,
    public_key: str,
    auth: str,
    private: ec.EllipticCurvePrivateKey | None = None,
    salt: bytes | None = None,
) -> bytes:
    """The body of a push to the subscription with these keys, which are in base64url.

    `private` and `salt` are made anew for each message, unless they are given. Raises BadKey, and ValueError for a
    text of more than `MOST_TEXT` bytes.
    """
    if len(text) > MOST_TEXT:
        raise ValueError(f"a payload may have {MOST_TEXT} bytes")
    receiver = load_public_key(public_key)
    private = ec.generate_private_key(CURVE) if private is None else private
    salt = os.urandom(16) if salt is None else salt
    ours, theirs = point_of(private.public_key()), point_of(receiver)
    shared = private.exchange(ec.ECDH(), receiver)
    key = _derive(shared, from_base64url(auth), b"WebPush: info\0" + theirs + ours, 32)  # RFC 8291 §3.3
    content_key = _derive(key, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derive(key, salt, b"Content-Encoding: nonce\0", 12)
    header = salt + RECORD_SIZE.to_bytes(4, "big") + bytes([len(ours)]) + ours
    return header + AESGCM(content_key).encrypt(nonce, text + LAST_RECORD, None)


def load_public_key(text: str) -> ec.EllipticCurvePublicKey:
    """The point of P-256 that a `p256dh` is, in base64url. Raises BadKey."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, from_base64url(text))
    except ValueError as error:
        raise BadKey("must be a public key of P-256 in base64url") from error


def point_of(key: ec.EllipticCurvePublicKey) -> bytes:
    """The uncompressed form of a public key, 65 bytes."""
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def to_base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def from_base64url(text: str) -> bytes:
    """The bytes of base64url, padded or not. Raises BadKey."""
    try:
        return urlsafe_b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4))
    except binascii.Error as error:
        raise BadKey("must be base64url") from error


def _derive(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=size, salt=salt, info=info).derive(secret)
