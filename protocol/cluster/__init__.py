"""What instances write for each other: records of a stream, requests and answers, saved sessions. As in Node's adapters.

The client and the server import it. It imports `protocol.engineio`. Pure.
"""
