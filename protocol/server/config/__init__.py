"""What a server is told, checked: options, an observer of what it does; and what follows for headers.

The folders of the server import it. It imports `protocol.engineio`, `protocol.server.http` and `protocol.socketio`.
"""
