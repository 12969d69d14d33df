"""The descriptions of the API, made from the table of operations: OpenAPI, AsyncAPI, the page of events, and
the TypeScript types.

`app.serving` imports it. It imports `app.api`, `app.attachments`, `app.contract`, `app.core`, `app.http` and
`app.payloads`.
"""
