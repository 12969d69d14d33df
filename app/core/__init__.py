"""The base of every part of the chat: callers, refusals, background work, scripts in Redis, private files.

All folders of `app` may import it. It imports none of them.
"""
