"""Where the instances of one chat reach each other, to forward what clients ask of the wrong one."""

import logging
import socket
from contextlib import closing

from app.config.settings import ConfigError, Settings
from protocol import Forwarding, parse_redis_url

log = logging.getLogger(__name__)

ALONE = "127.0.0.1"


def forwarding(settings: Settings) -> Forwarding:
    """The forwarding that the settings ask for."""
    host = settings.peer_host or local_address(settings.redis_url)
    return Forwarding(host=host, port=settings.peer_port, secret=settings.jwt_secret)


def check_peer_address(settings: Settings) -> None:
    """Sees to it that the settings' address can be listened on. Raises ConfigError."""
    if settings.workers and settings.peer_port:
        raise ConfigError("PEER_PORT must be 0 with WORKERS: each of them has a port of its own.")
    if not settings.peer_host and not settings.peer_port:
        return
    chosen = forwarding(settings)
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    try:
        socket.create_server((chosen.host, chosen.port), family=family).close()
    except OSError as error:
        raise ConfigError(
            f"cannot listen on PEER_HOST={chosen.host} and PEER_PORT={chosen.port}: {error.strerror}."
        ) from error


def local_address(url: str) -> str:
    """The address of this machine that the Redis of a URL, the first where it names several, sees it come from."""
    (host, port), *_ = parse_redis_url(url).addresses
    if not port:  # a unix socket: all are on this machine
        return ALONE
    try:
        (family, kind, *_, address), *_ = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        with closing(socket.socket(family, kind)) as probe:
            probe.connect(address)  # which sends nothing
            return str(probe.getsockname()[0])
    except OSError as error:
        log.warning("no way to %s is known, so PEER_HOST is taken to be %s: %s", host, ALONE, error)
        return ALONE
