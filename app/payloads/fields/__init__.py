"""The types of fields in payloads, and the checks of names, texts and metadata.

`app.payloads` and the modules that validate import it. It imports `app.core` and `app.db`.
"""
