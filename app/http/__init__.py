"""The handling of every HTTP request: ids, bodies, errors, bounds of users and network addresses; the page's files.

`app.api` and those with routes of their own import it. It imports `app.config`, `app.core` and `app.payloads`.
"""
