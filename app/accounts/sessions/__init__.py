"""Sessions: bearer tokens and those of devices, the list of a user's sessions, and how they end on every instance.

`app.accounts`, `app.administration`, `app.api` and what puts all together import it. It imports `app.core`, `app.db`,
`app.limits`, `app.payloads` and `app.store`.
"""
