"""The two doors of the chat, events of sockets and REST, and the table of operations that both are made from.

`app.api_docs` and `app.serving` import it. It may import all parts of the chat.
"""
