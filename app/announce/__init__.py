"""Announcements: events to the sockets of a room or a user, in the order of the room's log.

The parts of the chat that change something import it. It imports `app.db`, `app.payloads` and `app.store`.
"""
