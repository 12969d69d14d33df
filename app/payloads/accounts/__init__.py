"""Payloads about accounts: what opens them, and what administrators send and see of them.

Whoever handles these may import it. It imports the other payloads.
"""
