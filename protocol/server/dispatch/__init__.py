"""From what a client sent to the application's handlers: CONNECT, events, acks, departures.

`protocol.server` imports it. It imports `protocol.server.namespaces` and what that imports.
"""
