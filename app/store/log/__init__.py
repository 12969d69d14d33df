"""SQL about what is said: the log of a room with its messages, mentions, reactions and files, in order.

`app.store` offers the modules. It imports `app.db` and types of fields.
"""
