"""SQL about rooms, direct conversations and groups: members, pins, invitations, and lists of them.

`app.store` offers the modules. It imports `app.db`, `app.store.log` and types of fields.
"""
