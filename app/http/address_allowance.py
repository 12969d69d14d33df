"""Every HTTP request counts against the allowance of the address that it comes from, whatever it asks for; a health
probe alone does not, which must be answered however busy the address is, and costs next to nothing."""

from collections.abc import Awaitable, Callable, Collection

from starlette.types import ASGIApp, Receive, Scope, Send

from app.http.requests import expected

AllowAddress = Callable[[str], Awaitable[None]]


class AddressAllowance:
    """Asks `allow` about the address of each request, but for the `free` paths; what it refuses is answered so.

    `allow` raises Refusal.
    """

    def __init__(self, app: ASGIApp, allow: AllowAddress, free: Collection[str]) -> None:
        self._app = app
        self._allow = allow
        self._free = free

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        if scope["type"] == "http" and scope["path"] not in self._free:
            try:
                await self._allow(address_of(scope))
            except Exception as error:
                response = expected(error)
                if response is None:
                    raise
                await response(scope, receive, send)
                return
        await self._app(scope, receive, send)


def address_of(scope: Scope) -> str:
    """The network address of the client, as the proxy in front of us tells it where one is trusted."""
    client = scope.get("client")
    return client[0] if client else ""
