"""SQL about what is kept of messages beside the log of their room.

The other parts of the store and the parts of the chat import it. It imports the database below and `app.store.log`.
"""
