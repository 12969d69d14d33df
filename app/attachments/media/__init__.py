"""What a file is, by its bytes.

`app.attachments` imports it. It imports no other folder.
"""
