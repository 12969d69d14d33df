"""Messages: written, edited, read, searched, caught up with; direct conversations.

`app.api` imports it. It imports `app.accounts`, `app.announce`, `app.core`, `app.db`, `app.payloads`, `app.rooms` and
`app.store`.
"""
