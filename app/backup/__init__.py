"""Backups: the database and the files of one moment in one folder, checked before they are restored.

The console command imports it. It imports `app.attachments.storage`, `app.core`, `app.db`, `app.embedded` and
`app.store`.
"""
