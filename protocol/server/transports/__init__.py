"""How the bytes of clients come and go: polling, websockets on uvicorn's sockets, websockets over ASGI.

`protocol.server` and `protocol.server.private_listener` import it. It imports `protocol.server.engineio` and
`protocol.server.forwarding`.
"""
