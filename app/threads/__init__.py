"""Threads: what is told with a reply of the thread that it belongs to, and how users stand to theirs.

`app.messages` and `app.api` import it. It imports `app.announce`, `app.core`, `app.db`, `app.payloads`, `app.rooms` and
`app.store`.
"""
