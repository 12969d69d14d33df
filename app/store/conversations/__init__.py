"""SQL about rooms and direct conversations: who is in them, invited to them, and how they are listed.

`app.store` offers the modules. It imports `app.db`, `app.store.log` and types of fields.
"""
