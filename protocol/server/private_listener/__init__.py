"""Where other instances bring what clients ask for the sessions of this one.

`protocol.server` imports it. It imports `protocol.server.forwarding`, `protocol.server.transports` and
`protocol.server.uvicorn_http`.
"""
