"""What payloads are made of: types of fields, and what is checked of names, texts and metadata.

`app.payloads` and whoever validates imports it. It imports `app.core` and `app.db`.
"""
