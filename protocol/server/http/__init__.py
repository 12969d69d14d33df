"""HTTP requests and answers as ASGI has them, and what a handshake says of its client.

The folders of the server import it. It imports `protocol.engineio`.
"""
