"""The options of forwarding."""

import hashlib
import hmac

from msgspec import Struct


class Forwarding(Struct, frozen=True, kw_only=True):
    """Where an instance accepts requests that other instances forward to it. Raises `ValueError` for bad values.

        io = Server(bus=RedisBus(url), store=RedisStore(url), forwarding=Forwarding(host="10.0.0.5", secret=secret))

    `host` is an address that the other instances can reach, in a private network, since nothing is encrypted. `port` 0
    picks any free port. `secret` is the same for all instances. An instance that is frozen for longer than `lease` ms
    counts as gone.
    """

    host: str
    secret: str
    port: int = 0
    lease: int = 10_000

    def __post_init__(self) -> None:
        if self.host in ("", "0.0.0.0", "::"):  # noqa: S104 - it is what is refused
            raise ValueError("host must be an address that the other instances can reach")
        if not self.secret:
            raise ValueError("secret must not be empty: it is what keeps everybody else out")
        if self.lease < 1:
            raise ValueError(f"lease must be at least 1, not {self.lease}")

    def __repr__(self) -> str:
        return f"Forwarding(host={self.host!r}, port={self.port!r}, lease={self.lease!r})"

    @property
    def credential(self) -> str:
        """The credential that instances show each other: derived from the secret."""
        return hmac.digest(self.secret.encode(), b"parley forwarding", hashlib.sha256).hex()

    def knows(self, credential: bytes) -> bool:
        """True if a credential is the one that all instances share."""
        return hmac.compare_digest(credential, self.credential.encode())
