"""HTTP/1.1 for uvicorn with bounded memory, work and time for each connection. Of use to any application.

`protocol.server` and `protocol.server.private_listener` import it. It imports `protocol.server.config`,
`protocol.server.http` and `protocol.server.engineio`.
"""
