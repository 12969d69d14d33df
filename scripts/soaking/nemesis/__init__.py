"""The nemesis: which faults there are, when they come, and their doing.

`scripts.soaking` imports it. It imports `scripts.soaking.stack`, `audit`, `clocks`, `history` and `recorder`.
"""
