"""The payloads of events and REST: requests of clients, responses, events of the server, rows made into them.

The modules that serve a request import it. It imports `app.core`, its fields and the rows of `app.store`.
"""
