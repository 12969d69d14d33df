"""What must hold of every history, each by its name: a pure function that finds what breaks it.

`scripts.soaking` imports them, and the tests that give them tables. They import `history` and `timeline`.
"""
