"""Files that messages carry: taken as streams, known by their bytes, kept in a folder or a bucket, shown to members.

`app.api_docs` and `app.serving` import it. It imports its own folders, `app.contract`, `app.core`, `app.db`,
`app.http`, `app.limits`, `app.payloads` and `app.store`.
"""
