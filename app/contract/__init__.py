"""One entry of the table of all that a client can ask for. The table itself is `app.api.operations`.

Whoever declares, serves or describes operations imports it. It imports `app.core`, `app.limits` and `app.payloads`.
"""
