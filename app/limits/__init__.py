"""How much a user or a network address may do: rates shared by all instances, work at once on one of them.

Whoever does something that is limited imports it. It imports `app.config` and `app.core`.
"""
