"""Sending of a notification: its content, Web Push with its encryption and signatures, webhooks, the HTTP below them.

`app.notifications` imports it. It imports `app.config`, `app.payloads.fields` and `app.store.notifications`.
"""
