"""Polling sessions that have joined no namespace yet. Each costs its client one request and holds no connection, and
lives until `connect_timeout`, so there are only so many of one network."""

from protocol.errors import HandshakeCode, HandshakeError
from protocol.server.engineio.link import Link
from protocol.server.scheduling.networks import network_of


class Unjoined:
    """Those of an instance, `most` of a network; None: any number."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._links: dict[str, set[Link]] = {}  # with some that have joined since

    def check(self, address: str | None) -> None:
        """Raises `HandshakeError` if there may be no more from this address."""
        links = self._links.get(network_of(address))
        if self._most is None or links is None or len(links) < self._most:
            return
        links.difference_update([link for link in links if link.receiver.deadline is None])
        if len(links) >= self._most:
            raise HandshakeError(HandshakeCode.FORBIDDEN, "Too many sessions of your network wait to join")

    def add(self, link: Link) -> None:
        """A session has begun."""
        self._links.setdefault(network_of(link.request.address), set()).add(link)

    def discard(self, link: Link) -> None:
        """A session has ended."""
        network = network_of(link.request.address)
        links = self._links.get(network)
        if links is not None:
            links.discard(link)
            if not links:
                del self._links[network]
