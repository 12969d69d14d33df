"""How this package is loaded: compiled, or as Python.

`protocol` imports it, before all else. It imports nothing of the others.
"""
