"""HTTP between instances: a request without the credential that they share is refused at the end of its head, before
anything of its body is parsed or an application is asked."""

from collections.abc import Callable
from http import HTTPStatus
from sys import maxsize
from typing import ClassVar, Self

from protocol.server.engineio.hub import Hub
from protocol.server.forwarding.remote_instance import CREDENTIAL_HEADER
from protocol.server.uvicorn_http.http_protocol import HttpProtocol
from protocol.server.uvicorn_http.request_head import RequestRefused, values

_CREDENTIAL = CREDENTIAL_HEADER.encode()


class PrivateHttpProtocol(HttpProtocol):
    """One connection of another instance, or of a stranger that has found the port."""

    max_head: ClassVar[int] = 16 * 1024  # an instance forwards only those headers that an answer depends on
    max_framing: ClassVar[int] = (
        8  # a client's body is passed on as it comes, in chunks of a byte where it is slow
    )
    max_idle: ClassVar[int] = (
        maxsize  # a client that gets so far is an instance, and one that closed under a request ends a session
    )
    _knows: Callable[[bytes], bool]

    @classmethod
    def told(cls, hub: Hub, knows: Callable[[bytes], bool]) -> type[Self]:
        """See `of`; `knows` tells whether a credential is the right one."""
        return cls.of(hub, _knows=staticmethod(knows))

    def check_head(self) -> None:
        """Check the credential besides. Raises `RequestRefused`."""
        super().check_head()
        given = values(self.headers, _CREDENTIAL)
        if len(given) != 1 or not self._knows(given[0]):
            raise RequestRefused(HTTPStatus.FORBIDDEN, "")
