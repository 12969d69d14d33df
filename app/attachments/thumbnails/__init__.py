"""Thumbnails of pictures, made in a process of their own that can be ended.

`app.attachments` imports it. It imports `app.limits`.
"""
