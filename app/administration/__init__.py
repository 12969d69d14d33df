"""What administrators do: people, invitations, rooms, figures, and the audit log of it; over REST and at the shell.

`app.administration.command`, `app.api` and what puts all together import it. It imports `app.accounts`,
`app.announce`, `app.contract`, `app.core`, `app.db`, `app.http`, `app.limits`, `app.payloads`, `app.rooms` and
`app.store`.
"""
