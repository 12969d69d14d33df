"""What administrators decide: who may sign up, invitations, who administers, who is deactivated, and the log of it.

`app.accounts`, the console command and what puts all together import it. It imports `app.core`, `app.db`,
`app.payloads` and `app.store`.
"""
