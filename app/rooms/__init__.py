"""Rooms: made, listed, entered, left, run; their members, roles, pins, invitations and links.

`app.presence`, `app.messages` and `app.api` import it. It imports `app.accounts`, `app.announce`, `app.core`, `app.db`,
`app.payloads` and `app.store`.
"""
