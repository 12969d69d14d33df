"""Payloads about rooms that everybody finds, and as their admins run them: pinned messages, links, deletion.

The parts of the chat import it. It imports `app.payloads`, and
the rows of `app.store.conversations`.
"""
