"""How much a user or a network address may do: rates shared by all instances, work at once on one of them.

The modules whose work is limited import it. It imports `app.config` and `app.core`.
"""
