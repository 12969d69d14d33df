"""Notifications: what reaches whom, decided once from the committed message, and sent as Web Push or to a webhook.

`app.api` and `app.serving` import it. It imports `app.announce`, `app.core`, `app.db`, `app.payloads`, `app.rooms` and
`app.store`. Its rules are pure; all instances share its queue, a stream in Redis.
"""
