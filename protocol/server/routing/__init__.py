"""The bus that routes by interest: each instance has a stream of its own, and Redis writes a record to the streams of
those that have members in its rooms.

`protocol.server` imports it. It imports `protocol.cluster`, `protocol.server.bus` and `protocol.server.redis`.
"""
