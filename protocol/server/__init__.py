"""The servers that an application makes, and the emitter for processes without sockets.

`protocol` offers them. They import all folders below.
"""
