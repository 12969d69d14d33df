"""What a file is, by its bytes.

`app.attachments` and `app.attachments.thumbnails` import it. It imports no other folder.
"""
