"""People: accounts, tokens, devices, sign-out, search, blocks and privacy.

`app.rooms`, `app.messages`, `app.api` and what puts all together import it. It imports `app.announce`, `app.core`,
`app.db`, `app.limits`, `app.payloads` and `app.store`.
"""
