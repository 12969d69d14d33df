"""The client: one connection over websocket, reconnecting, with sockets of namespaces.

`protocol` offers it. It imports the pure folders, and nothing of the server.
"""
