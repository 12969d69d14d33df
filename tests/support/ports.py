"""Ports for servers that have to be told theirs. A server of the tests that can choose takes port 0."""

import random
import socket

BELOW_EPHEMERAL_PORTS = range(20_000, 32_000)


def find_free_port() -> int:
    """A free port of TCP that is no ephemeral one: a client that retries on such a port can connect to itself.

    A server may listen there much later. Until this process ends, it holds the port of UDP that has the same number,
    so that no other call gives the port again, here or in a process beside this one.
    """
    while True:
        port = random.choice(BELOW_EPHEMERAL_PORTS)
        held = socket.socket(type=socket.SOCK_DGRAM)
        with socket.socket() as probe:
            try:
                held.bind(("127.0.0.1", port))
                probe.bind(("127.0.0.1", port))
            except OSError:
                held.close()
                continue
        held.detach()  # closed by nobody, and so with the process
        return port
