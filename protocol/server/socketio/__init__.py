"""What applications see of a server: namespaces, sockets, broadcasts, and how handlers are registered.

`protocol` and `protocol.server` import it. It imports `protocol.server.namespaces`, which holds the state behind it.
"""
