"""The admin UI: what operators see of a server in the page of `@socket.io/admin-ui`, and do to its clients from there.

`protocol` imports it. It imports `protocol.server`, whose hooks for applications it is built on, and
`protocol.server.socketio`.
"""
