"""The configuration of a server, checked: its options, its observer, and the headers that follow from them.

The folders of the server import it. It imports `protocol.engineio`, `protocol.server.http` and `protocol.socketio`.
"""
