"""What administrators do: people, invitations, rooms, figures, and the audit log of it; over REST and at the shell.

`app.administration.command`, `app.api`, `app.exports` and what puts all together import it. It imports `app.accounts`,
`app.announce`, `app.core`, `app.db`, `app.erasure`, `app.payloads`, `app.rooms` and `app.store`.
"""
