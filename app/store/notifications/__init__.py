"""SQL about notifications: settings, subscriptions of devices, and the messages that are to be decided and sent.

The parts of the chat import it through `app.store`. It imports `app.db` and `app.payloads.fields`.
"""
