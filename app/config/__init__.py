"""The settings: read from the environment, checked, described.

Whatever is set up by settings imports it. It imports `app.core` and `app.db`.
"""
