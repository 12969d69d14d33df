"""One entry of the table of all that a client can ask for. The table itself is `app.api.operations`.

Modules that declare, serve or describe operations import it. It imports `app.core`, `app.limits` and `app.payloads`.
"""
