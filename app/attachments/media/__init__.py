"""The types of files, by their bytes.

`app.attachments` imports it. It imports no other folder.
"""
