"""Rooms: made, listed, entered, left; their members, roles and invitations.

`app.presence`, `app.messages` and `app.api` import it. It imports `app.accounts`, `app.announce`, `app.core`, `app.db`,
`app.payloads` and `app.store`.
"""
