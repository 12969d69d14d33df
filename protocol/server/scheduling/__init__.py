"""How work is given to the event loop: in turns, or at once, as a task only where it waits for something.

`protocol.server.engineio`, `protocol.server.admin_ui` and `protocol` import it. It uses nothing of the others.
"""
