"""Routing by interest, its pure part: which rooms an instance hears of, which rooms a record is for, and where what a
client has missed is found.

`protocol.server.routing` and `protocol.server.recovery` import it. It imports `protocol.cluster`.
"""
