"""SQL about the index of words: of messages, and of the names of rooms and people; and what is to be added to it.

`app.store` offers the modules. It imports `app.db` and `app.store.log`. The words are made by `app.search`.
"""
