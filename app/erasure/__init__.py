"""What is erased in parts, each in a transaction of its own: deleted rooms, deleted accounts, and old messages.

`app.administration`, `app.api` and what puts all together import it. It imports `app.accounts`, `app.announce`,
`app.core`, `app.db`, `app.payloads`, `app.rooms` and `app.store`.
"""
