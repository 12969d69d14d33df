"""State that instances share, with expiry: saved sessions, addresses of instances. In memory and in Redis.

`protocol.server.recovery` and `protocol.server.forwarding` import it. It imports `protocol.server.redis`.
"""
