"""The websocket protocol (RFC 6455), as bytes: frames and both sides of the opening handshake.

All folders of `protocol` may import it. It imports `protocol.errors`. Pure: no input or output, no clock.
"""
