"""What every HTTP request passes: ids, bodies, errors, bounds of a user and of a network address; and the page's files.

`app.api` and those with routes of their own import it. It imports `app.config`, `app.core` and `app.payloads`.
"""
