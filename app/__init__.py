"""The chat: rooms, direct messages, typing, presence and history, on the Socket.IO server of `protocol`.

Here are the console command and the Python client; everything else is in a folder of its subject. `protocol` is used by
what `protocol.__all__` offers. Nothing imports the modules beside this file.
"""
