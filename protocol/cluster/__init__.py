"""What instances write for each other, as Node's adapters do: records of a stream, requests, saved sessions.

The client and the server import it. It imports `protocol.engineio` and `protocol.socketio`. Pure.
"""
