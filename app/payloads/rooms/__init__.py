"""Payloads about rooms as their admins run them: pinned messages, links, deletion.

The parts of the chat import it. It imports `app.payloads`.
"""
