"""Ports for servers that have to be told theirs. A server of the tests that can choose takes port 0."""

import random
import socket

BELOW_EPHEMERAL_PORTS = range(20_000, 32_000)


given_ports: set[int] = set()


def find_free_port() -> int:
    """A free port that is no ephemeral one: a client that retries on such a port can connect to itself."""
    while True:
        port = random.choice(BELOW_EPHEMERAL_PORTS)
        if port in given_ports:  # to somebody who may not listen there yet
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        given_ports.add(port)
        return port
