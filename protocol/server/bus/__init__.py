"""How instances hear of each other's events: the interface, one in memory, one on Redis Streams and Pub/Sub.

`protocol.server.recovery`, `protocol.server.namespaces` and `protocol.server` import it. It imports
`protocol.cluster` and `protocol.server.redis`.
"""
