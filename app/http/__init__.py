"""What every HTTP request passes: ids, bodies, errors, bounds of a network address; and the files of the page.

`app.api` and those with routes of their own import it. It imports `app.config`, `app.core` and `app.payloads`.
"""
