"""The keys of instances that route by interest, as others need them."""

LEASE = 10_000  # ms after its last sign of life that an instance is taken for a running one


class RoutingKeys:
    """The keys of the cluster that uses a stream name; its hash tag keeps all in one slot."""

    def __init__(self, stream: str) -> None:
        self._prefix = f"{{{stream}}}:"
        self.last = f"{self._prefix}last"
        self.inboxes = f"{self._prefix}inboxes"
        self.common = f"{self._prefix}common"

    def inbox(self, name: str) -> str:
        """The stream of an instance."""
        return f"{self._prefix}inbox:{name}"

    def channels(self, prefix: str) -> str:
        """The prefix of the channels for requests, which are in the same slot."""
        return f"{self._prefix}{prefix}"
