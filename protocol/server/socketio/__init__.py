"""Namespaces, sockets, rooms, handlers and broadcasts of one process, and its part of a cluster's.

`protocol.server` imports it. It imports `protocol.server.bus`, `protocol.server.engineio`, `protocol.server.recovery`
and what they import.
"""
