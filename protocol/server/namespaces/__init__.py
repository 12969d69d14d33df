"""Namespaces of one process: their sockets, rooms and handlers, and their part of a cluster's.

`protocol.server.dispatch`, `socketio` and `protocol.server` import it. It imports `protocol.server.bus`, `engineio` and
`recovery` and what they import. What applications see of it is in `protocol.server.socketio`.
"""
