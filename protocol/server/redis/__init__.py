"""Redis as the bus and the store need it: URLs of all forms, connections, topology, pipelined commands.

`protocol.server.bus` and `protocol.server.store` import it. It imports `protocol.errors` and `protocol.backoff`.
"""
