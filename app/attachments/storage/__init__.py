"""Where the bytes of files are kept: a folder, or a bucket of S3.

`app.attachments` imports it. It imports `app.config` and `app.core`.
"""
