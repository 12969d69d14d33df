"""Every row of docs/compatibility.md, in its order."""

from scripts.ecosystem.row import Row
from scripts.ecosystem.rows import clients, databases, load_testers, peers, proxies, servers

ROWS: tuple[Row, ...] = (
    *clients.ROWS,
    *servers.ROWS,
    *peers.ROWS,
    *proxies.ROWS,
    *load_testers.ROWS,
    *databases.ROWS,
)
