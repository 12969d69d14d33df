"""Several processes that serve one port together, and the one that starts, watches and replaces them.

The console command imports it. It imports `app.config`, `app.core`, `app.observability`, `app.runtime` and
`app.serving`.
"""
