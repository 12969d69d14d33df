"""Which clients count as one."""

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network


@lru_cache(maxsize=4096)
def network_of(address: str | None) -> str:
    """The network that limits count as one client: an IPv4 address itself, or the /64 of an IPv6 address."""
    try:
        ip = ip_address(address or "")
    except ValueError:
        return "unknown"  # a unix socket has no address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ip_network((int(ip), 64), strict=False).network_address)
