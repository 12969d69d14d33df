"""What every part of the chat needs: who asks, what is refused, background work, scripts in Redis, private files.

All folders of `app` may import it. It imports none of them.
"""
