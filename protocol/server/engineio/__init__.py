"""The sessions of one server process: the hub that holds them, and the link between a client and its session.

What is built on sessions imports it. It imports `protocol.engineio`, `protocol.server.config` and
`protocol.server.http`.
"""
