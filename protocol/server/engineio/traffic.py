"""Counters of what passes between clients and this instance, for whoever wants to show them (the admin UI).

An instance that counts has another class of links, so that one that does not count does nothing for it. A broadcast is
counted once, with the number of its receivers. Counted are packets with data, as the reference's admin UI does: no
pings and pongs. Bytes are those of the data, without framing and without the digit of the packet's type.
"""

from collections import Counter
from functools import partial

from protocol.engineio.packets import Encoded
from protocol.server.engineio.link import Link


class Traffic:
    """Totals since counting began: sessions `opened` and `closed` (by reason), packets and bytes in and out, and the
    ids of sessions that are `polling`."""

    __slots__ = ("bytes_in", "bytes_out", "closed", "opened", "packets_in", "packets_out", "polling")

    def __init__(self) -> None:
        self.opened = 0
        self.closed: Counter[str] = Counter()
        self.packets_in = 0
        self.packets_out = 0
        self.bytes_in = 0
        self.bytes_out = 0
        self.polling: set[str] = set()

    def watch(self, link: Link) -> None:
        """A session begins: count what comes, and its end."""
        session_id = link.session.id
        self.opened += 1
        if link.transport.name == "polling":
            self.polling.add(session_id)
        listeners = link.listen()
        listeners.on_packet.append(self._came)
        listeners.on_upgrade.append(partial(self._upgraded, session_id))
        listeners.on_end.append(partial(self._ended, session_id))

    def sent(self, item: Encoded, number: int) -> None:
        """A packet is queued for so many clients."""
        has_text = bool(item.text)
        if item.binary:
            self.packets_out += number * (has_text + len(item.binary))
            self.bytes_out += number * (item.size - has_text)
        else:
            self.packets_out += number
            self.bytes_out += number * (len(item.text) - has_text)

    def _came(self, _type: str, data: str | bytes) -> None:
        if data:
            self.packets_in += 1
            self.bytes_in += len(data if isinstance(data, bytes) or data.isascii() else data.encode())

    def _upgraded(self, session_id: str, _transport: str) -> None:
        self.polling.discard(session_id)

    def _ended(self, session_id: str, reason: str) -> None:
        self.polling.discard(session_id)
        self.closed[reason] += 1


class CountedLink(Link):
    """A link whose packets are counted."""

    __slots__ = ()

    def send(self, item: Encoded) -> None:
        """See `Link.send`."""
        if self._hub.traffic is not None:
            self._hub.traffic.sent(item, 1)
        super().send(item)
