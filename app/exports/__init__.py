"""Exports, as streams that are read page by page: of one's own data, of a room, and of the audit log.

`app.administration.command` and what puts all together import it. It imports `app.administration`, `app.contract`,
`app.core`, `app.db`, `app.http`, `app.limits`, `app.payloads` and `app.store`.
"""
