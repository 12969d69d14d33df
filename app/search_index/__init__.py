"""The index of words: what is added to it in the background, and the search of messages in it.

`app.api` and `app.serving` import it. It imports the parts of the chat that it needs to know whose rooms are searched.
"""
