"""What every HTTP request passes, whatever it asks for: ids, bodies, errors, bounds of an address; and the page's files.

`app.api` and those with routes of their own import it. It imports `app.config`, `app.core` and `app.payloads`.
"""
