"""SQL about users: accounts, tokens, known networks, presence, and what they let others do.

`app.store` offers the modules. It imports `app.db` and types of fields.
"""
