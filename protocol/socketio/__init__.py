"""Socket.IO 5, without input or output: packets, parsers, the state of each namespace on either side, rooms.

The client and the server import it. It imports `protocol.engineio`. Pure.
"""
