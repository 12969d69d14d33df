"""Requests for sessions of other instances: found by the tag of a session's id, passed on, answered.

`protocol.server.transports` and `protocol.server.private_listener` import it. It imports `protocol.server.engineio`,
`protocol.server.store` and `protocol.websocket`.
"""
