"""What goes in and out over both doors: requests of clients, responses, events of the server, rows made into them.

Whoever serves a request imports it. It imports `app.core`, its fields and the rows of `app.store`.
"""
