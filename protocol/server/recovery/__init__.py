"""Connection state recovery: what was delivered, what is saved of a session, and how a client gets it back.

`protocol.server.namespaces`, `protocol.server.dispatch` and `protocol.server` import it. It imports
`protocol.cluster`, `protocol.server.bus`, `protocol.server.engineio` and `protocol.server.store`, and knows sockets by
what it asks of them.
"""
