"""Sending of a notification: its content, Web Push with its encryption and signatures, webhooks, the HTTP below them.

`app.notifications` and `app.link_previews` import it. It imports `app.config`,
`app.payloads.fields` and `app.store.notifications`.
"""
