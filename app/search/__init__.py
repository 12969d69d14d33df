"""The text of a search: what its words are, in what is searched and in what is asked for.

Pure: no input or output, no clock. Whoever writes or reads the index imports it; it imports nothing of the chat.
"""
