"""SQL of administration: states of accounts, invitations to sign up, rooms as administrators see them, the audit log.

`app.store` and the parts of the chat that are about accounts and administration import it. It imports `app.db`,
`app.payloads.fields`, `app.store.log` and `app.store.people`.
"""
