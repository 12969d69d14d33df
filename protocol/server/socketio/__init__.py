"""The API of a server for applications: namespaces, sockets, broadcasts, and the registration of handlers.

`protocol` and `protocol.server` import it. It imports `protocol.server.namespaces`, which holds the state behind it.
"""
