"""The commands `parley admin …`: administration from a shell, on the database of the instances.

`app` imports it. It imports `app.accounts`, `app.administration`, `app.announce`, `app.config`, `app.core`, `app.db`,
`app.embedded`, `app.payloads` and `app.store`.
"""
