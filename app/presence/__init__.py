"""Presence of users, and typing.

`app.api` imports it. It imports `app.announce`, `app.core`, `app.db`, `app.payloads`, `app.rooms` and `app.store`.
"""
