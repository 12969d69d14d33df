"""The messages between instances, as Node's adapters write them: stream records, requests, saved sessions.

The client and the server import it. It imports `protocol.engineio` and `protocol.socketio`. Pure.
"""
