"""The descriptions of the API, made from the table of operations: OpenAPI, AsyncAPI and the page of events.

`app.serving` imports it. It imports `app.api`, `app.attachments`, `app.contract`, `app.http` and `app.payloads`.
"""
